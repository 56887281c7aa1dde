/**
 * What a transaction may rely on although it does not change it: rows locked by SELECT … FOR …, and, in a
 * serializable one, all that it has read.
 */

import { beforeEach, describe, expect, test } from "bun:test";
import { MAX_TRACKED_READS, MAX_TRANSACTION_LOCKS } from "../../src/limits.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let one: TestClient;
let two: TestClient;

const FAR = 9_000_000_000_000;
const ROOM = id(1);
const OTHER = id(2);
const CHILD = id(3);

const book = (n: number, room = ROOM, start = n * 10) =>
  `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(n)}', '${room}', ${start}, ${start + 10})`;
const rename = (room: string, name = "new") => `UPDATE resources SET name = '${name}' WHERE id = '${room}'`;
const lock = (room = ROOM, clause = "FOR UPDATE") =>
  `SELECT id FROM resources WHERE id = '${room}' ${clause}`;

beforeEach(() => {
  database = new TestDatabase();
  one = database.connect();
  two = database.connect();
  one.script(
    `INSERT INTO resources (id, parent_id, capacity) VALUES ('${ROOM}', NULL, 5), ('${OTHER}', NULL, 5), ('${CHILD}', '${ROOM}', 5);
     INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(5)}', '${ROOM}', 0, 1000, false);
     ${book(10)}; ${book(11)};
     INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${id(20)}', '${ROOM}', 500, 510, ${FAR})`,
  );
});

/** What becomes of the COMMIT of a transaction that ran `mine` before another committed `theirs`. */
function race(mine: string, theirs: string, isolation = "READ COMMITTED"): string {
  one.script(`BEGIN ISOLATION LEVEL ${isolation}; ${mine}`);
  two.run(theirs);
  const error = one.error("COMMIT");
  expect(one.session.transactionStatus).toBe("I");
  return error.slice(0, 5);
}

const moveBooking = `UPDATE bookings SET start = start + 100, "end" = "end" + 100 WHERE id = '${id(10)}'`;
const cancel = `DELETE FROM bookings WHERE id = '${id(10)}'`;
const booking = `SELECT * FROM bookings WHERE id = '${id(10)}'`;

describe("a locked row that another has changed makes COMMIT fail:", () => {
  test.each([
    ["a booking moved", `${booking} FOR UPDATE`, moveBooking],
    ["a booking cancelled", `${booking} FOR SHARE`, cancel],
    ["a booking cancelled that had a key lock", `${booking} FOR KEY SHARE`, cancel],
    [
      "a rule changed",
      `SELECT * FROM rules FOR UPDATE`,
      `UPDATE rules SET "end" = 900 WHERE id = '${id(5)}'`,
    ],
    ["a hold released", "SELECT * FROM holds FOR NO KEY UPDATE", `DELETE FROM holds WHERE id = '${id(20)}'`],
    ["a resource renamed", lock(ROOM, "FOR SHARE"), rename(ROOM)],
    ["a locked resource booked", lock(), book(30)],
    ["a booking of it cancelled", lock(), cancel],
    ["a hold on it", lock(), `UPDATE holds SET expires_at = ${FAR + 1} WHERE id = '${id(20)}'`],
    ["a rule of it", lock(), `DELETE FROM rules WHERE id = '${id(5)}'`],
    ["the resource deleted", lock(OTHER), `DELETE FROM resources WHERE id = '${OTHER}'`],
  ])("%s", (_, mine, theirs) => {
    expect(race(mine, theirs)).toBe("40001");
  });

  test("and so does the next statement", () => {
    one.script(`BEGIN; ${lock()}`);
    two.run(book(30));
    expect(one.error("SELECT 1")).toStartWith("40001");
    expect(one.session.transactionStatus).toBe("E");
  });

  test("a hold on a locked resource that expires counts as a change", () => {
    two.run(
      `INSERT INTO holds (resource_id, start, "end", expires_at) VALUES ('${ROOM}', 600, 610, ${database.now + 50})`,
    );
    one.script(`BEGIN; ${lock()}`);
    database.now += 50;
    expect(one.error("COMMIT")).toStartWith("40001");
  });
});

