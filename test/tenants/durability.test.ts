/** Guarantee 1 over the real log: nothing leaves before every change that it reflects is durable. */

import { describe, expect, test } from "bun:test";
import {
  block,
  book,
  createResource,
  free,
  hold,
  INSERTED,
  id,
  open,
  START_MS,
  TestTenant,
} from "./tenant-fixture.ts";

const READY = "ready I";

/** Resource 1 with child 2 and grandchild 3, and resource 9 apart; all open, all durable. */
async function tree(): Promise<TestTenant> {
  const database = new TestTenant();
  const client = database.connect();
  client.query(
    [createResource(1), createResource(2, 1), createResource(3, 2), createResource(9)]
      .concat([open(11, 1), open(19, 9)])
      .join("; "),
  );
  await database.syncAll();
  expect(client.take().at(-1)).toBe(READY);
  return database;
}

describe("a write", () => {
  test("is answered when its own group is durable, not with the groups before it", async () => {
    const database = await tree();
    const [first, second, third] = [database.connect(), database.connect(), database.connect()];
    expect(first.query(book(21, 1, 0, 10))).toEqual([]);
    database.scheduler.endTurn();
    expect(second.query(book(22, 2, 0, 10))).toEqual([]);
    expect(third.query(book(23, 3, 0, 10))).toEqual([]);
    expect(database.log.durableLsn).toBe(1);
    await database.sync();
    expect([first.take(), second.take(), third.take()]).toEqual([INSERTED, [], []]);
    await database.sync();
    expect([first.take(), second.take(), third.take()]).toEqual([[], INSERTED, INSERTED]);
  });

  test("within a block waits for what others did before it, though it has committed nothing itself", async () => {
    const writes = [
      book(31, 5, 0, 10),
      `UPDATE resources SET name = 'x' WHERE id = '${id(5)}'`,
      `DELETE FROM rules WHERE resource_id = '${id(5)}'`,
    ];
    for (const write of writes) {
      const database = await tree();
      const [other, client] = [database.connect(), database.connect()];
      other.query(createResource(5));
      expect(client.query("BEGIN")).toEqual(["done BEGIN", "ready T"]);
      expect(client.query(write)).toEqual([]);
      await database.sync();
      expect(client.take().at(-1)).toBe("ready T");
    }
  });

  test("that is refused waits for what it was refused for", async () => {
    const database = await tree();
    const [other, client] = [database.connect(), database.connect()];
    other.query(book(21, 1, 0, 10));
    expect(client.query(book(22, 1, 5, 15))).toEqual([]);
    await database.sync();
    expect(client.take()).toEqual([`ERROR 23P01 conflict with allocation: ${id(21)}`, READY]);
  });
});

describe("a transaction that lost the race", () => {
  for (const statement of ["SELECT 1 FROM rules", "COMMIT"]) {
    test(`is told so by ${statement}, once what it lost to is durable`, async () => {
      const database = await tree();
      const [winner, loser] = [database.connect(), database.connect()];
      loser.query("BEGIN");
      loser.query(book(22, 1, 0, 10));
      expect(winner.query(book(21, 1, 0, 10))).toEqual([]);
      expect(loser.query(statement)).toEqual([]);
      await database.sync();
      expect(loser.take()[0]).toStartWith("ERROR 40001");
    });
  }
});

