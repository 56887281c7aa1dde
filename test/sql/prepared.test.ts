/** PREPARE, EXECUTE and DEALLOCATE, in one namespace with the statements that the protocol's Parse has named. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { MAX_PREPARED_PER_CONNECTION } from "../../src/limits.ts";
import { StreamRun } from "../../src/sql/rows/row-stream.ts";
import { decodeRows, id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let client: TestClient;

beforeEach(() => {
  client = new TestDatabase().connect();
  client.run(`INSERT INTO resources (id) VALUES ('${id(1)}')`);
});

const INSERT = 'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)';

describe("PREPARE and EXECUTE", () => {
  test("infer types from where parameters stand, and take expressions", () => {
    expect(client.tag(`PREPARE book AS ${INSERT} RETURNING id, "end" - start`)).toBe("PREPARE");
    expect(
      client.run(`EXECUTE book('${id(2).toLowerCase()}', '${id(1)}', 100 + 1, abs(-201), upper('x'))`),
    ).toEqual({ tag: "INSERT 0 1", rows: [[id(2), "100"]] });
    expect(client.run(`EXECUTE book('${id(3)}', '${id(1)}', 1.6, 3, NULL)`).rows).toEqual([[id(3), "1"]]);
    expect(client.rows("SELECT start, label FROM bookings ORDER BY start")).toEqual([
      ["2", null],
      ["101", "X"],
    ]);
  });

  test("take their arguments also where rows are taken one by one", () => {
    const { session } = client;
    session.execute(session.prepare("PREPARE p(int) AS SELECT $1 + 1", []), [], [], new ByteWriter());
    const rows = new ByteWriter();
    const run = new StreamRun(session.open(session.prepare("EXECUTE p($1)", []), [41], [], rows), 1);
    run.advance(rows);
    expect(decodeRows(rows.written())).toEqual([["42"]]);
    expect(run.tag).toBe("SELECT 1");
  });

  test("take declared types, and literals as part of the plan", () => {
    client.run("PREPARE p(int, text, unknown) AS SELECT $1 + 1, $2, $3::bigint, 'lit', 7");
    expect(client.rows("EXECUTE p('41', 5, '9')")).toEqual([["42", "5", "9", "lit", "7"]]);
    expect(client.rows("EXECUTE p(1, 'a', 2)")).toEqual([["2", "a", "2", "lit", "7"]]);
    expect(client.error("PREPARE q(nosuch) AS SELECT $1")).toBe('42704 type "nosuch" does not exist');
    expect(client.error("PREPARE q AS SELECT $2::int")).toStartWith("42P18");
    expect(client.error("PREPARE q AS SELECT nope")).toStartWith("42703");
  });

  test.each([
    ["EXECUTE nope", '26000 prepared statement "nope" does not exist'],
    ["DEALLOCATE nope", '26000 prepared statement "nope" does not exist'],
    ["PREPARE p AS SELECT 1", '42P05 prepared statement "p" already exists'],
    ["EXECUTE p", '42601 wrong number of parameters for prepared statement "p"'],
    ["EXECUTE p(1, 2)", "42601"],
    [
      "EXECUTE p(now())",
      "42804 parameter $1 of type timestamp with time zone cannot be coerced to the expected type integer",
    ],
    ["EXECUTE p(true)", "42804"],
    ["EXECUTE p('x')", '22P02 invalid input syntax for type integer: "x"'],
    ["EXECUTE p((SELECT 1))", "0A000"],
    ["EXECUTE p(nope)", "42703"],
  ])("refuses %s", (text, error) => {
    client.run("PREPARE p(int) AS SELECT $1");
    expect(client.error(text)).toStartWith(error);
  });

  test("outlive the transaction, and not DEALLOCATE and DISCARD ALL", () => {
    client.script("BEGIN; PREPARE a AS SELECT 1; PREPARE b AS SELECT 2; PREPARE c AS SELECT 3; ROLLBACK");
    expect(client.rows("EXECUTE a")).toEqual([["1"]]);
    expect(client.tag("DEALLOCATE PREPARE a")).toBe("DEALLOCATE");
    expect(client.error("EXECUTE a")).toStartWith("26000");
    expect(client.tag("DEALLOCATE ALL")).toBe("DEALLOCATE ALL");
    expect(client.error("EXECUTE b")).toStartWith("26000");
    client.script("PREPARE a AS SELECT 1; EXECUTE a; DISCARD ALL");
    expect(client.error("EXECUTE a")).toStartWith("26000");
  });

  test("run as the statement they name: read-only transactions, row locks, failed blocks", () => {
    client.run(`PREPARE book AS ${INSERT}`);
    client.run("BEGIN READ ONLY");
    expect(client.error(`EXECUTE book('${id(2)}', '${id(1)}', 1, 2, '')`)).toStartWith(
      "25006 cannot execute INSERT in a read-only transaction",
    );
    expect(client.error("EXECUTE book")).toStartWith("25P02");
    client.run("ROLLBACK");
    expect(client.run("PREPARE l AS SELECT id FROM resources FOR UPDATE; EXECUTE l").rows).toEqual([[id(1)]]);
  });

  test("are each session's own, whatever plans are shared", () => {
    const database = new TestDatabase();
    const [one, two] = [database.connect(), database.connect()];
    for (const [session, value] of [
      [one, "1"],
      [two, "'b'"],
    ] as const) {
      session.run(`PREPARE mine AS SELECT ${value}`);
    }
    expect([one.rows("EXECUTE mine"), two.rows("EXECUTE mine")]).toEqual([[["1"]], [["b"]]]);
    expect([one.prepared("EXECUTE mine", []).rows, two.prepared("EXECUTE mine", []).rows]).toEqual([
      [["1"]],
      [["b"]],
    ]);
  });
});

describe("the protocol's statements", () => {
  test("EXECUTE is described as what it runs, and takes parameters of its own", () => {
    const { session } = client;
    client.run(`PREPARE book(text, text, bigint, bigint, text) AS ${INSERT} RETURNING id, start`);
    const statement = session.prepare(`EXECUTE book($1, '${id(1)}', $2, $2 + 10, 'x')`, []);
    expect(statement.parameterTypes).toEqual([25, 20]);
    expect(
      statement.columns?.map(({ name, typeOid, columnNumber }) => [name, typeOid, columnNumber]),
    ).toEqual([
      ["id", 25, 1],
      ["start", 20, 3],
    ]);
    const rows = new ByteWriter();
    expect(session.execute(statement, [id(2), 50], [], rows)).toBe("INSERT 0 1");
    session.commitImplicit();
    expect(client.rows('SELECT start, "end" FROM bookings')).toEqual([["50", "60"]]);
    expect(session.prepare("PREPARE p AS SELECT $1::int", []).columns).toBe(null);
  });

  test("named by Parse, they can be executed and deallocated by SQL, and the other way round", () => {
    const { session } = client;
    session.prepared.requireFree("s");
    session.prepared.add("s", session.prepare("SELECT $1::bigint + 1", []), false);
    expect(client.rows("EXECUTE s(41)")).toEqual([["42"]]);
    expect(client.error("PREPARE s AS SELECT 1")).toStartWith("42P05");
    client.run("DEALLOCATE s; PREPARE t AS SELECT 5");
    expect(() => session.prepared.get("s")).toThrow('prepared statement "s" does not exist');
    expect(session.prepared.get("t").columns?.[0]?.typeOid).toBe(23);
    expect(() => session.prepared.requireFree("t")).toThrow("already exists");
  });

  test("are bounded together", () => {
    const { session } = client;
    const statement = session.prepare("SELECT 1", []);
    for (let i = 1; i < MAX_PREPARED_PER_CONNECTION; i++) session.prepared.add(`s${i}`, statement, false);
    client.run("PREPARE last AS SELECT 1");
    expect(client.error("PREPARE too_many AS SELECT 1")).toStartWith(
      "54000 limit exceeded: prepared statements",
    );
  });
});
