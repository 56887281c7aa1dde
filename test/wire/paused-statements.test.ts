/** A statement in slices, with its client, its neighbours and its end. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { MAX_WAITING_INPUT_BYTES, OUTPUT_HIGH_WATER_BYTES } from "../../src/limits.ts";
import { DirectClient } from "./direct-client.ts";

const { parse, bind, describe: describeMessage, execute, sync, query } = serialize;

const CANCELED = "ERROR 57014 canceling statement due to user request";
const TIMED_OUT = "ERROR 57014 canceling statement due to statement timeout";

/** Turns until nothing is left to do; what was answered. */
function finish(client: DirectClient): string[] {
  while (client.timers.turn());
  return client.take();
}

describe("a statement with a long result", () => {
  test("is answered slice by slice", () => {
    const client = DirectClient.ready();
    expect(client.query("stream 5 2")).toEqual(["columns n:text", "row 1", "row 2"]);
    client.timers.turn();
    expect(client.take()).toEqual(["row 3", "row 4"]);
    expect(finish(client)).toEqual(["row 5", "done SELECT 5", "ready I"]);
  });

  test("keeps its client's further messages waiting, and the text goes on behind it", () => {
    const client = DirectClient.ready();
    client.query("stream 2 1; stream 2 1; rows 1");
    expect(client.query("rows 2")).toEqual([]);
    const replies = finish(client);
    expect(replies.filter((reply) => reply.startsWith("done"))).toEqual([
      "done SELECT 2",
      "done SELECT 2",
      "done SELECT 1",
      "done SELECT 2",
    ]);
    expect(client.sql.calls).toEqual([
      "stream 2 1",
      "stream 2 1",
      "rows 1",
      "commitImplicit",
      "rows 2",
      "commitImplicit",
    ]);
  });

  test("may fail late: its rows stay sent, the rest of the slice is not", () => {
    const client = DirectClient.ready();
    client.query("stream 9 3 5; rows 1");
    expect(finish(client)).toEqual(["ERROR 22012 division by zero", "ready I"]);
    expect(client.query("rows 1")).toContain("done SELECT 1");
  });

  test("stops while its client does not read, and goes on when it does", () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.query("stream 1000000 10000");
    while (client.timers.turn());
    expect(client.transport.paused).toBe(true);
    client.transport.room = 0;
    expect(client.drain(OUTPUT_HIGH_WATER_BYTES).length).toBeGreaterThan(100_000);
    expect(client.timers.turn()).toBe(true);
    let replies = client.take();
    client.transport.room = Number.POSITIVE_INFINITY;
    replies = [...client.drain(), ...finish(client)];
    expect(replies.slice(-2)).toEqual(["done SELECT 1000000", "ready I"]);
    expect(client.transport.paused).toBe(false);
  });

  test("does not wait for ever with messages that pile up behind it: they are not read", () => {
    const client = DirectClient.ready();
    client.query("stream 3 1");
    client.send(query(`echo ${"x".repeat(MAX_WAITING_INPUT_BYTES - 11)}`));
    expect(client.transport.paused).toBe(false);
    client.send(sync());
    expect(client.transport.paused).toBe(true);
    expect(finish(client).at(-1)).toBe("ready I");
    expect(client.transport.paused).toBe(false);
  });

  test("is given up when its client goes", () => {
    const client = DirectClient.ready();
    client.query("stream 9 1");
    client.session.connectionClosed();
    expect(finish(client)).toEqual([]);
    expect(client.sql.closed).toBe(true);
    expect(client.closedCount).toBe(1);
  });

  test("is waited for when the server stops", () => {
    const client = DirectClient.ready();
    client.query("stream 2 1");
    client.session.requestStop();
    expect(client.take()).toEqual([]);
    expect(finish(client)).toEqual([
      "row 2",
      "done SELECT 2",
      "ready I",
      "FATAL 57P01 terminating connection due to administrator command",
    ]);
  });

  test("is no moment for notifications", async () => {
    const client = DirectClient.ready();
    client.query("stream 2 1");
    client.session.notify("channel", "payload");
    await Promise.resolve();
    expect(client.take()).toEqual([]);
    expect(finish(client).slice(-2)).toEqual(["notification channel payload", "ready I"]);
  });
});