describe("COMMIT succeeds", () => {
  test.each([
    ["where nothing was changed", lock(), "SELECT 1"],
    ["where another row was changed", `${booking} FOR UPDATE`, `DELETE FROM bookings WHERE id = '${id(11)}'`],
    ["where another resource was booked", lock(), book(30, OTHER)],
    ["where a resource is booked that had a weaker lock", lock(ROOM, "FOR NO KEY UPDATE"), book(30)],
    ["where a row with a key lock was changed, not removed", `${booking} FOR KEY SHARE`, moveBooking],
    [
      "where another resource's child was made",
      lock(),
      `INSERT INTO resources (parent_id) VALUES ('${ROOM}')`,
    ],
    ["after ROLLBACK TO before the lock", `SAVEPOINT s; ${lock()}; ROLLBACK TO s`, book(30)],
    [
      "where LIMIT left the row out",
      "SELECT * FROM bookings ORDER BY start DESC LIMIT 1 FOR UPDATE",
      moveBooking,
    ],
  ])("%s", (_, mine, theirs) => {
    expect(race(mine, theirs)).toBe("no er");
  });

  test("of a transaction that locks, changes and deletes the same rows", () => {
    one.script(`BEGIN; ${lock()}; ${booking} FOR UPDATE; ${moveBooking}; ${rename(ROOM)}; ${lock()}`);
    two.run(book(30, OTHER));
    one.script(`${book(31)}; ${booking} FOR UPDATE; ${cancel}`);
    two.run(book(32, OTHER));
    one.script(`DELETE FROM resources WHERE id = '${CHILD}'; ${lock(OTHER, "FOR SHARE")}`);
    two.run("SELECT count(*) FROM bookings");
    one.script(`${lock()}; DELETE FROM resources WHERE id = '${ROOM}'`);
    two.run("SELECT count(*) FROM bookings");
    expect(one.tag("COMMIT")).toBe("COMMIT");
    expect(two.rows("SELECT id FROM resources")).toEqual([[OTHER]]);
  });

  test("of a transaction that locks what it has made", () => {
    const made = id(40);
    one.script(`BEGIN; INSERT INTO resources (id) VALUES ('${made}'); ${lock(made)}; ${book(41, made)}`);
    two.run(book(30));
    one.script(`SELECT * FROM bookings WHERE resource_id = '${made}' FOR UPDATE`);
    two.run(book(31));
    expect(one.tag("COMMIT")).toBe("COMMIT");
  });
});

describe("two that lock the same row", () => {
  const both = (first: string, second: string, firstWork: string, secondWork: string) => {
    one.script(`BEGIN; ${lock(ROOM, first)}`);
    two.script(`BEGIN; ${lock(ROOM, second)}`);
    one.run(firstWork);
    two.run(secondWork);
    one.run("COMMIT");
    return two.error("COMMIT").slice(0, 5);
  };

  test("FOR UPDATE cannot both commit, whatever they change", () => {
    expect(both("FOR UPDATE", "FOR UPDATE", book(30, OTHER), book(31, CHILD))).toBe("40001");
  });

  test.each([
    ["FOR SHARE", "FOR SHARE", "no er"],
    ["FOR SHARE", "FOR NO KEY UPDATE", "40001"],
    ["FOR NO KEY UPDATE", "FOR NO KEY UPDATE", "40001"],
    ["FOR NO KEY UPDATE", "FOR KEY SHARE", "no er"],
    ["FOR UPDATE", "FOR KEY SHARE", "40001"],
    ["FOR KEY SHARE", "FOR UPDATE", "40001"],
  ])("%s and %s: %s", (first, second, outcome) => {
    expect(both(first, second, book(30, OTHER), book(31, OTHER))).toBe(outcome);
  });

  test("can, if the first has changed nothing, has gone, or has rolled back", () => {
    expect(both("FOR UPDATE", "FOR UPDATE", "SELECT 1", book(31, OTHER))).toBe("no er");
    one.script(`BEGIN; ${lock()}; ${book(32, OTHER)}`);
    two.script(`BEGIN; ${lock()}; ${book(33, OTHER)}`);
    one.session.close();
    expect(two.error("COMMIT")).toBe("no error");
  });

  test("NOWAIT refuses and SKIP LOCKED passes by what another holds", () => {
    const bookings = "SELECT id FROM bookings ORDER BY start";
    one.script(`BEGIN; ${booking} FOR UPDATE`);
    expect(two.rows(`${bookings} FOR UPDATE SKIP LOCKED`)).toEqual([[id(11)]]);
    expect(two.rows(`${bookings} LIMIT 1 FOR SHARE SKIP LOCKED`)).toEqual([[id(11)]]);
    expect(two.rows(`${bookings} FOR UPDATE`)).toEqual([[id(10)], [id(11)]]);
    expect(two.error(`${bookings} FOR UPDATE NOWAIT`)).toBe(
      '55P03 could not obtain lock on row in relation "bookings"',
    );
    expect(one.rows(`${booking} FOR UPDATE NOWAIT`)).toHaveLength(1);
    one.run("COMMIT");
    expect(two.rows(`${bookings} FOR UPDATE NOWAIT`)).toHaveLength(2);
  });
});

