import { expect, test } from "bun:test";
import { WaitingRoom } from "../../src/wire/waiting-room.ts";

function roomOf(...clients: (readonly [client: string, address: string])[]): WaitingRoom<string> {
  const room = new WaitingRoom<string>();
  for (const [client, address] of clients) room.add(client, address);
  return room;
}

test("the oldest of the address with the most goes first", () => {
  const room = roomOf(["a", "1"], ["b", "2"], ["c", "2"], ["d", "3"]);
  expect(room.next).toBe("b");
  room.remove("b");
  expect(room.next).toBe("a");
  room.add("e", "3");
  expect(room.next).toBe("d");
});

test("who is gone, or was never there, changes nothing", () => {
  const room = roomOf(["a", "1"]);
  room.remove("b");
  expect(room.size).toBe(1);
  room.remove("a");
  room.remove("a");
  expect(room.size).toBe(0);
  expect(room.next).toBeNull();
});
