/** A session: its transactions, its settings, and what it refuses. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { MAX_CHANNELS_PER_CONNECTION } from "../../src/limits.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
});

const insert = (n: number, capacity = 1) =>
  `INSERT INTO resources (id, capacity) VALUES ('${id(n)}', ${capacity})`;
const count = (of: TestClient) => Number(of.rows("SELECT count(*) FROM resources")[0]?.[0]);
const status = () => client.session.transactionStatus;

describe("transactions", () => {
  test("a script is one transaction", () => {
    expect(client.error(`${insert(1)}; ${insert(2)}; ${insert(1)}`)).toStartWith("23505");
    expect(count(client)).toBe(0);
    expect(client.error(`${insert(1)}; SELECT nope`)).toStartWith("42703");
    expect(count(client)).toBe(0);
    client.script(`${insert(1)}; ${insert(2)}`);
    expect(count(client)).toBe(2);
    expect(client.script("")).toEqual([]);
  });

  test("BEGIN … COMMIT shows its own writes to itself alone", () => {
    const other = database.connect();
    expect(client.tag("BEGIN")).toBe("BEGIN");
    expect(status()).toBe("T");
    client.run(insert(1));
    expect([count(client), count(other), count(client)]).toEqual([1, 0, 1]);
    const lsn = database.log.appendedLsn;
    expect(client.tag("COMMIT")).toBe("COMMIT");
    expect(status()).toBe("I");
    expect(client.session.dependsOnLsn).toBe(lsn + 1);
    expect(count(other)).toBe(1);
    client.script("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE, NOT DEFERRABLE");
    client.run(insert(2));
    expect(client.tag("ABORT")).toBe("ROLLBACK");
    expect(count(client)).toBe(1);
  });

  test("an error waits for the commit that caused it", () => {
    const other = database.connect();
    other.run(insert(1));
    expect(client.error(insert(1))).toStartWith("23505");
    expect(client.session.dependsOnLsn).toBe(other.session.dependsOnLsn);
  });

  test("the loser of a race gets 40001", () => {
    const other = database.connect();
    client.script(`BEGIN; ${insert(1)}`);
    other.run(insert(1));
    expect(client.error("COMMIT")).toStartWith("40001");
    expect(status()).toBe("I");
    expect(count(client)).toBe(1);
  });

  test("an error in a block refuses all but its end", () => {
    client.script(`BEGIN; ${insert(1)}`);
    expect(client.error("SELECT 1 / 0")).toStartWith("22012");
    expect(status()).toBe("E");
    const refused = "25P02 current transaction is aborted, commands ignored until end of transaction block";
    for (const text of ["SELECT 1", insert(2), "SHOW TimeZone", "BEGIN", "LISTEN a", "SELECT nope"]) {
      expect(client.error(text)).toBe(refused);
      expect(client.error(text, [])).toBe(refused);
    }
    expect(client.tag("COMMIT")).toBe("ROLLBACK");
    expect(status()).toBe("I");
    expect(count(client)).toBe(0);
    client.run("BEGIN");
    expect(client.error("SELEC")).toStartWith("42601");
    expect(status()).toBe("E");
    expect(client.tag("ROLLBACK")).toBe("ROLLBACK");
  });

  test("BEGIN in a script takes what came before into the block", () => {
    client.script(`${insert(1)}; BEGIN; ${insert(2)}`);
    expect(status()).toBe("T");
    client.run("ROLLBACK");
    expect(count(client)).toBe(0);
    client.script(`BEGIN; ${insert(1)}; COMMIT; ${insert(2)}`);
    expect(count(client)).toBe(2);
    expect(client.error(`BEGIN; ${insert(3)}; COMMIT; ${insert(3)}`)).toStartWith("23505");
    expect(count(client)).toBe(3);
  });

  test("warnings as in PostgreSQL", () => {
    client.script("COMMIT; ROLLBACK; BEGIN; BEGIN; END");
    expect(client.session.takeNotices()).toEqual([
      { severity: "WARNING", sqlState: "25P01", message: "there is no transaction in progress" },
      { severity: "WARNING", sqlState: "25P01", message: "there is no transaction in progress" },
      { severity: "WARNING", sqlState: "25001", message: "there is already a transaction in progress" },
    ]);
    expect(client.session.takeNotices()).toEqual([]);
  });

  test("READ ONLY refuses to write, however it was asked for", () => {
    const refused = "25006 cannot execute INSERT in a read-only transaction";
    client.run("BEGIN READ ONLY");
    expect(client.error(insert(1))).toBe(refused);
    client.script("ROLLBACK; BEGIN; SET TRANSACTION READ ONLY");
    expect(client.error(insert(1))).toBe(refused);
    client.script("ROLLBACK; SET default_transaction_read_only = on");
    expect(client.error(insert(1))).toBe(refused);
    expect(client.script(`BEGIN READ WRITE; ${insert(1)}; COMMIT`).length).toBe(3);
    client.run("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE, ISOLATION LEVEL SERIALIZABLE");
    expect(client.rows("SHOW TRANSACTION ISOLATION LEVEL")).toEqual([["serializable"]]);
    client.run(insert(2));
    expect(count(client)).toBe(2);
  });

  test("now() stands still within a transaction and moves between them", () => {
    const now = () => client.rows("SELECT now(), statement_timestamp() > now()")[0];
    client.run("BEGIN");
    const first = now();
    expect(first?.[1]).toBe("f");
    database.now += 5000;
    expect(now()).toEqual([first?.[0] as string, "t"]);
    client.run("COMMIT");
    expect(now()?.[0]).not.toBe(first?.[0]);
  });

  test("closing rolls back", () => {
    client.script(`BEGIN; ${insert(1)}`);
    client.session.close();
    expect(count(database.connect())).toBe(0);
  });
});

describe("settings", () => {
  const show = (name: string) => client.rows(`SHOW ${name}`)[0]?.[0];

  test("SET, SHOW and RESET", () => {
    expect(client.tag("SET application_name TO 'x'")).toBe("SET");
    expect(show("application_name")).toBe("x");
    expect(client.rows("SELECT current_setting('application_name')")).toEqual([["x"]]);
    expect(client.tag("RESET application_name")).toBe("RESET");
    expect(show("application_name")).toBe("");
    client.script(
      "SET TIME ZONE 'Europe/Vienna'; SET NAMES 'utf8'; SET search_path = a, 'b'; SET datestyle = iso, dmy",
    );
    expect([show("TIME ZONE"), show("client_encoding"), show("search_path"), show("DateStyle")]).toEqual([
      "Europe/Vienna",
      "UTF8",
      "a, b",
      "ISO, DMY",
    ]);
    client.run("SET TIME ZONE INTERVAL '-05:30' HOUR TO MINUTE");
    expect(show("TimeZone")).toBe("<-05:30>+05:30");
    client.run("SET TIME ZONE INTERVAL '+00:00' HOUR TO MINUTE");
    expect(show("TimeZone")).toBe("<+00>-00");
    client.script(
      "SET statement_timeout = '90s'; SET lock_timeout = 1500; SET extra_float_digits = 3; SET app.owner = 'u'",
    );
    expect([show("statement_timeout"), show("lock_timeout"), show("app.owner")]).toEqual([
      "90s",
      "1500ms",
      "u",
    ]);
    client.run("RESET ALL");
    expect([show("statement_timeout"), show("TimeZone")]).toEqual(["0", "UTC"]);
    expect(client.rows("SHOW ALL").length).toBeGreaterThan(20);
    expect(client.error("SHOW app.owner")).toStartWith("42704");
  });

  test.each([
    ["SET nope = 1", '42704 unrecognized configuration parameter "nope"'],
    ["SHOW nope", '42704 unrecognized configuration parameter "nope"'],
    ["SET client_encoding = 'LATIN1'", '22023 invalid value for parameter "client_encoding": "LATIN1"'],
    ["SET TimeZone = 'Nowhere/Land'", "22023"],
    ["SET TIME ZONE INTERVAL '1 month'", "22023"],
    ["SET TIME ZONE INTERVAL '200 hours'", "22023"],
    ["SET statement_timeout = 'soon'", "22023"],
    ["SET standard_conforming_strings = off", "22023"],
    ["SET server_version = '1'", '55P02 parameter "server_version" cannot be changed'],
    ["SET application_name = 'a', 'b'", "22023 SET application_name takes only one argument"],
    ["SET application_name FROM CURRENT", "0A000"],
    ["BEGIN; DISCARD ALL", "25001"],
  ])("refuses %s", (text, error) => {
    expect(client.error(text)).toStartWith(error);
  });

  test("follow the transaction", () => {
    client.script("BEGIN; SET application_name = 'a'; ROLLBACK");
    expect(show("application_name")).toBe("");
    client.script("BEGIN; SET application_name = 'a'; SET LOCAL application_name = 'b'");
    expect(show("application_name")).toBe("b");
    client.run("COMMIT");
    expect(show("application_name")).toBe("a");
    expect(client.error("SET application_name = 'z'; SELECT 1 / 0")).toStartWith("22012");
    expect(show("application_name")).toBe("a");
    client.run("SET LOCAL application_name = 'c'");
    expect(client.session.takeNotices().map(({ message }) => message)).toEqual([
      "SET LOCAL can only be used in transaction blocks",
    ]);
    expect(show("application_name")).toBe("a");
  });

  test("start-up options are where RESET goes back to, and reports tell changes once", () => {
    const options = new Map([
      ["user", "tester"],
      ["application_name", "app"],
      ["options", "-c TimeZone=Asia/Tokyo --statement_timeout=5s"],
    ]);
    client = database.connect(options);
    const reports = new Map(client.session.takeParameterChanges());
    expect([
      reports.get("application_name"),
      reports.get("TimeZone"),
      reports.get("session_authorization"),
    ]).toEqual(["app", "Asia/Tokyo", "tester"]);
    expect(reports.get("server_encoding")).toBe("UTF8");
    expect(client.session.takeParameterChanges()).toEqual([]);
    client.script("SET application_name = 'b'; SET application_name = 'c'; SET statement_timeout = 1");
    expect(client.session.takeParameterChanges()).toEqual([["application_name", "c"]]);
    client.run("DISCARD ALL");
    expect(client.session.takeParameterChanges()).toEqual([["application_name", "app"]]);
    expect(show("statement_timeout")).toBe("5s");
    expect(() => database.connect(new Map([["nope", "1"]]))).toThrow("unrecognized configuration parameter");
  });
});

describe("channels", () => {
  const channel = `resource_${id(1)}`;

  /** Channels that a change of resource 1 is told on. */
  function told(): string[] {
    client.notifications.length = 0;
    database.connect().run(`UPDATE resources SET name = 'n' WHERE id = '${id(1)}'`);
    database.log.flush();
    database.tenant.onDurable();
    return client.notifications.map(([name]) => name);
  }

  test("LISTEN and UNLISTEN take effect at commit", () => {
    client.run(insert(1));
    expect(client.tag(`LISTEN ${channel.toLowerCase()}`)).toBe("LISTEN");
    expect(told()).toEqual([channel]);
    client.run(`BEGIN; UNLISTEN *`);
    expect(told()).toEqual([channel]);
    client.run("ROLLBACK");
    expect(told()).toEqual([channel]);
    expect(client.tag(`UNLISTEN "${channel}"`)).toBe("UNLISTEN");
    expect(told()).toEqual([]);
    client.script(`BEGIN; LISTEN "${channel}"`);
    expect(told()).toEqual([]);
    client.run("COMMIT");
    expect(told()).toEqual([channel]);
    client.session.close();
    expect(told()).toEqual([]);
  });

  test("are bounded", () => {
    const rows = new ByteWriter();
    const { session } = client;
    const listen = (name: string) => session.execute(session.prepare(`LISTEN ${name}`, []), [], [], rows);
    for (let i = 0; i < MAX_CHANNELS_PER_CONNECTION; i++) listen(`c${i}`);
    listen("c0");
    expect(() => listen("one_too_many")).toThrow("limit exceeded");
  });
});

