/**
 * What SERIALIZABLE promises, checked from outside: clients run random transactions with their statements
 * interleaved while holds expire, and those that committed are run again one after the other, in the order of their
 * commits, on a database of their own. Every answer must be the same.
 */

import { expect, test } from "bun:test";
import { DeltatError } from "../../src/errors.ts";
import { type TestClient, TestDatabase } from "./sql-fixture.ts";

const ROUNDS = 150;
const STATEMENTS = 120;
const SEED = 4711;
const ROOMS = 3;

/** Xorshift32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

const id = (letter: string, n: number) => `01H${letter.repeat(18)}${String(n).padStart(5, "0")}`;
const room = (n: number) => id("R", n);

interface Statement {
  readonly text: string;
  readonly answer: string;
}

/** A transaction that has come to an end, at the place in the order where it counts. */
interface Finished {
  readonly at: number;
  readonly statements: readonly Statement[];
}

/** A transaction that is open. */
interface Open {
  readonly statements: Statement[];
  /** When, and after how many others, its last statement ran. */
  lastAt: number;
  lastIndex: number;
  /** When the first of its own holds expires: from then on it has seen what time alone has undone. */
  holdUntil: number;
}

function answerOf(client: TestClient, text: string): string {
  try {
    const { tag, rows } = client.run(text);
    return `${tag} ${JSON.stringify(rows)}`;
  } catch (error) {
    if (error instanceof DeltatError) return `${error.sqlState} ${error.message}`;
    throw error;
  }
}

function setUp(): TestDatabase {
  const database = new TestDatabase();
  const client = database.connect();
  for (let n = 0; n < ROOMS; n++) {
    client.run(
      `INSERT INTO resources (id, parent_id, capacity) VALUES ('${room(n)}', ${n === 2 ? `'${room(0)}'` : "NULL"}, ${1 + (n % 2)})`,
    );
  }
  client.run(
    `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id("X", 0)}', '${room(0)}', 0, 1000, false), ('${id("X", 1)}', '${room(1)}', 0, 1000, false)`,
  );
  return database;
}

/** Statements of one database: some read, some change what others read. */
function statementMaker(random: (below: number) => number, now: () => number) {
  let next = 1;
  const anyRoom = () => room(random(ROOMS));
  const known = () => 1 + random(next);
  const span = () => {
    const start = random(20) * 10;
    return `${start}, ${start + 10 + random(2) * 10}`;
  };
  const choices: (() => string)[] = [
    () => `SELECT id, start FROM bookings WHERE resource_id = '${anyRoom()}' ORDER BY id`,
    () => `SELECT * FROM holds WHERE resource_id = '${anyRoom()}' AND start < 100 ORDER BY id`,
    () => `SELECT * FROM bookings WHERE id = '${id("B", known())}'`,
    () => `SELECT * FROM holds WHERE id IN ('${id("H", known())}', '${id("H", known())}') ORDER BY id`,
    () =>
      `SELECT start, "end" FROM availability WHERE resource_id = '${anyRoom()}' AND start >= 0 AND "end" <= 300`,
    () =>
      `SELECT start FROM availability WHERE resource_id IN ('${room(0)}', '${room(1)}') AND start >= 0 AND "end" <= 300`,
    () => `SELECT count(*) FROM ${random(2) === 0 ? "bookings" : "holds"}`,
    () => `SELECT * FROM resources WHERE id = '${anyRoom()}'`,
    () => `SELECT id, name FROM resources WHERE parent_id = '${anyRoom()}'`,
    () =>
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id("B", next++)}', '${anyRoom()}', ${span()})`,
    () =>
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id("B", known())}', '${anyRoom()}', ${span()}) ON CONFLICT (id) DO NOTHING`,
    () =>
      `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${id("H", next++)}', '${anyRoom()}', ${span()}, ${now() + 1 + random(60)})`,
    () => `INSERT INTO bookings (id, hold_id) VALUES ('${id("B", next++)}', '${id("H", known())}')`,
    () => `UPDATE bookings SET start = start + 10, "end" = "end" + 10 WHERE id = '${id("B", known())}'`,
    () =>
      `UPDATE bookings SET resource_id = '${anyRoom()}' WHERE resource_id = '${anyRoom()}' AND start < 30 RETURNING id`,
    () => `UPDATE rules SET "end" = ${500 + random(500)} WHERE resource_id = '${room(random(2))}'`,
    () => `UPDATE resources SET name = '${random(1000)}' WHERE id = '${anyRoom()}'`,
    () => `DELETE FROM bookings WHERE resource_id = '${anyRoom()}' AND start > ${random(300)}`,
    () => `DELETE FROM holds WHERE id = '${id("H", known())}'`,
    () => `UPDATE resources SET capacity = ${1 + random(3)} WHERE id = '${anyRoom()}'`,
  ];
  return () => (choices[random(choices.length)] as () => string)();
}

