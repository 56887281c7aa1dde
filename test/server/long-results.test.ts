/**
 * Results of many rows against the real server: one client's long answer is no other's wait, shows one state, and
 * can be ended.
 */

import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";
import { errorCode, outcome, RawClient, type Reply, serialize, statement } from "./raw-client.ts";

setDefaultTimeout(60_000);

const ROWS = 300_000;
const RESOURCES = 50;
const ROWS_PER_INSERT = 20_000;
const HOUR_MS = 3_600_000;

let server: ServerProcess;
let other: RawClient;

function id(kind: string, n: number): string {
  return `01HZZZZZZZZZZZZ${kind}${String(n).padStart(10, "0")}`;
}

beforeAll(async () => {
  server = await startServer();
  other = await RawClient.connect(server);
  const resources = Array.from({ length: RESOURCES }, (_, n) => `('${id("R", n)}')`);
  await other.query(`INSERT INTO resources (id) VALUES ${resources.join(",")}`);
  for (let from = 0; from < ROWS; from += ROWS_PER_INSERT) {
    const rows: string[] = [];
    for (let n = from; n < from + ROWS_PER_INSERT; n++) {
      const start = Math.floor(n / RESOURCES) * HOUR_MS;
      rows.push(`('${id("B", n)}','${id("R", n % RESOURCES)}',${start},${start + HOUR_MS})`);
    }
    const replies = await other.query(
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join(",")}`,
    );
    expect(outcome(replies)).toEqual([`INSERT 0 ${ROWS_PER_INSERT}`]);
  }
});

afterAll(cleanUp);

/** A client that has asked for everything and reads nothing of it. */
async function slowReader(query = "SELECT * FROM bookings"): Promise<RawClient> {
  const client = await RawClient.connect(server);
  client.stopReading();
  client.send(serialize.query(query));
  return client;
}

function dataRows(replies: readonly Reply[]): number {
  return replies.filter(({ name }) => name === "dataRow").length;
}

describe("a result of 300,000 rows", () => {
  test("lets others work, and shows nothing of what they do", async () => {
    const slow = await slowReader();
    const extra = id("X", 1);
    for (let round = 0; round < 20; round++) {
      const added = await other.query(
        `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${extra}','${id("R", 0)}',${ROWS * HOUR_MS},${(ROWS + 1) * HOUR_MS})`,
      );
      expect(outcome(added)).toEqual(["INSERT 0 1"]);
      const gone = await other.query(`DELETE FROM bookings WHERE id IN ('${extra}', '${id("B", round)}')`);
      expect(outcome(gone)).toEqual(["DELETE 2"]);
    }
    slow.readAgain();
    const replies = await slow.cycle();
    expect(dataRows(replies)).toBe(ROWS);
    expect(outcome(replies)).toEqual([`SELECT ${ROWS}`]);
    const ids = new Set(replies.filter(({ name }) => name === "dataRow").map(({ fields }) => fields?.[0]));
    expect(ids.size).toBe(ROWS);
    expect(ids.has(id("B", 0))).toBe(true);
    expect(ids.has(extra)).toBe(false);
    await slow.end();
  });

  test("sorts them without keeping others from their answers", async () => {
    const sorting = await RawClient.connect(server);
    sorting.send(serialize.query("SELECT start, id FROM bookings ORDER BY start DESC, id LIMIT 3"));
    let answered = 0;
    let isSorted = false;
    const sorted = sorting.cycle().then((replies) => {
      isSorted = true;
      return replies;
    });
    while (!isSorted) {
      expect(outcome(await other.query("SELECT 1"))).toEqual(["SELECT 1"]);
      answered++;
    }
    // Were it done in one go, the first answer would have come after it.
    expect(answered).toBeGreaterThan(2);
    const rows = (await sorted).filter(({ name }) => name === "dataRow").map(({ fields }) => fields?.[1]);
    expect(rows).toEqual([0, 1, 2].map((n) => id("B", ROWS - RESOURCES + n)));
    await sorting.end();
  });

  test("is ended by a cancel request, and its session goes on", async () => {
    const slow = await slowReader("BEGIN; SELECT * FROM bookings");
    await slow.cancel(server);
    slow.readAgain();
    const replies = await slow.cycle();
    expect(dataRows(replies)).toBeGreaterThan(0);
    expect(dataRows(replies)).toBeLessThan(ROWS - 100);
    expect(outcome(replies)).toEqual(["BEGIN", "57014"]);
    expect(replies.at(-1)?.status).toBe("E");
    expect(outcome(await slow.query("ROLLBACK"))).toEqual(["ROLLBACK"]);
    expect(outcome(await slow.query("SELECT 1"))).toEqual(["SELECT 1"]);
    await slow.end();
  });

  test("is ended by statement_timeout while its client does not read", async () => {
    const slow = await RawClient.connect(server);
    await slow.query("SET statement_timeout = 200");
    slow.send(serialize.query("SELECT * FROM bookings"));
    await slow.next();
    slow.stopReading();
    // What another waits for on the server passes after the time of the first.
    const waiting = await RawClient.connect(server);
    await waiting.query("SET idle_in_transaction_session_timeout = 400");
    expect(outcome(await waiting.query("BEGIN"))).toEqual(["BEGIN"]);
    expect((await waiting.next())?.code).toBe("25P03");
    slow.readAgain();
    expect(errorCode(await slow.cycle())).toBe("57014");
    expect(outcome(await slow.query("SELECT 1"))).toEqual(["SELECT 1"]);
    await slow.end();
  });

  test("is dropped when its client goes", async () => {
    const leaving = await Promise.all(Array.from({ length: 4 }, () => slowReader()));
    for (const client of leaving) client.destroy();
    expect(outcome(await other.query("SELECT count(*) FROM bookings"))).toEqual(["SELECT 1"]);
  });
});

