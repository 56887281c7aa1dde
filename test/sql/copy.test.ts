/** COPY as its users see it: what it writes is PostgreSQL's, byte for byte, and what it reads is all there or not at all. */

import { beforeEach, describe, expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import { MAX_COPY_ROW_BYTES } from "../../src/limits.ts";
import { unlimitedMemory } from "../../src/memory-budget.ts";
import { CopyLoad } from "../../src/sql/copy/load.ts";
import type { CopyOptions } from "../../src/sql/copy/options.ts";
import { Execution } from "../../src/sql/execution.ts";
import { SessionState } from "../../src/sql/session/session-state.ts";
import { StatementMemory } from "../../src/sql/session/statement-memory.ts";
import { BOOKINGS } from "../../src/sql/tables/stored-tables.ts";
import { id, type TestClient, TestDatabase } from "./sql-fixture.ts";

let database: TestDatabase;
let client: TestClient;
const room = id(1);

beforeEach(() => {
  database = new TestDatabase();
  client = database.connect();
  client.run(`INSERT INTO resources (id, name, capacity) VALUES ('${room}', 'Room', 2)`);
});

const out = (text: string) => client.copyOut(text).toString();

/** `SQLSTATE message | where` of what the COPY fails with. */
function failure(text: string, ...data: (string | Uint8Array)[]): string {
  try {
    client.copyIn(text, ...data);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    const { where } = error.fields;
    return `${error.sqlState} ${error.message}${where === undefined ? "" : ` | ${where}`}`;
  }
  return "no error";
}

const SPANS = 'COPY bookings (resource_id, start, "end", label) FROM STDIN';
const bookings = () => client.rows('SELECT resource_id, start, "end", label FROM bookings ORDER BY start');

describe("COPY TO", () => {
  const odd = "E'a\\tb\\nc\\rd\\\\e\\x08\\x0b\\x0c\\x01,\"q\"'";

  test("escapes in text format as PostgreSQL does", () => {
    expect(out(`COPY (SELECT ${odd}, NULL::text, 1::bigint, true, '') TO STDOUT`)).toBe(
      'a\\tb\\nc\\rd\\\\e\\b\\v\\f\u0001,"q"\t\\N\t1\tt\t\n',
    );
    expect(out("COPY (SELECT 'a|b', NULL::text) TO STDOUT (DELIMITER '|', NULL 'none')")).toBe(
      "a\\|b|none\n",
    );
  });

  test("quotes in csv format as PostgreSQL does", () => {
    expect(out(`COPY (SELECT 'a,b', 'say "x"', E'l\\nm', '', NULL::text, 'plain') TO STDOUT CSV`)).toBe(
      '"a,b","say ""x""","l\nm","",,plain\n',
    );
    expect(out(`COPY (SELECT '\\.') TO STDOUT CSV`)).toBe('"\\."\n');
    expect(
      out(
        `COPY (SELECT 'a''b' AS x, 'c' AS y, NULL::text AS z) TO STDOUT (FORMAT csv, HEADER, QUOTE '''', ESCAPE '\\', DELIMITER ';', FORCE_QUOTE (y, z))`,
      ),
    ).toBe("x;y;z\n'a\\'b';'c';\n");
  });

  test("gives tables, lists of columns, VALUES and availability", () => {
    client.run(
      `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(2)}', '${room}', 0, 100, false)`,
    );
    expect(out("COPY resources TO STDOUT")).toBe(`${room}\t\\N\tRoom\t2\t0\tf\n`);
    expect(out('COPY rules ("end", id) TO STDOUT (FORMAT csv, HEADER true)')).toBe(`end,id\n100,${id(2)}\n`);
    expect(out("COPY (VALUES (1, 'a'), (2, 'b')) TO STDOUT")).toBe("1\ta\n2\tb\n");
    const free = `SELECT start, "end" FROM availability WHERE resource_id = '${room}' AND start >= 10 AND "end" <= 50`;
    expect(out(`COPY (${free}) TO STDOUT`)).toBe("10\t50\n");
  });

  test("of a long result comes in slices, all of it", () => {
    const rows = Array.from({ length: 5000 }, (_, n) => `${room}\t${n * 10}\t${n * 10 + 5}\tlabel ${n}`);
    client.copyIn(SPANS, `${rows.join("\n")}\n`);
    const lines = out('COPY bookings (resource_id, start, "end", label) TO STDOUT').trimEnd().split("\n");
    expect(lines.sort()).toEqual(rows.sort());
  });
});

describe("COPY FROM", () => {
  const LINES = `${room}\t0\t10\tone\\ttwo\n${room}\t10\t20\t\\N\n${room}\t20\t30\t\\\\x\\x41\\101\\q\\\nz\n`;
  const EXPECTED = [
    [room, "0", "10", "one\ttwo"],
    [room, "10", "20", null],
    [room, "20", "30", "\\xAAq\nz"],
  ];

  test("reads text split at any byte", () => {
    const bytes = new TextEncoder().encode(LINES);
    for (let at = 0; at <= bytes.length; at++) {
      expect(client.copyIn(SPANS, bytes.slice(0, at), bytes.slice(at))).toBe("COPY 3");
      expect(bookings()).toEqual(EXPECTED);
      client.run("DELETE FROM bookings");
    }
    client.copyIn(SPANS, ...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect(bookings()).toEqual(EXPECTED);
  });

  test("reads csv split at any byte, quoted line breaks included", () => {
    const text = `${room},0,10,"one, ""two"""\r\n${room},10,20,\r\n"${room}",20,30,a"b\nc"d\r\n${room},30,40,""`;
    const bytes = new TextEncoder().encode(text);
    for (let at = 0; at <= bytes.length; at++) {
      expect(client.copyIn(`${SPANS} CSV`, bytes.slice(0, at), bytes.slice(at))).toBe("COPY 4");
      expect(bookings().map((row) => row[3] as string | null)).toEqual(['one, "two"', null, "ab\ncd", ""]);
      client.run("DELETE FROM bookings");
    }
  });

  test("reads back in binary what COPY TO has written, split at any byte", () => {
    client.copyIn(SPANS, LINES);
    const binary = client.copyOut("COPY bookings TO STDOUT (FORMAT binary)");
    for (let at = 0; at <= binary.length; at++) {
      client.run("DELETE FROM bookings");
      expect(
        client.copyIn("COPY bookings FROM STDIN BINARY", binary.subarray(0, at), binary.subarray(at)),
      ).toBe("COPY 3");
    }
    expect(bookings()).toEqual(EXPECTED);
  });

  test("every table comes back as it went, in every format", () => {
    client.run(`INSERT INTO resources (id, parent_id, buffer_after) VALUES ('${id(2)}', '${room}', 7)`);
    client.run(
      `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${id(3)}', '${room}', 0, 100, true)`,
    );
    client.run(`INSERT INTO bookings (resource_id, start, "end", label) VALUES ('${room}', 5, 9, 'ö')`);
    client.run(
      `INSERT INTO holds (resource_id, start, "end", expires_at) VALUES ('${room}', 5, 9, 4102444800000)`,
    );
    for (const format of ["text", "csv", "binary"]) {
      const target = new TestDatabase().connect();
      for (const table of ["resources", "rules", "bookings", "holds"]) {
        const data = client.copyOut(`COPY ${table} TO STDOUT (FORMAT ${format})`);
        target.copyIn(`COPY ${table} FROM STDIN (FORMAT ${format})`, data);
        expect(target.rows(`SELECT * FROM ${table} ORDER BY id`)).toEqual(
          client.rows(`SELECT * FROM ${table} ORDER BY id`),
        );
      }
    }
  });

  test("takes children before their parents, as foreign keys are looked at last", () => {
    const lines = [id(5), id(4), id(3)].map((child, at) => `${child}\t${[id(4), id(3), room][at]}`);
    expect(client.copyIn("COPY resources (id, parent_id) FROM STDIN", lines.join("\n"))).toBe("COPY 3");
    const loop = `${id(7)}\t${id(8)}\n${id(8)}\t${id(7)}\n`;
    expect(failure("COPY resources (id, parent_id) FROM STDIN", loop)).toStartWith("23503 not found");
  });

  test("ends at the marker, skips a header, and checks it with MATCH", () => {
    expect(client.copyIn(SPANS, `${room}\t0\t10\t\\N\n\\.\nrubbish\n`)).toBe("COPY 1");
    expect(client.copyIn(`${SPANS} (FORMAT csv, HEADER)`, `what,ever\n${room},10,20,\n`)).toBe("COPY 1");
    const match = `${SPANS} (HEADER match)`;
    expect(client.copyIn(match, `resource_id\tstart\tend\tlabel\n${room}\t20\t30\tx\n`)).toBe("COPY 1");
    expect(failure(match, "resource_id\tend\tstart\tlabel\n")).toStartWith(
      '22P04 column name mismatch in header line field 2: got "end", expected "start" | COPY bookings, line 1:',
    );
    expect(failure(match, "resource_id\tend\n")).toStartWith("22P04 wrong number of fields in header line");
  });

  const bad: [name: string, line: string, error: string][] = [
    ["too few fields", `${room}\t1`, '22P04 missing data for column "end" | COPY bookings, line 2: "'],
    [
      "too many fields",
      `${room}\t1\t2\tx\ty`,
      '22P04 extra data after last expected column | COPY bookings, line 2: "',
    ],
    [
      "no number",
      `${room}\tabc\t2\tx`,
      '22P02 invalid input syntax for type bigint: "abc" | COPY bookings, line 2, column start: "abc"',
    ],
    [
      "no id",
      "x\t1\t2\tx",
      '22P02 invalid input syntax for type ulid: "x" | COPY bookings, line 2, column resource_id: "x"',
    ],
    [
      "a NULL",
      "\\N\t1\t2\tx",
      '23502 null value in column "resource_id" of relation "bookings" violates not-null constraint | COPY bookings, line 2: "',
    ],
    ["an empty span", `${room}\t5\t5\tx`, "22007 invalid time range: [5, 5) | COPY bookings, line 2: "],
    [
      "an instant out of range",
      `${room}\t5\t9999999999999999\tx`,
      "22008 instant out of range: end = 9999999999999999 | COPY bookings, line 2, column end: ",
    ],
    ["an unknown resource", `${id(9)}\t1\t2\tx`, `23503 not found: ${id(9)} | COPY bookings, line 2`],
    [
      "a carriage return",
      `${room}\t1\t2\ta\rb`,
      "22P04 literal carriage return found in data | COPY bookings, line 2: ",
    ],
    [
      "a marker not alone",
      `${room}\t1\t2\ta\\.b`,
      "22P04 end-of-copy marker is not alone on its line | COPY bookings, line 2: ",
    ],
  ];
  for (const [name, line, error] of bad) {
    test(`refuses ${name}, says where, and stores nothing`, () => {
      expect(failure(SPANS, `${room}\t0\t10\t\\N\n${line}\n`)).toStartWith(error);
      expect(bookings()).toEqual([]);
    });
  }

  test("refuses what is no binary COPY, in PostgreSQL's words", () => {
    const copy = 'COPY rules ("end") FROM STDIN BINARY';
    const head = client.copyOut("COPY (SELECT 1 WHERE false) TO STDOUT BINARY").subarray(0, 19);
    const tuple = (...bytes: number[]) => Buffer.concat([head, Buffer.from(bytes)]);
    expect(failure(copy, "this is not the beginning of it")).toBe("22P04 COPY file signature not recognized");
    expect(failure(copy, tuple(0, 2))).toBe("22P04 row field count is 2, expected 1 | COPY rules, line 1");
    expect(failure(copy, tuple(0, 1, 0, 0))).toStartWith("22P04 unexpected EOF in COPY data");
    expect(failure(copy, tuple(255, 255, 0, 1))).toStartWith("22P04 received copy data after EOF marker");
    expect(failure(copy, tuple(0, 1, 0, 0, 0, 4, 0, 0, 0, 1))).toBe(
      "22P03 incorrect binary data format | COPY rules, line 1, column end",
    );
    expect(client.copyIn(copy, tuple())).toBe("COPY 0");
  });

  test("does not advise ON CONFLICT, which it does not have, about a used id", () => {
    const copy = "COPY resources (id) FROM STDIN";
    try {
      client.copyIn(copy, `${room}\n`);
    } catch (error) {
      if (!(error instanceof DeltatError)) throw error;
      expect(error.message).toBe(`already exists: ${room}`);
      expect(error.fields.detail).toBe(`Key (id)=(${room}) already exists.`);
      expect(error.fields.hint).toBeUndefined();
      return;
    }
    throw new Error("nothing was refused");
  });

  test("is one load: a collision anywhere leaves nothing", () => {
    const three = `${room}\t0\t10\t\\N\n`.repeat(3);
    expect(failure(SPANS, three)).toBe(
      "23P01 capacity 2 exceeded: all slots occupied | COPY bookings, line 3",
    );
    expect(bookings()).toEqual([]);
    const lsn = database.log.appendedLsn;
    client.copyIn(SPANS, three.slice(0, (three.length / 3) * 2));
    expect(database.log.appendedLsn).toBe(lsn + 1);
  });

  test("is part of the open transaction, and fails it", () => {
    client.run("BEGIN");
    client.copyIn(SPANS, `${room}\t0\t10\tin\n`);
    expect(bookings()).toHaveLength(1);
    expect(database.connect().rows("SELECT * FROM bookings")).toEqual([]);
    client.run("SAVEPOINT s");
    expect(failure(SPANS, "x\n")).toStartWith("22P02");
    expect(failure(SPANS, "")).toStartWith("25P02");
    client.run("ROLLBACK TO s");
    client.run("COMMIT");
    expect(bookings()).toEqual([[room, "0", "10", "in"]]);
    client.run("BEGIN READ ONLY");
    expect(failure(SPANS, "")).toBe("25006 cannot execute COPY FROM in a read-only transaction");
    client.run("ROLLBACK");
  });

  test("sees what others did while the data came", () => {
    const other = database.connect();
    const [raw] = client.session.parseScript(SPANS);
    const load = client.session.execute(
      client.session.plan(raw as NonNullable<typeof raw>),
      [],
      [],
      new ByteWriter(),
    );
    if (typeof load === "string" || !("receive" in load)) throw new Error("no COPY FROM");
    load.receive(new TextEncoder().encode(`${room}\t0\t10\tmine\n`));
    other.run(
      `INSERT INTO bookings (resource_id, start, "end") VALUES ('${room}', 0, 10), ('${room}', 0, 10)`,
    );
    expect(() => load.finish()).toThrow("capacity 2 exceeded");
    client.session.abort();
    expect(bookings()).toHaveLength(2);
  });
});

describe("COPY refuses", () => {
  const refused: [text: string, error: string][] = [
    ["COPY bookings FROM '/tmp/x'", "0A000"],
    ["COPY bookings TO PROGRAM 'cat'", "0A000"],
    ["COPY bookings FROM STDIN WHERE start > 1", "0A000"],
    ["COPY bookings (id, hold_id) FROM STDIN", "0A000"],
    ["COPY bookings FROM STDIN (FREEZE)", "0A000 COPY option FREEZE is not supported"],
    [
      "COPY bookings FROM STDIN (FORMAT csv, FORCE_NULL (label))",
      "0A000 COPY option FORCE_NULL is not supported",
    ],
    ["COPY bookings FROM STDIN (ENCODING 'latin1')", "0A000"],
    ["COPY bookings FROM STDIN (FORMAT xml)", '22023 COPY format "xml" not recognized'],
    ["COPY bookings FROM STDIN (WHATEVER)", '42601 option "whatever" not recognized'],
    ["COPY bookings FROM STDIN (DELIMITER 'ab')", "0A000 COPY delimiter must be a single one-byte character"],
    ["COPY bookings FROM STDIN (DELIMITER 'a')", '22023 COPY delimiter cannot be "a"'],
    [
      "COPY bookings FROM STDIN (FORMAT binary, DELIMITER ',')",
      "42601 cannot specify DELIMITER in BINARY mode",
    ],
    ["COPY bookings FROM STDIN (QUOTE '''')", "0A000 COPY quote available only in CSV mode"],
    ["COPY bookings FROM STDIN (HEADER, HEADER)", "42601 conflicting or redundant options"],
    ["COPY bookings (id, id) FROM STDIN", '42701 column "id" specified more than once'],
    ["COPY bookings (nothing) TO STDOUT", '42703 column "nothing" of relation "bookings" does not exist'],
    ["COPY nothing TO STDOUT", '42P01 relation "nothing" does not exist'],
    ["COPY availability TO STDOUT", '42809 cannot copy from view "availability"'],
    ["COPY availability FROM STDIN", '42809 cannot copy to view "availability"'],
    ["COPY (DELETE FROM bookings) TO STDOUT", "0A000 COPY query must have a RETURNING clause"],
  ];
  for (const [text, error] of refused) test(text, () => expect(client.error(text)).toStartWith(error));

  test("a row longer than its bound, and takes one just as long", () => {
    const head = `${room}\t0\t10\t`;
    const long = (bytes: number) => head + "\\101".repeat(Math.floor((bytes - head.length) / 4));
    expect(failure(SPANS, `${long(MAX_COPY_ROW_BYTES + 5)}\n`)).toStartWith(
      "54000 limit exceeded: bytes of a row of COPY",
    );
    // As long as a row may be; its label is too long for the table then, whatever wrote it.
    expect(failure(SPANS, `${long(MAX_COPY_ROW_BYTES)}\n`)).toStartWith(
      "54000 limit exceeded: bytes of label",
    );
  });

  test("more bytes than one load may take, and takes just as many", () => {
    const options: CopyOptions = {
      format: "csv",
      header: false,
      delimiter: 44,
      quote: 34,
      escape: 34,
      nullText: new Uint8Array(0),
      forceQuote: [],
    };
    const session = new SessionState(
      database.tenant,
      { user: "u", processId: 1, startupOptions: new Map() },
      { notify() {} },
      new StatementMemory(0, unlimitedMemory()),
    );
    const execution = new Execution(
      database.tenant,
      session,
      [],
      [],
      [],
      new ByteWriter(),
      session.enterEngine("COPY FROM"),
    );
    const row = new TextEncoder().encode(`${room},0,10,12345678\n`);
    // Twice 72 bytes of columns and 8 of text.
    const load = new CopyLoad(BOOKINGS, [1, 2, 3, 4], options, execution, 160);
    load.receive(row);
    load.receive(row);
    expect(() => load.receive(row)).toThrow("limit exceeded: bytes of one COPY");
    session.rollback();
  });
});