/** Runs clients against each other; returns the transactions that count, in their order. */
function runInterleaved(random: (below: number) => number): { finished: Finished[]; rolledBack: number } {
  const database = setUp();
  const make = statementMaker(random, () => database.now);
  const clients = [database.connect(), database.connect(), database.connect()];
  const open = new Map<TestClient, Open>();
  const finished: Finished[] = [];
  let rolledBack = 0;
  for (let step = 0; step < STATEMENTS; step++) {
    if (random(4) === 0) database.now += random(20);
    const client = clients[random(clients.length)] as TestClient;
    const transaction = open.get(client);
    if (transaction === undefined) {
      client.run(`BEGIN ISOLATION LEVEL ${random(2) === 0 ? "SERIALIZABLE" : "REPEATABLE READ"}`);
      open.set(client, {
        statements: [],
        lastAt: database.now,
        lastIndex: finished.length,
        holdUntil: Number.POSITIVE_INFINITY,
      });
      continue;
    }
    if (random(6) > 0) {
      client.run("SAVEPOINT s");
      const text = make();
      const answer = answerOf(client, text);
      if (answer.startsWith("40001")) {
        client.run("ROLLBACK");
        open.delete(client);
        rolledBack++;
        continue;
      }
      // An answer may be an error: it tells of the database as well.
      if (client.session.transactionStatus === "E") client.run("ROLLBACK TO s");
      const expiresAt = /INTO holds .* (\d+)\)$/.exec(text)?.[1];
      if (expiresAt !== undefined && answer.startsWith("INSERT")) {
        transaction.holdUntil = Math.min(transaction.holdUntil, Number(expiresAt));
      }
      transaction.statements.push({ text, answer });
      transaction.lastAt = database.now;
      transaction.lastIndex = finished.length;
      continue;
    }
    open.delete(client);
    if (database.now >= transaction.holdUntil) {
      client.run("ROLLBACK");
      continue;
    }
    const lsn = database.log.appendedLsn;
    const outcome = answerOf(client, "COMMIT");
    if (outcome.startsWith("40001")) rolledBack++;
    else if (database.log.appendedLsn > lsn)
      finished.push({ at: database.now, statements: transaction.statements });
    else {
      // One that changed nothing stands where its last statement was.
      finished.splice(transaction.lastIndex, 0, {
        at: transaction.lastAt,
        statements: transaction.statements,
      });
      for (const other of open.values()) if (other.lastIndex >= transaction.lastIndex) other.lastIndex++;
    }
  }
  return { finished, rolledBack };
}

test("transactions that commit are as if they had run one after the other", () => {
  const random = randomFrom(SEED);
  let committed = 0;
  let rolledBack = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const run = runInterleaved(random);
    committed += run.finished.length;
    rolledBack += run.rolledBack;
    const alone = setUp();
    const client = alone.connect();
    for (const { at, statements } of run.finished) {
      alone.now = Math.max(alone.now, at);
      client.run("BEGIN");
      for (const { text, answer } of statements) {
        client.run("SAVEPOINT s");
        const again = answerOf(client, text);
        if (client.session.transactionStatus === "E") client.run("ROLLBACK TO s");
        if (again !== answer)
          throw new Error(`seed ${SEED}, round ${round}: ${text}\n${answer}\nalone: ${again}`);
      }
      client.run("COMMIT");
    }
  }
  expect(committed).toBeGreaterThan(ROUNDS * 3);
  expect(rolledBack).toBeGreaterThan(ROUNDS);
}, 60_000);
