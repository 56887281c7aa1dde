/** Who gives way when the sockets have run out. */

import { expect, test } from "bun:test";
import { ClientConnection, type ConnectionHost, type PlainSocket } from "../../src/wire/client-connection.ts";
import type { ClientSession } from "../../src/wire/session.ts";
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

test("a socket that was reset before it was opened has no address, and is let go like any other", () => {
  const room = new WaitingRoom<unknown>();
  const reset = { remoteAddress: undefined } as unknown as PlainSocket;
  const session = {} as ClientSession;
  const host: ConnectionHost = {
    tls: null,
    open: (_, address) => {
      room.add(session, address);
      return session;
    },
    internalError: () => undefined,
  };
  new ClientConnection(reset, host);
  room.remove(session);
  expect(room.size).toBe(0);
});