describe("a read of what has just been changed waits, one of anything else does not", () => {
  const readsOfOne: readonly [string, string][] = [
    ["bookings by resource", `SELECT start FROM bookings WHERE resource_id = '${id(3)}'`],
    [
      "bookings by resource, listed",
      `SELECT start FROM bookings WHERE resource_id IN ('${id(3)}', '${id(9)}')`,
    ],
    ["availability of one", free(3)],
    ["availability of several", free(9, 3)],
    ["availability of each", `${free(9, 3)} AND per_resource = true ORDER BY resource_id`],
  ];
  for (const [what, read] of readsOfOne) {
    test(what, async () => {
      const database = await tree();
      const [writer, reader] = [database.connect(), database.connect()];
      writer.query(book(21, 3, 0, 10));
      const untouched = read.replaceAll(id(3), id(1));
      expect(reader.query(untouched).at(-1)).toBe(READY);
      expect(reader.query(read)).toEqual([]);
      await database.sync();
      expect(reader.take().at(-1)).toBe(READY);
    });
  }

  const readsOfAnything: readonly [string, string][] = [
    ["an id", `SELECT start FROM bookings WHERE id = '${id(21)}'`],
    ["an id that is not there", `SELECT start FROM bookings WHERE id = '${id(77)}'`],
    ["a resource that is not there", `SELECT start FROM bookings WHERE resource_id = '${id(77)}'`],
    ["availability of a resource that is not there", free(77)],
    ["availability of several, one of which is not there", free(9, 77)],
    ["a table", "SELECT count(*) FROM bookings"],
    ["the roots", "SELECT id FROM resources WHERE parent_id IS NULL"],
    ["the children", `SELECT id FROM resources WHERE parent_id = '${id(1)}'`],
  ];
  for (const [what, read] of readsOfAnything) {
    test(`${what}: any commit may be what it shows`, async () => {
      const database = await tree();
      const [writer, reader] = [database.connect(), database.connect()];
      writer.query(book(21, 3, 0, 10));
      expect(reader.query(read)).toEqual([]);
      await database.sync();
      expect(reader.take().at(-1)).toBe(READY);
    });
  }

  test("availability depends on the rules of every ancestor, but not on those of a child", async () => {
    for (const read of [free(3), free(3, 9)]) {
      const database = await tree();
      const [writer, reader] = [database.connect(), database.connect()];
      writer.query(block(12, 1, 0, 500));
      expect(reader.query(free(9)).at(-1)).toBe(READY);
      expect(reader.query(read)).toEqual([]);
      await database.sync();
      expect(reader.take()).toEqual(["row 500", "done SELECT 1", READY]);
      writer.query(block(13, 3, 500, 600));
      expect(reader.query(free(2))).toEqual(["row 500", "done SELECT 1", READY]);
    }
  });

  test("a statement that reads nothing is answered at once", async () => {
    const database = await tree();
    const [writer, reader] = [database.connect(), database.connect()];
    writer.query(book(21, 3, 0, 10));
    expect(reader.query("SELECT 1")).toEqual(["row 1", "done SELECT 1", READY]);
  });
});

describe("what is less easily seen", () => {
  test("a read that shows an expiry waits until the instant of the expiry is in the log", async () => {
    const reads = [free(3), free(9, 3), `SELECT start FROM holds WHERE resource_id = '${id(3)}'`];
    for (const read of reads) {
      const database = await tree();
      const reader = database.connect();
      database.connect().query(hold(41, 3, 0, 100, START_MS + 1000));
      await database.syncAll();
      database.scheduler.nowMs = START_MS + 1000;
      expect(reader.query(read)).toEqual([]);
      expect(reader.take()).toEqual([]);
      await database.sync();
      expect(reader.take().at(-1)).toBe(READY);
      expect(database.connect().query(free(3))[0]).toBe("row 0");
    }
  });

  test("a resource that a staged DELETE took away and a reader put back is as new as its last commit", async () => {
    const database = await tree();
    const [writer, deleter, reader] = [database.connect(), database.connect(), database.connect()];
    writer.query(book(21, 3, 0, 10));
    deleter.query("BEGIN");
    deleter.query(`DELETE FROM resources WHERE id = '${id(3)}'`);
    for (const read of [`SELECT start FROM bookings WHERE resource_id = '${id(3)}'`, free(3)]) {
      const client = database.connect();
      expect(client.query(read)).toEqual([]);
      deleter.query("SELECT 1 FROM resources");
    }
    expect(reader.query(free(3))).toEqual([]);
    await database.sync();
    expect(reader.take()).toEqual(["row 10", "done SELECT 1", READY]);
  });

  test("a client's own staged writes are shown at once when nothing else is under way", async () => {
    const database = await tree();
    const client = database.connect();
    client.query("BEGIN");
    expect(client.query(book(21, 3, 0, 10))).toEqual(["done INSERT 0 1", "ready T"]);
    expect(client.query(free(3))).toEqual(["row 10", "done SELECT 1", "ready T"]);
    expect(client.query("COMMIT")).toEqual([]);
    await database.sync();
    expect(client.take()).toEqual(["done COMMIT", READY]);
  });

  test("a transaction that changed nothing commits at once", async () => {
    const database = await tree();
    const [other, client] = [database.connect(), database.connect()];
    other.query(book(21, 3, 0, 10));
    expect(client.query("BEGIN; COMMIT")).toEqual(["done BEGIN", "done COMMIT", READY]);
  });
});
