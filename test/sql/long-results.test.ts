/** Results in slices show one state and are bounded in time and memory. */

import { beforeAll, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import {
  isCopyIn,
  type RowStream,
  SHORT_RESULT_ROWS,
  Slice,
  StreamRun,
} from "../../src/sql/rows/row-stream.ts";
import { SlicedSort } from "../../src/sql/rows/sliced-sort.ts";
import { SqlSession } from "../../src/sql/session.ts";
import { decodeRows, id, type TestClient, TestDatabase } from "./sql-fixture.ts";

const ROWS = 3000;

let database: TestDatabase;
let client: TestClient;

function booking(n: number): string {
  return `01HZZZZZZZZZZZZZZZZZB${String(n).padStart(5, "0")}`;
}

beforeAll(() => {
  database = new TestDatabase();
  client = database.connect();
  for (let r = 0; r < 3; r++) client.run(`INSERT INTO resources (id) VALUES ('${id(r)}')`);
  const rows = Array.from({ length: ROWS }, (_, n) => {
    const label = n % 7 === 0 ? "NULL" : `'label ${(n * 7919) % ROWS}'`;
    return `('${booking(n)}', '${id(n % 3)}', ${n * 10}, ${n * 10 + 5}, ${label})`;
  });
  client.run(`INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ${rows.join(",")}`);
});

/** The result of a statement, which must be a long one, as a stream. */
function stream(text: string, session = client.session, out = new ByteWriter()): RowStream {
  const [raw] = session.parseScript(text);
  if (raw === undefined) throw new Error("no statement");
  const result = session.execute(session.plan(raw), [], [], out);
  if (typeof result === "string" || isCopyIn(result)) throw new Error("it was not long");
  return result;
}

/** Takes the rows `perSlice` at a time; `between` is called after each slice. */
function take(
  result: RowStream,
  out: ByteWriter,
  perSlice: number,
  between: () => void,
): (string | null)[][] {
  const rows: (string | null)[][] = [];
  for (;;) {
    out.clear();
    const run = new StreamRun(result, perSlice);
    let progress = run.advance(out);
    while (progress === "more") progress = run.advance(out);
    rows.push(...decodeRows(out.written()));
    if (progress === "end") return rows;
    between();
  }
}

const QUERIES = [
  "SELECT * FROM bookings",
  "SELECT label, start FROM bookings WHERE start % 20 = 0",
  "SELECT id FROM bookings ORDER BY label DESC, id",
  "SELECT id, label FROM bookings ORDER BY label NULLS FIRST, start DESC OFFSET 100 LIMIT 1500",
  "SELECT start FROM bookings WHERE start > 29990 LIMIT 10",
  "SELECT id FROM bookings ORDER BY start LIMIT 0",
  "SELECT count(*), count(label) FROM bookings WHERE start % 20 = 0",
  "SELECT b.id, r.id FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start",
  "SELECT b.label, (SELECT count(*) FROM bookings c WHERE c.resource_id = b.resource_id AND c.start < 90) FROM bookings b",
  "SELECT resource_id, count(*), min(label) FROM bookings GROUP BY resource_id, start % 100 ORDER BY 1, 2, 3",
  "SELECT r.id, b.start FROM resources r, LATERAL (SELECT start FROM bookings WHERE resource_id = r.id AND start < 500) b",
];

describe("a long result", () => {
  test("is the same in slices of any size, while others change everything", () => {
    for (const query of QUERIES) {
      const whole = client.rows(query);
      for (const perSlice of [1, 7, 1000, 10_000]) {
        const other = database.connect();
        other.run("BEGIN");
        const out = new ByteWriter();
        let changed = false;
        const rows = take(stream(query, client.session, out), out, perSlice, () => {
          if (changed) return;
          changed = true;
          other.run(`UPDATE bookings SET label = 'changed', start = start + 1 WHERE start % 30 = 0`);
          other.run(`DELETE FROM bookings WHERE start % 50 = 0`);
        });
        expect(rows).toEqual(whole);
        client.session.commitImplicit();
        other.run("ROLLBACK");
      }
    }
  });

  test("holds what its own transaction has staged, and that alone", () => {
    const mine = database.connect();
    mine.run("BEGIN");
    mine.run(`DELETE FROM bookings WHERE start < 10000`);
    const out = new ByteWriter();
    const rows = take(
      stream("SELECT start FROM bookings ORDER BY start", mine.session, out),
      out,
      100,
      () => {
        // Whoever enters the engine takes the staged changes out of the tables.
        expect(client.rows(`SELECT start FROM bookings WHERE id = '${booking(0)}'`)).toEqual([["0"]]);
      },
    );
    expect(rows).toHaveLength(ROWS - 1000);
    mine.run("ROLLBACK");
  });

  test("is long beyond SHORT_RESULT_ROWS candidates", () => {
    const result = (end: number) => {
      const { session } = client;
      const [raw] = session.parseScript(
        `SELECT * FROM bookings WHERE resource_id = '${id(0)}' AND start < ${end}`,
      );
      return session.execute(session.plan(raw ?? never()), [], [], new ByteWriter());
    };
    expect(ROWS / 3).toBe(SHORT_RESULT_ROWS);
    expect(result(1_000_000)).toBe(`SELECT ${SHORT_RESULT_ROWS}`);
    expect(() => stream("SELECT * FROM bookings WHERE start < 10").close()).not.toThrow();
  });

  test("may hold so much and no more, until it is closed", () => {
    const bytes = memoryOf();
    const session = sessionWith(bytes);
    const first = stream("SELECT * FROM bookings", session);
    first.detach();
    const second = stream("SELECT * FROM bookings", session);
    expect(code(() => second.detach())).toBe("53200");
    first.close();
    second.detach();
    second.close();
    expect(code(() => stream("SELECT * FROM bookings", sessionWith(bytes - 1)).detach())).toBe("53200");
  });

  test("that is detached before its first row is whole", () => {
    const out = new ByteWriter();
    const result = stream("SELECT start FROM bookings ORDER BY start", client.session, out);
    result.detach();
    expect(take(result, out, 500, () => {})).toHaveLength(ROWS);
  });
});

describe("statement_timeout", () => {
  test("ends work on many rows that makes no pause", () => {
    const session = database.connect();
    session.run("SET statement_timeout = 1");
    expect(session.error("DELETE FROM bookings WHERE label LIKE '%a%b%c%d%' OR start >= 0")).toBe(
      "57014 canceling statement due to statement timeout",
    );
    session.run("SET statement_timeout = 0");
    expect(session.rows("SELECT count(*) FROM bookings")).toEqual([[String(ROWS)]]);
  });

  test("counts each statement by itself", () => {
    const session = database.connect();
    session.run("SET statement_timeout = '1h'");
    session.run("SELECT 1");
    const left = session.session.statementDeadlineMs - performance.now();
    expect(left).toBeGreaterThan(3_500_000);
    session.run("RESET statement_timeout");
    session.run("SELECT 1");
    expect(session.session.statementDeadlineMs).toBe(Number.POSITIVE_INFINITY);
  });

  test("and the timeouts of idle sessions are settings that a session knows", () => {
    const session = database.connect();
    session.run("SET idle_session_timeout = '2s'");
    session.run("SET idle_in_transaction_session_timeout = 1500");
    expect(session.session.idleTimeoutMs).toBe(2000);
    session.run("BEGIN");
    expect(session.session.idleTimeoutMs).toBe(1500);
    session.error("SELECT 1 / 0");
    expect(session.session.idleTimeoutMs).toBe(1500);
    session.run("ROLLBACK");
    expect(database.connect(new Map([["idle_session_timeout", "5s"]])).session.idleTimeoutMs).toBe(5000);
  });
});

describe("the sort in slices", () => {
  test.each([0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 1000, 4097])("orders %d items stably", (count) => {
    const keys = Array.from({ length: count }, (_, i) => (i * 7919) % 97);
    const sort = new SlicedSort(count, (a, b) => (keys[a] as number) - (keys[b] as number));
    const slice = new Slice();
    // A slice that is always over lets one step through for each look at the clock.
    slice.begin(new ByteWriter(0), 1);
    Object.defineProperty(slice, "isTimeUp", { value: alternately() });
    while (!sort.advance(slice));
    const expected = keys.map((_, i) => i).sort((a, b) => (keys[a] as number) - (keys[b] as number));
    expect([...sort.order]).toEqual(expected);
  });
});

function alternately(): () => boolean {
  let calls = 0;
  return () => ++calls % 3 === 0;
}

function sessionWith(workMemBytes: number): SqlSession {
  return new SqlSession(
    database.tenant,
    { user: "tester", processId: 8, startupOptions: new Map() },
    { notify: () => {} },
    workMemBytes,
  );
}

/** What `SELECT * FROM bookings` holds when it is detached at its beginning. */
function memoryOf(): number {
  let low = 0;
  let high = 10_000_000;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (code(() => stream("SELECT * FROM bookings", sessionWith(middle)).detach()) === null) high = middle;
    else low = middle;
  }
  return high;
}

function code(work: () => void): string | null {
  try {
    work();
    return null;
  } catch (error) {
    if (error instanceof DeltatError) return error.sqlState;
    throw error;
  }
}

function never(): never {
  throw new Error("no statement");
}
