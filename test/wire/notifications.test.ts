/** When notifications reach their client, and how many wait for it. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { MAX_LISTENER_QUEUE_BYTES } from "../../src/limits.ts";
import { DirectClient } from "./direct-client.ts";

const { query, sync, parse, bind, execute } = serialize;

/** Notifications of one turn leave together, when the turn ends. */
async function notified(client: DirectClient, ...payloads: string[]): Promise<string[]> {
  for (const payload of payloads) client.session.notify("c", payload);
  await Promise.resolve();
  return client.take();
}

describe("notifications", () => {
  test("reach an idle client at once, those of one turn in one write", async () => {
    const client = DirectClient.ready();
    const { writes } = client.transport;
    expect(await notified(client, "1", "2", "3")).toEqual([
      "notification c 1",
      "notification c 2",
      "notification c 3",
    ]);
    expect(client.transport.writes - writes).toBe(1);
    const heard = client.transport.reader.replies.find((reply) => reply.name === "notification");
    expect(heard).toMatchObject({ processId: 77 });
  });

  test("wait for the end of a transaction block", async () => {
    const client = DirectClient.ready();
    client.query("begin");
    expect(await notified(client, "1")).toEqual([]);
    expect(client.query("rows 0")).not.toContain("notification c 1");
    expect(await notified(client, "2")).toEqual([]);
    expect(client.query("commit")).toEqual([
      "done COMMIT",
      "notification c 1",
      "notification c 2",
      "ready I",
    ]);
  });

  test("wait for the end of a failed transaction, too", async () => {
    const client = DirectClient.ready();
    client.query("begin");
    client.query("fail 23P01");
    expect(await notified(client, "1")).toEqual([]);
    expect(client.query("rollback")).toEqual(["done ROLLBACK", "notification c 1", "ready I"]);
  });

  test("wait for the Sync of an extended query that has begun", async () => {
    const client = DirectClient.ready();
    client.send(parse({ text: "rows 1" }), bind({}));
    expect(await notified(client, "1")).toEqual([]);
    client.send(execute({}));
    expect(await notified(client, "2")).toEqual([]);
    expect(client.send(sync())).toEqual(["notification c 1", "notification c 2", "ready I"]);
  });

  test("are not sent before start-up is through", async () => {
    const client = new DirectClient();
    expect(await notified(client, "1")).toEqual([]);
  });

  test("stay behind replies that are held", async () => {
    const client = DirectClient.ready({ instant: false });
    client.query("write");
    expect(await notified(client, "1")).toEqual([]);
    client.log.sync();
    expect(client.take()).toEqual(["done INSERT 0 1", "ready I", "notification c 1"]);
  });

  const payload = "x".repeat(1024 * 1024 - 64);
  const allowed = MAX_LISTENER_QUEUE_BYTES / (1024 * 1024);

  test("of a client that does not read are kept up to a bound, and then it is disconnected", async () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    for (let i = 0; i < allowed; i++) await notified(client, payload);
    expect(client.sql.closed).toBe(false);
    await notified(client, payload);
    expect(client.sql.closed).toBe(true);
    expect(client.transport.ended).toBe(false);
    const replies = client.drain();
    // Those that had not moved to its own output are gone.
    expect(replies).toHaveLength(2);
    expect(replies[0]).toStartWith("notification");
    expect(replies[1]).toStartWith("FATAL 55000 too slow a listener");
    expect(client.transport.ended).toBe(true);
  });

  test("that were read are forgotten", async () => {
    const client = DirectClient.ready();
    for (let round = 0; round < 2; round++) {
      client.transport.room = 0;
      for (let i = 0; i < allowed; i++) await notified(client, payload);
      expect(client.drain()).toHaveLength(allowed);
    }
    expect(client.sql.closed).toBe(false);
  });

  test("of a client that stays in its transaction have the same bound", async () => {
    const client = DirectClient.ready();
    client.query("begin");
    for (let i = 0; i < allowed; i++) expect(await notified(client, payload)).toEqual([]);
    const replies = await notified(client, payload);
    expect(replies).toHaveLength(1);
    expect(replies[0]).toStartWith("FATAL 55000 too slow a listener");
  });

  test("do not cost a client its connection for being sent a large reply", async () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    client.query(`wide ${2 * MAX_LISTENER_QUEUE_BYTES}`);
    await notified(client, "1");
    expect(client.sql.closed).toBe(false);
    expect(client.drain().at(-1)).toBe("notification c 1");
  });

  test("of a client that reads slowly but reads never add up", async () => {
    const client = DirectClient.ready();
    client.transport.room = 0;
    for (let i = 0; i < 3 * allowed; i++) {
      await notified(client, payload);
      // Never quite empty.
      if (i > 2) client.drain(1024 * 1024);
    }
    expect(client.sql.closed).toBe(false);
  });
});

describe("a stop", () => {
  test("ends an idle session with a word", () => {
    const client = DirectClient.ready();
    client.session.requestStop();
    expect(client.take()).toEqual(["FATAL 57P01 terminating connection due to administrator command"]);
    expect(client.transport.ended).toBe(true);
    expect(client.endedCount).toBe(1);
  });

  test("rolls back the transaction of a session that idles in one", () => {
    const inBlock = DirectClient.ready();
    inBlock.query("begin");
    inBlock.query("write");
    inBlock.session.requestStop();
    expect(inBlock.take()).toEqual(["FATAL 57P01 terminating connection due to administrator command"]);
    expect(inBlock.sql.closed).toBe(true);
    expect(inBlock.log.appendedLsn).toBe(0);
  });

  test("lets an extended query come to its Sync, and half a message arrive whole", () => {
    const inCycle = DirectClient.ready();
    inCycle.send(parse({ text: "write" }), bind({}));
    inCycle.session.requestStop();
    expect(inCycle.send(execute({}), sync()).slice(-3)).toEqual([
      "done INSERT 0 1",
      "ready I",
      "FATAL 57P01 terminating connection due to administrator command",
    ]);

    const inMessage = DirectClient.ready();
    inMessage.send(query("rows 1").subarray(0, 7));
    inMessage.session.requestStop();
    expect(inMessage.send(query("rows 1").subarray(7)).slice(-2)).toEqual([
      "ready I",
      "FATAL 57P01 terminating connection due to administrator command",
    ]);
  });

  test("sends what is held before it ends the session", () => {
    const client = DirectClient.ready({ instant: false });
    client.query("write");
    client.session.requestStop();
    expect(client.take()).toEqual([]);
    expect(client.endedCount).toBe(0);
    client.log.sync();
    expect(client.take()).toEqual([
      "done INSERT 0 1",
      "ready I",
      "FATAL 57P01 terminating connection due to administrator command",
    ]);
    expect(client.endedCount).toBe(1);
  });

  test("turns away who is not in yet", () => {
    const client = new DirectClient();
    client.session.requestStop();
    expect(client.take()).toEqual(["FATAL 57P03 the database system is shutting down"]);
  });
});
