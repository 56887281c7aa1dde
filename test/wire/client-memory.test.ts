/** What clients' buffers may hold: together, each by itself, and for how long. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { FREE_CLIENT_BYTES, NOTIFICATION_OUTPUT_BYTES, READ_TIMEOUT_SECONDS } from "../../src/limits.ts";
import { MemoryBudget } from "../../src/memory-budget.ts";
import { ClientMemory } from "../../src/wire/client-memory.ts";
import { DirectClient } from "./direct-client.ts";
import { ManualTimers } from "./scripted-sql.ts";

const MIB = 1024 * 1024;

/** Clients that share one budget. */
function crowd(count: number, maxBytes: number) {
  const timers = new ManualTimers();
  const budget = new MemoryBudget(maxBytes);
  const memory = new ClientMemory(budget, timers);
  const clients = Array.from({ length: count }, () => DirectClient.ready({ memory, timers }));
  return { budget, timers, clients };
}

async function tell(clients: readonly DirectClient[], payload: string): Promise<void> {
  for (const { session } of clients) session.notify("c", payload);
  await Promise.resolve();
}

const LARGE_MESSAGE = serialize.query("x".repeat(16 * MIB));

describe("notifications", () => {
  const payload = "x".repeat(60_000);

  test("that many deaf listeners wait for are kept once, and given back when all are told or gone", async () => {
    const { budget, clients } = crowd(50, Number.POSITIVE_INFINITY);
    for (const { transport } of clients) transport.room = 0;
    for (let i = 0; i < 100; i++) await tell(clients, `${i} ${payload}`);
    // Of their own they have what is in their outputs.
    expect(budget.heldBytes).toBeGreaterThan(90 * payload.length);
    expect(budget.heldBytes).toBeLessThan(101 * payload.length + 50 * 2 * NOTIFICATION_OUTPUT_BYTES);
    for (const client of clients.slice(1)) client.session.connectionClosed();
    expect(budget.heldBytes).toBeGreaterThan(90 * payload.length);
    const heard = clients[0]?.drain();
    expect(heard?.map((line) => line.split(" ")[2])).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(budget.heldBytes).toBe(0);
  });

  test("of one who reads are not held up by those who do not", async () => {
    const { clients } = crowd(3, Number.POSITIVE_INFINITY);
    const [deaf, other] = clients as [DirectClient, DirectClient];
    deaf.transport.room = 0;
    for (let i = 0; i < 20; i++) {
      await tell(clients, payload);
      expect(other.take()).toEqual([`notification c ${payload}`]);
    }
  });
});

describe("when all hold too much", () => {
  test("whoever holds the most goes, and then the next, until there is room", async () => {
    const { budget, timers, clients } = crowd(4, 16 * MIB);
    const [small, large, larger, other] = clients as [DirectClient, DirectClient, DirectClient, DirectClient];
    const live = () => clients.map(({ sql }) => !sql.closed);
    small.send(LARGE_MESSAGE.subarray(0, MIB));
    large.send(LARGE_MESSAGE.subarray(0, 2 * MIB));
    larger.send(LARGE_MESSAGE.subarray(0, 3 * MIB));
    timers.turn();
    expect(live()).toEqual([true, true, true, true]);
    larger.send(LARGE_MESSAGE.subarray(3 * MIB, 9 * MIB));
    expect(live()).toEqual([true, true, true, true]);
    timers.turn();
    expect(live()).toEqual([true, true, false, true]);
    expect(larger.transport.cut).toBe(true);
    expect(larger.take().at(-1)).toStartWith("FATAL 53200 out of memory");
    expect(budget.isOverdrawn).toBe(false);
    expect(other.query("rows 1").at(-1)).toBe("ready I");
    for (const client of clients) client.session.connectionClosed();
    expect(budget.heldBytes).toBe(0);
  });

  test("deaf listeners with notifications of their own go as well", async () => {
    const { budget, timers, clients } = crowd(4, 3 * MIB);
    for (const { transport } of clients.slice(0, 3)) transport.room = 0;
    for (let i = 0; i < 40; i++) {
      for (const [n, client] of clients.entries()) await tell([client], `${n}.${i} ${"x".repeat(30_000)}`);
      timers.turn();
      clients[3]?.take();
      expect(budget.isOverdrawn).toBe(false);
    }
    expect(clients.filter(({ sql }) => sql.closed).length).toBeGreaterThan(0);
    expect(clients[3]?.sql.closed).toBe(false);
  });

  test("nobody goes for what everybody may hold", () => {
    const { timers, clients } = crowd(8, 1);
    for (const client of clients) client.send(LARGE_MESSAGE.subarray(0, FREE_CLIENT_BYTES / 4));
    timers.turn();
    expect(clients.filter(({ sql }) => sql.closed)).toEqual([]);
  });
});

test("what is announced takes no memory before it comes", () => {
  const { budget, clients } = crowd(20, Number.POSITIVE_INFINITY);
  for (const client of clients) client.send(Buffer.from("Q\x04\x00\x00\x00x", "latin1"));
  expect(budget.heldBytes).toBe(0);
});

describe("a client that does not read", () => {
  test("is disconnected when it has read nothing for a while", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.query("wide 100000");
    client.timers.fire(READ_TIMEOUT_SECONDS * 1000);
    expect(client.sql.closed).toBe(true);
    expect(client.drain().at(-1)).toStartWith(
      "FATAL 57P05 terminating connection: the client has read nothing",
    );
  });

  test("stays while it reads but a byte, or once it has read all", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.query("wide 100000");
    for (let i = 0; i < 3; i++) {
      client.drain(1);
      client.timers.fire(READ_TIMEOUT_SECONDS * 1000);
      expect(client.sql.closed).toBe(false);
    }
    client.drain();
    client.timers.fire(READ_TIMEOUT_SECONDS * 1000);
    expect(client.query("rows 1").at(-1)).toBe("ready I");
    expect(client.timers.delays).toEqual([]);
  });
});