test("locking clauses name what they lock", () => {
  expect(one.rows(`SELECT b.id FROM bookings b FOR UPDATE OF b FOR SHARE`)).toHaveLength(2);
  expect(one.rows("SELECT 1 FOR UPDATE")).toEqual([["1"]]);
  expect(one.error("SELECT 1 FROM bookings FOR UPDATE OF x")).toBe(
    '42P01 relation "x" in FOR UPDATE clause not found in FROM clause',
  );
  expect(one.error("SELECT count(*) FROM bookings FOR UPDATE")).toStartWith("0A000 FOR UPDATE");
  expect(one.error("SELECT 1 FROM availability FOR SHARE")).toStartWith("0A000 FOR SHARE");
});

test("locks of one transaction are bounded, and a row locked twice counts once", () => {
  const filled = new TestDatabase();
  const client = filled.connect();
  client.run(`INSERT INTO resources (id) VALUES ('${ROOM}')`);
  const rows = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `('${ROOM}', ${from + i}, ${from + i + 1})`).join(", ");
  client.run(`INSERT INTO bookings (resource_id, start, "end") VALUES ${rows(0, MAX_TRANSACTION_LOCKS)}`);
  const all = "SELECT start FROM bookings FOR SHARE";
  client.script(`BEGIN; ${all}; ${all}; COMMIT`);
  client.run(
    `INSERT INTO bookings (resource_id, start, "end") VALUES ${rows(MAX_TRANSACTION_LOCKS, MAX_TRANSACTION_LOCKS + 1)}`,
  );
  expect(client.error(all)).toStartWith("54000 limit exceeded: locks of one transaction");
}, 30_000);

