/** Savepoints, the failed state, chained transactions and the modes of a transaction, as PostgreSQL has them. */

import { beforeEach, describe, expect, test } from "bun:test";
import { MAX_SAVEPOINTS } from "../../src/limits.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
});

const insert = (n: number) => `INSERT INTO resources (id) VALUES ('${id(n)}')`;
const resources = (of: TestClient) =>
  of.rows("SELECT id FROM resources ORDER BY id").map(([text]) => Number((text as string).slice(-4)));
const status = () => client.session.transactionStatus;
const show = (name: string) => client.rows(`SHOW ${name}`)[0]?.[0];

describe("savepoints", () => {
  test("ROLLBACK TO takes back what came after, and the savepoint stays", () => {
    client.script(`BEGIN; ${insert(1)}; SAVEPOINT a; ${insert(2)}`);
    expect(client.tag("ROLLBACK TO SAVEPOINT a")).toBe("ROLLBACK");
    expect(resources(client)).toEqual([1]);
    client.script(`${insert(3)}; ROLLBACK TO a; ${insert(4)}`);
    expect(client.tag("RELEASE a")).toBe("RELEASE");
    expect(client.error("ROLLBACK TO a")).toBe('3B001 savepoint "a" does not exist');
    expect(client.tag("COMMIT")).toBe("ROLLBACK");
    client.script(`BEGIN; ${insert(1)}; SAVEPOINT a; ${insert(2)}; ROLLBACK TO a; ${insert(4)}; COMMIT`);
    expect(resources(database.connect())).toEqual([1, 4]);
  });

  test("nest, and of several with one name the latest counts", () => {
    client.script(`BEGIN; SAVEPOINT a; ${insert(1)}; SAVEPOINT b; ${insert(2)}; SAVEPOINT a; ${insert(3)}`);
    client.run("ROLLBACK TO a");
    expect(resources(client)).toEqual([1, 2]);
    client.run("RELEASE SAVEPOINT a");
    client.run("ROLLBACK TO a");
    expect(resources(client)).toEqual([]);
    expect(client.error("ROLLBACK TO b")).toStartWith("3B001");
    client.run("ROLLBACK TO a");
    client.script(`${insert(5)}; COMMIT`);
    expect(resources(client)).toEqual([5]);
  });

  test("RELEASE keeps what was done, and forgets the savepoints within", () => {
    client.script(`BEGIN; SAVEPOINT a; ${insert(1)}; SAVEPOINT b; ${insert(2)}; RELEASE a`);
    expect(client.error("RELEASE b")).toStartWith("3B001");
    client.run("ROLLBACK");
    client.script(`BEGIN; SAVEPOINT a; ${insert(1)}; SAVEPOINT b; ${insert(2)}; RELEASE a; COMMIT`);
    expect(resources(client)).toEqual([1, 2]);
  });

  test("a failed block goes on after ROLLBACK TO, with what came before the savepoint", () => {
    client.script(`BEGIN; ${insert(1)}; SAVEPOINT a; ${insert(2)}`);
    expect(client.error(insert(1))).toStartWith("23505");
    expect(status()).toBe("E");
    for (const text of ["SELECT 1", "SAVEPOINT b", "RELEASE a", "PREPARE p AS SELECT 1", "NOTIFY a"]) {
      expect(client.error(text)).toStartWith("25P02");
    }
    expect(client.error("ROLLBACK TO nope")).toStartWith("3B001");
    expect(status()).toBe("E");
    client.run("ROLLBACK TO a");
    expect(status()).toBe("T");
    client.script(`${insert(3)}; COMMIT`);
    expect(resources(database.connect())).toEqual([1, 3]);
  });

  test("are for transaction blocks only", () => {
    for (const [text, name] of [
      ["SAVEPOINT a", "SAVEPOINT"],
      ["SELECT 1; SAVEPOINT a", "SAVEPOINT"],
      ["RELEASE a", "RELEASE SAVEPOINT"],
      ["ROLLBACK TO a", "ROLLBACK TO SAVEPOINT"],
    ]) {
      expect(client.error(text as string)).toBe(`25P01 ${name} can only be used in transaction blocks`);
    }
    client.script("BEGIN; SAVEPOINT a; COMMIT; BEGIN");
    expect(client.error("ROLLBACK TO a")).toStartWith("3B001");
  });

  test("what lost a race can be taken back alone", () => {
    const other = database.connect();
    client.script(`BEGIN; ${insert(1)}; SAVEPOINT a; ${insert(2)}`);
    other.run(insert(2));
    expect(client.error("SELECT 1")).toStartWith("40001");
    client.script(`ROLLBACK TO a; ${insert(3)}; COMMIT`);
    expect(resources(other)).toEqual([1, 2, 3]);
    client.script(`BEGIN; ${insert(4)}; SAVEPOINT a; ${insert(5)}`);
    other.run(insert(4));
    expect(client.error("SELECT 1")).toStartWith("40001");
    client.run("ROLLBACK TO a");
    expect(client.error("COMMIT")).toStartWith("40001");
    expect(status()).toBe("I");
    expect(resources(other)).toEqual([1, 2, 3, 4]);
  });

  test("settings go back with them", () => {
    client.script("BEGIN; SET application_name = 'a'; SAVEPOINT s; SET LOCAL application_name = 'b'");
    client.script("SET statement_timeout = 5; ROLLBACK TO s");
    expect([show("application_name"), show("statement_timeout")]).toEqual(["a", "0"]);
    client.script(
      "SAVEPOINT t; SET application_name = 'c'; RELEASE t; SAVEPOINT u; SET application_name = 'd'",
    );
    client.script("ROLLBACK TO u; COMMIT");
    expect(show("application_name")).toBe("c");
  });

  test("are bounded", () => {
    client.run("BEGIN");
    for (let i = 0; i < MAX_SAVEPOINTS; i++) client.run("SAVEPOINT a");
    expect(client.error("SAVEPOINT a")).toStartWith("54000 limit exceeded: savepoints");
  });
});

