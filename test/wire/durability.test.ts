/** No reply leaves before what it reflects is durable, and each leaves then. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { CLOSE_LINGER_SECONDS, OUTPUT_HIGH_WATER_BYTES } from "../../src/limits.ts";
import { DirectClient } from "./direct-client.ts";

const { query, sync, parse, bind, execute, end } = serialize;
const HELD = { instant: false };
const WRITTEN = ["done INSERT 0 1", "ready I"];

describe("a reply leaves when what it reflects is durable", () => {
  test("not before, and then at once", () => {
    const client = DirectClient.ready(HELD);
    expect(client.query("write")).toEqual([]);
    client.log.sync();
    expect(client.take()).toEqual(WRITTEN);
  });

  test("what depends on nothing new is not held", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.log.sync();
    client.take();
    expect(client.query("rows 1").at(-1)).toBe("ready I");
  });

  test("the commit of an extended query holds its replies", () => {
    const client = DirectClient.ready(HELD);
    client.send(parse({ text: "write" }), bind({}), execute({}), sync());
    expect(client.take()).toEqual([]);
    client.log.sync();
    expect(client.take().slice(-2)).toEqual(WRITTEN);
  });

  test("while replies are held, more is processed, and all leave in order", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.query("write");
    expect(client.query("rows 1")).toEqual([]);
    expect(client.log.appendedLsn).toBe(2);
    client.log.sync(1);
    expect(client.take()).toEqual(WRITTEN);
    client.log.sync(2);
    expect(client.take()).toEqual([...WRITTEN, "columns n:text", "row 1", "done SELECT 1", "ready I"]);
  });

  test("one sync that covers several waits releases them together, in one write", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.query("write");
    client.query("write");
    const { writes } = client.transport;
    client.log.sync(3);
    expect(client.take()).toEqual([...WRITTEN, ...WRITTEN, ...WRITTEN]);
    expect(client.transport.writes - writes).toBeLessThanOrEqual(2);
  });

  test("a socket that takes little gets the rest as it drains, and held bytes stay held", () => {
    const client = DirectClient.ready(HELD);
    client.query("rows 5; write");
    client.query("write");
    client.transport.room = 3;
    client.log.sync(1);
    expect(client.query("write")).toEqual([]);
    const first = client.drain(120);
    expect(first.length).toBeGreaterThan(4);
    expect(first.concat(client.drain())).toEqual([
      "columns n:text",
      ...[1, 2, 3, 4, 5].map((n) => `row ${n}`),
      "done SELECT 5",
      ...WRITTEN,
    ]);
    client.log.sync(2);
    expect(client.take()).toEqual(WRITTEN);
    client.log.sync(3);
    expect(client.take()).toEqual(WRITTEN);
    expect(client.query("rows 0")).toEqual(["columns n:text", "done SELECT 0", "ready I"]);
  });

  test("a log that becomes durable amid a message does not disturb it", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    expect(client.query("overtake")).toEqual([
      ...WRITTEN,
      "columns text:text",
      "row late",
      "done SELECT 1",
      "ready I",
    ]);
  });

  test("Terminate and errors behind a held reply wait for it", () => {
    const leaving = DirectClient.ready(HELD);
    leaving.send(query("write"), end());
    expect(leaving.transport.ended).toBe(false);
    leaving.log.sync();
    expect(leaving.take()).toEqual(WRITTEN);
    expect(leaving.transport.ended).toBe(true);

    const broken = DirectClient.ready(HELD);
    expect(broken.send(query("write"), Buffer.from("?"))).toEqual([]);
    broken.log.sync();
    expect(broken.take()).toEqual([...WRITTEN, "FATAL 08P01 invalid frontend message type 63"]);
    expect(broken.transport.ended).toBe(true);
  });

  test("if the log fails, what was held is dropped and the client is told that nobody knows", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.query("rows 1");
    client.log.fail();
    expect(client.take()).toEqual(["FATAL 58030 the log failed: the outcome of the transaction is unknown"]);
    expect(client.transport.ended).toBe(true);
    expect(client.sql.closed).toBe(true);
  });

  test("if the log fails under a client that is leaving, it is told so too", () => {
    const client = DirectClient.ready(HELD);
    client.send(query("write"), end());
    client.log.fail();
    expect(client.take()[0]).toStartWith("FATAL 58030");
    expect(client.transport.ended).toBe(true);
  });

  test("a client that has gone is not written to", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.session.connectionClosed();
    client.log.sync();
    client.session.drained();
    client.session.notify("c", "p");
    expect(client.take()).toEqual([]);
    expect(client.sql.closed).toBe(true);
    expect(client.closedCount).toBe(1);
  });
});

describe("a client that does not read", () => {
  const large = `wide ${1024 * 1024}`;

  test("has its further messages wait until it does", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    const queries = Array.from({ length: 20 }, () => query(large));
    client.send(...queries);
    const ran = () => client.sql.calls.filter((call) => call === large).length;
    expect(ran()).toBe(OUTPUT_HIGH_WATER_BYTES / (1024 * 1024));
    expect(client.transport.paused).toBe(true);
    client.send(query(large));
    expect(ran()).toBe(4);
    client.drain(1024 * 1024);
    expect(ran()).toBe(4);
    client.drain(1024 * 1024 + 4096);
    expect(ran()).toBeGreaterThan(4);
    client.drain();
    expect(ran()).toBe(21);
    expect(client.transport.paused).toBe(false);
    expect(client.transport.reader.replies.filter((reply) => reply.name === "dataRow")).toHaveLength(21);
  });

  test("waits likewise when the log is slow", () => {
    const client = DirectClient.ready(HELD);
    client.query("write");
    client.send(...Array.from({ length: 20 }, () => query(large)));
    expect(client.transport.paused).toBe(true);
    client.log.sync();
    expect(client.transport.paused).toBe(false);
    expect(client.transport.reader.replies.filter((reply) => reply.name === "dataRow")).toHaveLength(20);
  });

  test("but has left is cut, unless it goes on reading what it is owed", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.send(query(large), end());
    client.drain(1024);
    client.timers.fire(CLOSE_LINGER_SECONDS * 1000);
    expect(client.transport.cut).toBe(false);
    client.timers.fire(CLOSE_LINGER_SECONDS * 1000);
    expect(client.transport.cut).toBe(true);
  });

  test("gets one reply of any size", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.query(`wide ${32 * 1024 * 1024}`);
    for (let i = 0; i < 40; i++) client.drain(1024 * 1024);
    expect(client.transport.reader.replies.some((reply) => reply.name === "dataRow")).toBe(true);
    expect(client.query("rows 0").at(-1)).toBe("ready I");
  });
});