describe("a serializable transaction", () => {
  const free = (room: string) =>
    `SELECT start FROM availability WHERE resource_id = '${room}' AND start >= 0 AND "end" <= 1000`;
  const reads: Record<string, { read: string; changes: string; spares: string }> = {
    "a booking by id": { read: booking, changes: moveBooking, spares: book(30, OTHER) },
    "an id that is not there": {
      read: `SELECT * FROM bookings WHERE id = '${id(30)}'`,
      changes: book(30, OTHER),
      spares: book(31, CHILD),
    },
    "the bookings of a resource": {
      read: `SELECT count(*) FROM bookings WHERE resource_id = '${ROOM}'`,
      changes: book(30),
      spares: book(30, OTHER),
    },
    "free time": { read: free(ROOM), changes: book(30), spares: book(30, OTHER) },
    "free time that an ancestor decides": {
      read: free(CHILD),
      changes: `UPDATE rules SET "end" = 900 WHERE id = '${id(5)}'`,
      spares: book(30, OTHER),
    },
    "a resource": {
      read: `SELECT * FROM resources WHERE id = '${ROOM}'`,
      changes: rename(ROOM),
      spares: rename(OTHER),
    },
    "what an UPDATE looked at": {
      read: `UPDATE bookings SET label = 'x' WHERE resource_id = '${OTHER}' AND start > 0`,
      changes: book(30, OTHER),
      spares: book(30),
    },
    "that a row was skipped": {
      read: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id(10)}', '${ROOM}', 1, 2) ON CONFLICT (id) DO NOTHING`,
      changes: cancel,
      spares: "SELECT 1",
    },
    "a whole table": { read: "SELECT count(*) FROM holds", changes: book(30, OTHER), spares: "SELECT 1" },
  };
  for (const isolation of ["SERIALIZABLE", "REPEATABLE READ"]) {
    for (const [what, { read, changes, spares }] of Object.entries(reads)) {
      test(`${isolation} loses when ${what} changes, and only then`, () => {
        const work = `${read}; ${rename(OTHER, isolation)}`;
        const mine = what === "a resource" || spares.includes(OTHER) ? `${read}; ${book(60, CHILD)}` : work;
        expect(race(mine, changes, isolation)).toBe("40001");
        expect(race(mine, spares.replace(id(30), id(50)), isolation)).toBe("no er");
      });
    }
  }

  test("that only reads sees one state, or hears of it at its next statement", () => {
    const count = `SELECT count(*) FROM bookings WHERE resource_id = '${ROOM}'`;
    one.script(`BEGIN ISOLATION LEVEL SERIALIZABLE; ${count}`);
    two.run(book(30));
    expect(one.error("SELECT 1")).toStartWith("40001");
    one.run("ROLLBACK");
    // What it read last was true when it read it: nothing is left to check.
    expect(race(count, book(31), "SERIALIZABLE")).toBe("no er");
  });

  test("forgets no read by ROLLBACK TO, the one of an error included", () => {
    const count = `SELECT count(*) FROM bookings WHERE resource_id = '${ROOM}'`;
    expect(race(`SAVEPOINT s; ${count}; ROLLBACK TO s; ${book(40, OTHER)}`, book(30), "SERIALIZABLE")).toBe(
      "40001",
    );
    one.script("BEGIN ISOLATION LEVEL SERIALIZABLE; SAVEPOINT s");
    expect(one.error(book(10))).toStartWith("23505");
    one.script(`ROLLBACK TO s; ${book(41, OTHER)}`);
    two.run(cancel);
    expect(one.error("COMMIT")).toStartWith("40001");
  });

  test("may read and change what it has made or deleted itself", () => {
    const made = id(40);
    one.script(
      `BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO resources (id) VALUES ('${made}'); ${book(41, made)}`,
    );
    one.run(`SELECT * FROM bookings WHERE resource_id = '${made}'`);
    two.run(book(30, OTHER));
    one.script(`${cancel}; ${booking}; SELECT * FROM bookings WHERE id = '${id(41)}'`);
    two.run(book(31, OTHER));
    expect(one.tag("COMMIT")).toBe("COMMIT");
  });

  test("write skew: two that each read what the other writes cannot both commit", () => {
    const count = (room: string) => `SELECT count(*) FROM bookings WHERE resource_id = '${room}'`;
    one.script(`BEGIN ISOLATION LEVEL SERIALIZABLE; ${count(ROOM)}; ${book(30, OTHER)}`);
    two.script(`BEGIN ISOLATION LEVEL SERIALIZABLE; ${count(OTHER)}; ${book(31, ROOM)}`);
    one.run("COMMIT");
    expect(two.error("COMMIT")).toStartWith("40001");
  });

  test(`remembers ${MAX_TRACKED_READS} resources by themselves, and beyond that takes any change for one`, () => {
    const ids = Array.from(
      { length: MAX_TRACKED_READS },
      (_, i) => `01HYYYYYYYYYYYYYYYYYY${String(i).padStart(5, "0")}`,
    );
    two.run(`INSERT INTO resources (id) VALUES ${ids.map((room) => `('${room}')`).join(", ")}`);
    // The UPDATE that follows reads the last of them.
    const read = (rows: number) =>
      `SELECT count(*) FROM bookings WHERE resource_id IN (${ids
        .slice(0, rows)
        .map((room) => `'${room}'`)
        .join(", ")})`;
    expect(race(`${read(MAX_TRACKED_READS - 1)}; ${rename(OTHER)}`, book(30), "SERIALIZABLE")).toBe("no er");
    expect(race(`${read(MAX_TRACKED_READS)}; ${rename(OTHER)}`, book(31), "SERIALIZABLE")).toBe("40001");
  });
});