describe("plans", () => {
  test("serve other literals of the same shape, and are parsed once", () => {
    client.run(insert(1));
    const text = (n: number) => `SELECT capacity FROM resources WHERE id = '${id(n)}'`;
    expect(client.rows(text(1))).toEqual([["1"]]);
    client.run(insert(2, 5));
    expect(client.session.parseScript(text(2))[0]?.node).toBe(null);
    expect(client.rows(text(2))).toEqual([["5"]]);
    expect(client.rows(text(3))).toEqual([]);
  });

  test("are found by the bytes of a statement, and its errors say where as if it had been parsed", () => {
    const text = (value: string) => `SELECT capacity FROM resources WHERE capacity = '${value}'`;
    const recall = (value: string) => {
      const bytes = Buffer.from(text(value));
      return client.session.recall(bytes, 0, bytes.length);
    };
    client.run(insert(1));
    client.script(text("1"));
    expect(recall("2")).toBe(null);
    client.script(text("2"));
    expect(recall("3")?.text).toBe(text("3"));
    const expected = database.connect().failure(text("x"));
    expect(expected?.fields.position).toBe(49);
    expect(client.failure(text("x"))).toEqual(expected);
    client.script("BEGIN");
    client.failure("SELECT nothing");
    expect(client.failure(text("3"))?.sqlState).toBe("25P02");
  });

  test("that read a literal while planning are not shared", () => {
    client.script(`${insert(1, 7)}; ${insert(2, 3)}`);
    expect(client.rows("SELECT id, capacity FROM resources ORDER BY 1 LIMIT 1")).toEqual([[id(1), "7"]]);
    expect(client.rows("SELECT id, capacity FROM resources ORDER BY 2 LIMIT 1")).toEqual([[id(2), "3"]]);
    expect(client.rows("SELECT 'abc'::varchar(1), 1")).toEqual([["a", "1"]]);
    expect(client.rows("SELECT 'abc'::varchar(2), 2")).toEqual([["ab", "2"]]);
  });

  test("of one session tell another what that one is", () => {
    const other = database.connect(new Map([["application_name", "other"]]));
    const text = "SELECT current_setting('application_name'), current_user, current_database()";
    expect(client.rows(text)).toEqual([["", "tester", "test"]]);
    expect(other.rows(text)).toEqual([["other", "tester", "test"]]);
  });

  test("describe columns and parameters", () => {
    const { session } = client;
    const statement = session.prepare(
      "UPDATE bookings SET start = $2 WHERE id = $1 RETURNING id, start + 1",
      [],
    );
    expect(statement.parameterTypes).toEqual([25, 20]);
    expect(
      statement.columns?.map(({ name, typeOid, columnNumber }) => [name, typeOid, columnNumber]),
    ).toEqual([
      ["id", 25, 1],
      ["?column?", 20, 0],
    ]);
    expect(session.prepare("  -- nothing", []).isEmpty).toBe(true);
    expect(session.prepare("BEGIN", []).columns).toBe(null);
    expect(() => session.prepare("SELECT 1; SELECT 2", [])).toThrow("cannot insert multiple commands");
    expect(client.error("SELECT $1")).toBe("42P02 there is no parameter $1");
    expect(client.error("SELECT $2::int", ["1", "2"])).toStartWith("42P18");
  });
});