describe("AND CHAIN", () => {
  test("begins another transaction with the same modes", () => {
    client.script(`BEGIN ISOLATION LEVEL SERIALIZABLE; ${insert(1)}`);
    expect(client.tag("COMMIT AND CHAIN")).toBe("COMMIT");
    expect(status()).toBe("T");
    expect(show("transaction_isolation")).toBe("serializable");
    client.run(insert(2));
    expect(client.tag("ROLLBACK AND CHAIN")).toBe("ROLLBACK");
    client.script(`${insert(3)}; COMMIT AND NO CHAIN`);
    expect(status()).toBe("I");
    expect(resources(client)).toEqual([1, 3]);
    client.run("BEGIN");
    expect(client.error("SELECT 1 / 0")).toStartWith("22012");
    expect(client.tag("COMMIT AND CHAIN")).toBe("ROLLBACK");
    expect(status()).toBe("T");
  });

  test("is for transaction blocks only, and a COMMIT that fails chains nothing", () => {
    expect(client.error("COMMIT AND CHAIN")).toBe(
      "25P01 COMMIT AND CHAIN can only be used in transaction blocks",
    );
    expect(client.error("ROLLBACK AND CHAIN")).toStartWith("25P01");
    client.script(`BEGIN; ${insert(1)}`);
    database.connect().run(insert(1));
    expect(client.error("COMMIT AND CHAIN")).toStartWith("40001");
    expect(status()).toBe("I");
  });
});

describe("the modes of a transaction", () => {
  test.each([
    [
      "SELECT 1",
      "ISOLATION LEVEL SERIALIZABLE",
      "SET TRANSACTION ISOLATION LEVEL must be called before any query",
    ],
    [
      "SAVEPOINT a",
      "ISOLATION LEVEL SERIALIZABLE",
      "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction",
    ],
    [
      "SET TRANSACTION READ ONLY; SELECT 1",
      "READ WRITE",
      "transaction read-write mode must be set before any query",
    ],
    [
      "SET TRANSACTION READ ONLY; SAVEPOINT a",
      "READ WRITE",
      "cannot set transaction read-write mode inside a read-only transaction",
    ],
    ["SELECT 1", "DEFERRABLE", "SET TRANSACTION [NOT] DEFERRABLE must be called before any query"],
    [
      "SAVEPOINT a",
      "NOT DEFERRABLE",
      "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction",
    ],
  ])("after %s, %s comes too late", (before, mode, message) => {
    client.script(`BEGIN; ${before}`);
    expect(client.error(`SET TRANSACTION ${mode}`)).toBe(`25001 ${message}`);
    client.script(`ROLLBACK; BEGIN; ${before}`);
    expect(client.error(`BEGIN ${mode}`)).toBe(`25001 ${message}`);
  });

  test("the same again, READ ONLY, and all before the first query are in time", () => {
    client.script(
      "BEGIN; SELECT 1; SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET TRANSACTION READ ONLY",
    );
    expect(client.error(insert(1))).toStartWith("25006");
    client.script("ROLLBACK; BEGIN READ ONLY; SHOW TimeZone");
    client.script(`SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE, DEFERRABLE; ${insert(1)}`);
    expect(show("TRANSACTION ISOLATION LEVEL")).toBe("repeatable read");
    client.run("COMMIT");
  });

  test("end with it, however they were set, and defaults begin each", () => {
    client.run("SET transaction_isolation = 'serializable'");
    expect(show("transaction_isolation")).toBe("read committed");
    client.run("BEGIN");
    client.run("SELECT 1");
    expect(client.error("SET transaction_isolation = 'serializable'")).toStartWith("25001");
    client.run("ROLLBACK");
    client.run(
      "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE",
    );
    expect(["isolation", "read_only"].map((mode) => show(`transaction_${mode}`))).toEqual([
      "serializable",
      "on",
    ]);
    expect(show("default_transaction_deferrable")).toBe("on");
    client.script("BEGIN READ WRITE, ISOLATION LEVEL READ COMMITTED");
    expect(["isolation", "read_only"].map((mode) => show(`transaction_${mode}`))).toEqual([
      "read committed",
      "off",
    ]);
  });

  test("a read-only transaction takes no row locks either", () => {
    client.run("BEGIN READ ONLY");
    expect(client.error("SELECT * FROM bookings FOR NO KEY UPDATE")).toBe(
      "25006 cannot execute SELECT FOR NO KEY UPDATE in a read-only transaction",
    );
  });
});