describe("portals and cursors", () => {
  test("a portal with a row limit keeps its state while others change the rows", async () => {
    const reading = await RawClient.connect(server);
    await reading.query("BEGIN");
    reading.send(
      serialize.parse({ text: "SELECT id FROM bookings WHERE start < 360000000 ORDER BY start, id" }),
      serialize.bind({ portal: "p" }),
      serialize.execute({ portal: "p", rows: 100 }),
      serialize.flush(),
    );
    const first = await until(reading, "portalSuspended");
    await other.query(`DELETE FROM bookings WHERE id = '${id("B", 200)}'`);
    reading.send(serialize.execute({ portal: "p", rows: 200 }), serialize.sync());
    const second = await reading.cycle();
    expect(second.at(-2)?.name).toBe("portalSuspended");
    reading.send(serialize.execute({ portal: "p" }), serialize.sync());
    const third = await reading.cycle();
    const ids = [...first, ...second, ...third]
      .filter(({ name }) => name === "dataRow")
      .map(({ fields }) => fields?.[0]);
    expect(ids).toContain(id("B", 200));
    expect(new Set(ids).size).toBe(ids.length);
    expect(outcome(third)).toEqual([`SELECT ${ids.length - 300}`]);
    await reading.end();
  });

  test("are in one namespace: Execute and Describe reach a cursor, FETCH a portal", async () => {
    const client = await RawClient.connect(server);
    await client.query("BEGIN");
    await client.query("DECLARE c CURSOR FOR SELECT start FROM bookings ORDER BY start DESC");
    client.send(
      serialize.describe({ type: "P", name: "c" }),
      serialize.execute({ portal: "c", rows: 2 }),
      serialize.sync(),
    );
    expect((await client.cycle()).map(({ name }) => name)).toEqual([
      "rowDescription",
      "dataRow",
      "dataRow",
      "portalSuspended",
      "readyForQuery",
    ]);
    expect(outcome(await client.query("FETCH 5 FROM c; MOVE 5 FROM c"))).toEqual(["FETCH 5", "MOVE 5"]);
    client.send(serialize.parse({ text: "SELECT 1" }), serialize.bind({ portal: "c" }), serialize.sync());
    expect(errorCode(await client.cycle())).toBe("42P03");
    await client.query("ROLLBACK; BEGIN");
    client.send(
      serialize.parse({ text: "SELECT id FROM bookings" }),
      serialize.bind({ portal: "p" }),
      serialize.execute({ portal: "p", rows: 1 }),
      statement("FETCH 2 FROM p"),
      serialize.sync(),
    );
    const replies = await client.cycle();
    expect(dataRows(replies)).toBe(3);
    expect(outcome(replies)).toEqual(["FETCH 2"]);
    await client.end();
  });

  test("a join that would run for minutes keeps nobody from an answer, and is ended by a cancel request", async () => {
    const busy = await RawClient.connect(server);
    busy.send(serialize.query("SELECT count(*) FROM bookings a, bookings b WHERE a.start + b.start = 5"));
    for (let n = 0; n < 20; n++) {
      expect(outcome(await other.query("SELECT count(*) FROM resources"))).toEqual(["SELECT 1"]);
    }
    await busy.cancel(server);
    expect(errorCode(await busy.cycle())).toBe("57014");
    expect(outcome(await busy.query("SELECT 1"))).toEqual(["SELECT 1"]);
  });

  test("a change waits for such a join no longer than its bound; then the join is 40001", async () => {
    const busy = await RawClient.connect(server);
    busy.send(serialize.query("SELECT count(*) FROM bookings a, bookings b WHERE a.start + b.start = 5"));
    // An answer to another read tells that the join has begun, and has paused.
    await other.query("SELECT 1");
    expect(outcome(await other.query(`UPDATE resources SET name = 'x' WHERE id = '${id("R", 0)}'`))).toEqual([
      "UPDATE 1",
    ]);
    expect(errorCode(await busy.cycle())).toBe("40001");
  });

  test("FETCH ALL of many rows comes in slices, and can be canceled", async () => {
    const slow = await slowReader("BEGIN; DECLARE c CURSOR FOR SELECT * FROM bookings; FETCH ALL FROM c");
    await slow.cancel(server);
    slow.readAgain();
    expect(outcome(await slow.cycle())).toEqual(["BEGIN", "DECLARE CURSOR", "57014"]);
    await slow.end();
  });
});

test("a stop does not wait for a session that idles in a transaction", async () => {
  const idling = await RawClient.connect(server);
  await idling.query(`BEGIN; DELETE FROM bookings WHERE id = '${id("B", 999)}'`);
  const before = performance.now();
  const { exitCode } = await server.stop();
  expect(exitCode).toBe(0);
  expect(performance.now() - before).toBeLessThan(5000);
  expect((await idling.next())?.code).toBe("57P01");
});

async function until(client: RawClient, name: string): Promise<Reply[]> {
  const replies: Reply[] = [];
  for (;;) {
    const reply = await client.next();
    if (reply === null) throw new Error(`the connection ended before ${name}`);
    replies.push(reply);
    if (reply.name === name) return replies;
  }
}
