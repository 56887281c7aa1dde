/** Both sides of the bounds that stand between a client's bytes and the engine: messages, statements, parameters, names. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type pg from "pg";
import {
  MAX_EXPRESSION_DEPTH,
  MAX_MESSAGE_BYTES,
  MAX_PARAMETERS,
  MAX_PREPARED_PER_CONNECTION,
  MAX_SMALL_MESSAGE_BYTES,
  MAX_STARTUP_BYTES,
  MAX_STATEMENT_BYTES,
} from "../../src/limits.ts";
import { connect, disconnectAll, newId, refusalOf, rowsOf, USER } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";
import { errorCode, outcome, RawClient, serialize } from "./raw-client.ts";

let server: ServerProcess;
let client: pg.Client;

beforeAll(async () => {
  server = await startServer();
  client = await connect(server);
});

afterAll(async () => {
  expect(server.complaints).toBe("");
  await disconnectAll();
  await cleanUp();
});

/** The type and length word of a message that has yet to come. */
function header(type: string, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(type);
  bytes.writeInt32BE(length, 1);
  return bytes;
}

test("a message over the bound is refused by its length alone, with 54000, and ends the connection", async () => {
  for (const length of [MAX_MESSAGE_BYTES + 1, 0x7fffffff, -1]) {
    const raw = await RawClient.connect(server);
    raw.send(header("Q", length));
    expect(await raw.next()).toMatchObject({ name: "error", code: "54000" });
    expect(await raw.next()).toBeNull();
  }
  await client.query("SELECT 1");
});

test("a length that no message has ends the connection with 08P01", async () => {
  for (const bytes of [header("Q", 3), header("S", MAX_SMALL_MESSAGE_BYTES + 1)]) {
    const raw = await RawClient.connect(server);
    raw.send(bytes);
    expect(await raw.next()).toMatchObject({ name: "error", code: "08P01" });
    expect(await raw.next()).toBeNull();
  }
});

test("a message at the bound is read: its statement is over the statement's own bound, the connection lives", async () => {
  const raw = await RawClient.connect(server);
  const text = " ".repeat(MAX_MESSAGE_BYTES - 5);
  raw.send(serialize.query(text));
  const replies = await raw.cycle();
  expect(errorCode(replies)).toBe("54000");
  expect(replies[0]?.message).toStartWith("limit exceeded: ");
  expect(outcome(await raw.query("SELECT 1"))).toEqual(["SELECT 1"]);
  await raw.end();
}, 30_000);

test("a start-up packet over the bound is refused before it is there", async () => {
  const raw = await RawClient.dial(server);
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(MAX_STARTUP_BYTES + 1);
  raw.send(bytes);
  expect(await raw.next()).toMatchObject({ name: "error", code: "08P01" });
  expect(await raw.next()).toBeNull();
  const long = await RawClient.dial(server);
  const fixed = serialize.startup({ user: USER, database: "main", application_name: "" }).length;
  const application_name = "x".repeat(MAX_STARTUP_BYTES - fixed);
  long.send(serialize.startup({ user: USER, database: "main", application_name }));
  expect((await long.next())?.name).toBe("authenticationSASL");
});

test("a statement's text is bounded in bytes, not characters", async () => {
  const padded = (bytes: number, filler: string) => {
    const room = bytes - "SELECT 1 /**/".length;
    return `SELECT 1 /*${filler.repeat(Math.ceil(room / Buffer.byteLength(filler)))}*/`;
  };
  const refusal = await refusalOf(client.query(padded(MAX_STATEMENT_BYTES + 1, "x")));
  expect(refusal.code).toBe("54000");
  expect(refusal.message).toStartWith("limit exceeded: ");
  expect((await refusalOf(client.query(padded(MAX_STATEMENT_BYTES + 1, "🕒")))).code).toBe("54000");
  expect((await client.query(padded(MAX_STATEMENT_BYTES, "x"))).rowCount).toBe(1);
}, 30_000);

test("as many parameters as the protocol can count", async () => {
  const id = newId();
  await client.query(`INSERT INTO resources (id) VALUES ('${id}')`);
  const list = Array.from({ length: MAX_PARAMETERS }, (_, i) => `$${i + 1}`).join(", ");
  const values = Array.from({ length: MAX_PARAMETERS }, () => id);
  const text = `SELECT id FROM resources WHERE id IN (${list})`;
  expect(await rowsOf(client, text, values)).toEqual([[id]]);
  const refusal = await refusalOf(client.query(`SELECT $${MAX_PARAMETERS + 1}::int`, [1]));
  // PostgreSQL's answer too: nobody can ever give it.
  expect(refusal.code).toBe("42P02");
  expect(refusal.message).toBe(`there is no parameter $${MAX_PARAMETERS + 1}`);
}, 30_000);

test("an expression may be deep, but not so deep that it endangers the server", async () => {
  // Each of these nests one level with every repetition, in another way.
  const shapes: ((depth: number) => string)[] = [
    (depth) => `SELECT ${"-(".repeat(depth)}abs(1)${")".repeat(depth)}`,
    (depth) => `SELECT ${"NOT ".repeat(depth)}true`,
    (depth) => `SELECT 1${" + 1".repeat(depth)}`,
    (depth) => `SELECT ${"coalesce(".repeat(depth)}1${")".repeat(depth)}`,
    (depth) => `SELECT ${"CASE WHEN true THEN ".repeat(depth)}1${" END".repeat(depth)}`,
  ];
  for (const shape of shapes) {
    expect((await client.query(shape(100))).rowCount, shape(1)).toBe(1);
    for (const depth of [MAX_EXPRESSION_DEPTH + 10, 20_000, 200_000]) {
      const refusal = await refusalOf(client.query(shape(depth)));
      expect([refusal.code, refusal.message], `${shape(1)} ${depth}`).toEqual([
        "54000",
        expect.stringMatching(/^limit exceeded: /),
      ]);
    }
  }
  expect((await client.query("SELECT ((1))")).rowCount).toBe(1);
}, 30_000);

test("one connection may keep so many prepared statements, and no more", async () => {
  const raw = await RawClient.connect(server);
  const parse = (n: number) => serialize.parse({ name: `s${n}`, text: "SELECT 1" });
  const all = Array.from({ length: MAX_PREPARED_PER_CONNECTION }, (_, n) => parse(n));
  raw.send(...all, serialize.sync());
  const replies = await raw.cycle();
  expect(errorCode(replies)).toBeNull();
  raw.send(parse(MAX_PREPARED_PER_CONNECTION), serialize.sync());
  expect(errorCode(await raw.cycle())).toBe("54000");
  raw.send(serialize.close({ type: "S", name: "s0" }), parse(MAX_PREPARED_PER_CONNECTION), serialize.sync());
  expect(errorCode(await raw.cycle())).toBeNull();
  await raw.end();
});

test("numbers at the ends of their types come through unharmed", async () => {
  const text = "SELECT 9223372036854775807, -9223372036854775808, 9007199254740993, $1::bigint, $2::bigint";
  expect(await rowsOf(client, text, ["9223372036854775807", "-9223372036854775808"])).toEqual([
    [
      "9223372036854775807",
      "-9223372036854775808",
      "9007199254740993",
      "9223372036854775807",
      "-9223372036854775808",
    ],
  ]);
  expect((await refusalOf(client.query("SELECT $1::bigint", ["9223372036854775808"]))).code).toBe("22003");
});
