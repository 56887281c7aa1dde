/** NOTIFY and pg_notify(): what listeners hear, when, and in which order. */

import { beforeEach, describe, expect, test } from "bun:test";
import {
  MAX_CHANNEL_BYTES,
  MAX_NOTIFY_PAYLOAD_BYTES,
  MAX_TRANSACTION_NOTIFY_BYTES,
} from "../../src/limits.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let speaker: TestClient;
let listener: TestClient;

beforeEach(() => {
  database = new TestDatabase();
  speaker = database.connect();
  listener = database.connect();
  listener.run("LISTEN c");
});

/** The disk catches up. */
function sync() {
  database.log.flush();
  database.tenant.onDurable();
}

/** What the listener has heard since the last time: payloads, or for events their kind. */
function heard(of = listener): string[] {
  return of.notifications.splice(0).map(([, payload]) => /^\{"(\w+)"/.exec(payload)?.[1] ?? payload);
}

describe("NOTIFY", () => {
  test("is told at COMMIT, in order, duplicates folded, and not after ROLLBACK", () => {
    expect(speaker.tag("NOTIFY c")).toBe("NOTIFY");
    expect(heard()).toEqual([""]);
    speaker.script("BEGIN; NOTIFY c, 'one'; NOTIFY c, 'two'; NOTIFY c, 'one'; NOTIFY other, 'one'");
    expect(heard()).toEqual([]);
    speaker.run("COMMIT");
    expect(heard()).toEqual(["one", "two"]);
    speaker.script("BEGIN; NOTIFY c, 'lost'; ROLLBACK");
    expect(speaker.error("NOTIFY c, 'lost'; SELECT 1 / 0")).toStartWith("22012");
    speaker.script("NOTIFY c, 'again'; NOTIFY c, 'again'");
    expect(heard()).toEqual(["again"]);
  });

  test("goes back with savepoints", () => {
    speaker.script("BEGIN; NOTIFY c, 'one'; SAVEPOINT s; NOTIFY c, 'two'; NOTIFY c, 'one'; ROLLBACK TO s");
    speaker.script("NOTIFY c, 'three'; SAVEPOINT t; NOTIFY c, 'two'; RELEASE t; COMMIT");
    expect(heard()).toEqual(["one", "three", "two"]);
  });

  test("is heard by the session itself, by a LISTEN of the same transaction, and by no other database", () => {
    speaker.script("BEGIN; LISTEN d; NOTIFY d, 'self'; COMMIT");
    expect(speaker.notifications).toEqual([["d", "self"]]);
    speaker.script("BEGIN; UNLISTEN d; NOTIFY d, 'gone'; COMMIT");
    expect(speaker.notifications).toHaveLength(1);
    speaker.script("BEGIN; SAVEPOINT s; LISTEN e; UNLISTEN *; ROLLBACK TO s; COMMIT; NOTIFY e; NOTIFY c");
    expect(speaker.notifications).toHaveLength(1);
    new TestDatabase().connect().run("NOTIFY c, 'elsewhere'");
    expect(heard()).toEqual([""]);
  });

  test("waits until its commit, and all before it, are durable", () => {
    const channel = `resource_${id(1)}`;
    listener.run(`LISTEN ${channel}`);
    speaker.script(`INSERT INTO resources (id) VALUES ('${id(1)}'); NOTIFY c, 'with it'`);
    database.connect().run("NOTIFY c, 'after it'");
    speaker.run(`UPDATE resources SET name = 'x' WHERE id = '${id(1)}'`);
    expect(heard()).toEqual([]);
    sync();
    expect(heard()).toEqual(["ResourceCreated", "with it", "after it", "ResourceUpdated"]);
    speaker.run(`NOTIFY ${channel}, 'by hand'`);
    expect(listener.notifications).toEqual([[channel, "by hand"]]);
  });

  test("is allowed in a read-only transaction, and pg_notify does the same", () => {
    speaker.script("BEGIN READ ONLY; NOTIFY c, 'ro'; COMMIT");
    expect(speaker.rows("SELECT pg_notify('c', 'a' || 'b'), 1")).toEqual([["", "1"]]);
    expect(speaker.prepared("SELECT pg_notify($1, $2)", ["c", null]).rows).toEqual([[""]]);
    expect(heard()).toEqual(["ro", "ab", ""]);
    expect(speaker.session.prepare("SELECT pg_notify('c', '')", []).columns?.[0]).toMatchObject({
      name: "pg_notify",
      typeOid: 2278,
    });
  });
});

describe("bounds", () => {
  const notify = (channel: string | null, payload: string) =>
    speaker.error("SELECT pg_notify($1, $2)", [channel, payload]);

  test("of payload and channel", () => {
    expect(notify("c", "x".repeat(MAX_NOTIFY_PAYLOAD_BYTES))).toBe("no error");
    expect(notify("c", "x".repeat(MAX_NOTIFY_PAYLOAD_BYTES + 1))).toBe("22023 payload string too long");
    expect(notify("c", "é".repeat(MAX_NOTIFY_PAYLOAD_BYTES / 2 + 1))).toStartWith("22023");
    expect(notify("c".repeat(MAX_CHANNEL_BYTES), "")).toBe("no error");
    expect(notify("c".repeat(MAX_CHANNEL_BYTES + 1), "")).toBe("22023 channel name too long");
    expect(notify("", "")).toBe("22023 channel name cannot be empty");
    expect(notify(null, "")).toBe("22023 channel name cannot be empty");
  });

  test("of one transaction", () => {
    const bytes = 7000;
    const fitting = Math.floor(MAX_TRANSACTION_NOTIFY_BYTES / (bytes + 1));
    speaker.run("BEGIN");
    const say = (n: number) => speaker.error("SELECT pg_notify('c', $1)", [String(n).padStart(bytes, "0")]);
    for (let n = 0; n < fitting; n++) if (say(n) !== "no error") throw new Error(`refused the ${n}th`);
    expect(say(0)).toBe("no error");
    expect(say(fitting)).toStartWith("54000 limit exceeded: bytes of notifications");
  });
});