describe("a portal", () => {
  test("gives its rows by number, in slices, across Flush and other statements", () => {
    const client = DirectClient.ready();
    client.query("begin");
    client.send(parse({ text: "stream 6 2" }), bind({ portal: "p" }), sync());
    expect(client.send(execute({ portal: "p", rows: 3 }), serialize.flush())).toEqual(["row 1", "row 2"]);
    expect(finish(client)).toEqual(["row 3", "portalSuspended"]);
    expect(client.send(parse({ text: "rows 1" }), bind({}), execute({}))).toContain("done SELECT 1");
    expect(client.send(execute({ portal: "p", rows: 2 }), sync())).toEqual([
      "row 4",
      "row 5",
      "portalSuspended",
      "ready T",
    ]);
    expect(client.send(describeMessage({ type: "P", name: "p" }), execute({ portal: "p" }))).toEqual([
      "columns n:text",
      "row 6",
      "done SELECT 1",
    ]);
    expect(client.send(execute({ portal: "p" }), sync())).toEqual(["done SELECT 0", "ready T"]);
  });

  test("without a limit pauses too, and the pipeline goes on behind it", () => {
    const client = DirectClient.ready();
    client.send(
      parse({ text: "stream 3 2" }),
      bind({}),
      execute({}),
      parse({ text: "rows 1" }),
      bind({}),
      execute({}),
      sync(),
    );
    expect(finish(client)).toEqual([
      "row 3",
      "done SELECT 3",
      "parseComplete",
      "bindComplete",
      "row 1",
      "done SELECT 1",
      "ready I",
    ]);
  });
});

describe("a cancel request", () => {
  test("ends what has paused, and everything in its transaction", () => {
    const client = DirectClient.ready();
    client.query("stream 9 1; rows 1");
    client.session.cancelStatement();
    expect(client.take()).toEqual([CANCELED, "ready I"]);
    expect(finish(client)).toEqual([]);
    expect(client.sql.calls).toEqual(["stream 9 1", "abort"]);
  });

  test("ends an extended query: what follows up to Sync is skipped", () => {
    const client = DirectClient.ready();
    client.query("begin");
    client.send(parse({ text: "stream 9 1" }), bind({}), execute({}), bind({}), execute({}));
    client.session.cancelStatement();
    expect(client.take()).toEqual([CANCELED]);
    expect(client.send(sync())).toEqual(["ready E"]);
  });

  test("finds nothing to end in a session that idles", () => {
    const client = DirectClient.ready();
    client.session.cancelStatement();
    expect(client.take()).toEqual([]);
    expect(client.query("rows 1")).toContain("done SELECT 1");
  });
});

describe("timeouts", () => {
  test("statement_timeout runs on while a statement waits for its client", () => {
    const client = DirectClient.ready();
    client.sql.statementDeadlineMs = performance.now() + 50_000;
    client.query("stream 9 1");
    client.timers.fire(49_000);
    expect(client.take()).toEqual([]);
    client.timers.fire(50_000);
    expect(client.take()).toEqual([TIMED_OUT, "ready I"]);
    client.query("stream 2 1");
    finish(client);
    expect(client.timers.delays).toEqual([]);
  });

  test("an idle session, and one idle in a transaction, is ended in PostgreSQL's words", () => {
    const idle = DirectClient.ready();
    idle.sql.idleTimeoutMs = 1000;
    idle.query("rows 1");
    idle.query("rows 1");
    expect(idle.timers.delays).toEqual([1000]);
    idle.timers.fire(1000);
    expect(idle.take()).toEqual(["FATAL 57P05 terminating connection due to idle-session timeout"]);
    const inBlock = DirectClient.ready();
    inBlock.sql.idleTimeoutMs = 1000;
    inBlock.query("begin");
    inBlock.timers.fire(1000);
    expect(inBlock.take()).toEqual(["FATAL 25P03 terminating connection due to idle-in-transaction timeout"]);
    expect(inBlock.sql.closed).toBe(true);
  });

  test("nobody idles amid a pipeline or while a statement runs", () => {
    const client = DirectClient.ready();
    client.sql.idleTimeoutMs = 1000;
    client.send(parse({ text: "stream 2 1" }), bind({}), execute({}));
    expect(client.timers.delays).toEqual([]);
    finish(client);
    client.send(sync());
    expect(client.timers.delays).toEqual([1000]);
  });
});
