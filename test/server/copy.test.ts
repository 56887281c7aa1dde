/** COPY over real sockets: message by message, with postgres.js's streams and with psql. */

import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { connectPostgresJs, newId, USER } from "./clients.ts";
import { cleanUp, PASSWORD, type ServerProcess, startServer, temporaryFolder } from "./harness.ts";
import { errorCode, outcome, RawClient, serialize } from "./raw-client.ts";

setDefaultTimeout(30_000);

let server: ServerProcess;
let client: RawClient;
let room: string;

beforeAll(async () => {
  server = await startServer();
  client = await RawClient.connect(server);
});

beforeEach(async () => {
  room = newId();
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
});

afterAll(cleanUp);

const COPY = 'COPY bookings (resource_id, start, "end") FROM STDIN';
const data = (text: string) => serialize.copyData(Buffer.from(text));
const row = (from: number) => `${room}\t${from}\t${from + 10}\n`;

async function count(reader = client): Promise<number> {
  const replies = await reader.query(`SELECT id FROM bookings WHERE resource_id = '${room}'`);
  return replies.filter(({ name }) => name === "dataRow").length;
}

/** Sends a COPY FROM and waits until the server takes data. */
async function begin(on: RawClient, text = COPY): Promise<void> {
  on.send(serialize.query(text));
  expect((await on.next())?.name).toBe("copyInResponse");
}

describe("by simple query", () => {
  test("takes data in pieces, and goes on with the text behind it", async () => {
    await begin(client, `${COPY}; SELECT 1`);
    const text = row(0) + row(10);
    client.send(data(text.slice(0, 30)), data(text.slice(30)), data(""), serialize.copyDone());
    expect(outcome(await client.cycle())).toEqual(["COPY 2", "SELECT 1"]);
    expect(await count()).toBe(2);
  });

  test("an error ends it at once, and what still comes of the data is ignored", async () => {
    await begin(client);
    client.send(data(row(0)), data("x\n"), data(row(20)), serialize.copyDone());
    expect(outcome(await client.cycle())).toEqual(["22P02"]);
    expect(await count()).toBe(0);
  });

  test("CopyFail and any other message are errors, after which the connection is usable", async () => {
    await begin(client);
    client.send(data(row(0)), serialize.copyFail("no more"));
    const replies = await client.cycle();
    expect(replies[0]?.message).toBe("COPY from stdin failed: no more");
    expect(outcome(replies)).toEqual(["57014"]);
    await begin(client);
    client.send(serialize.query("SELECT 1"));
    expect(outcome(await client.cycle())).toEqual(["08P01"]);
    expect(await count()).toBe(0);
  });

  test("two in one text, and a failed one in a block", async () => {
    await begin(client, `${COPY}; ${COPY}`);
    client.send(data(row(0)), serialize.copyDone());
    expect((await client.next())?.name).toBe("commandComplete");
    expect((await client.next())?.name).toBe("copyInResponse");
    client.send(data(row(10)), serialize.copyDone());
    expect(outcome(await client.cycle())).toEqual(["COPY 1"]);
    await client.query("BEGIN");
    await begin(client);
    client.send(data(row(0)), serialize.copyDone());
    expect(outcome(await client.cycle())).toEqual(["23P01"]);
    expect(errorCode(await client.query(COPY))).toBe("25P02");
    await client.query("ROLLBACK");
    expect(await count()).toBe(2);
  });

  test("others go on, a cancel request ends it, and so does statement_timeout", async () => {
    const copying = await RawClient.connect(server);
    await begin(copying);
    copying.send(data(row(0)));
    expect(await count()).toBe(0);
    await copying.cancel(server);
    expect(outcome(await copying.cycle())).toEqual(["57014"]);
    await copying.query("SET statement_timeout = 20");
    await begin(copying);
    copying.send(data(row(0)));
    expect(outcome(await copying.cycle())).toEqual(["57014"]);
    await copying.query("SET statement_timeout = 0");
    await begin(copying);
    copying.send(data(row(0)), serialize.copyDone());
    expect(outcome(await copying.cycle())).toEqual(["COPY 1"]);
    await copying.end();
  });

  test("a client that goes in the middle stores nothing", async () => {
    const gone = await RawClient.connect(server);
    await begin(gone);
    gone.send(data(row(0)));
    gone.destroy();
    expect(await count()).toBe(0);
  });
});

test("a COPY TO that its client does not read stops, lets others work, and can be canceled", async () => {
  await begin(client);
  const lines: string[] = [];
  for (let n = 0; n < 400_000; n++) lines.push(row(n * 10));
  client.send(data(lines.join("")), serialize.copyDone());
  expect(outcome(await client.cycle())).toEqual(["COPY 400000"]);
  const slow = await RawClient.connect(server);
  slow.stopReading();
  slow.send(serialize.query("COPY bookings TO STDOUT"));
  await client.query(`DELETE FROM bookings WHERE resource_id = '${room}' AND start < 100`);
  await slow.cancel(server);
  slow.readAgain();
  const replies = await slow.cycle();
  expect(replies.at(0)?.name).toBe("copyOutResponse");
  expect(outcome(replies)).toEqual(["57014"]);
  expect(outcome(await slow.query("SELECT 1"))).toEqual(["SELECT 1"]);
  await client.query(`DELETE FROM resources WHERE id = '${room}'`);
  await slow.end();
});

describe("by extended query", () => {
  const messages = (text: string) => [
    serialize.parse({ text }),
    serialize.bind({}),
    serialize.describe({ type: "P" }),
    serialize.execute(),
  ];

  test("a Sync sent with Execute is ignored; the one behind the data is answered", async () => {
    client.send(...messages(COPY), serialize.sync());
    const names: (string | undefined)[] = [];
    while (names.at(-1) !== "copyInResponse") names.push((await client.next())?.name);
    expect(names).toEqual(["parseComplete", "bindComplete", "noData", "copyInResponse"]);
    client.send(data(row(0)), serialize.flush(), data(row(10)), serialize.copyDone(), serialize.sync());
    expect(outcome(await client.cycle())).toEqual(["COPY 2"]);
    expect(await count()).toBe(2);
  });

  test("behind an error all is skipped up to the next Sync, which rolls back what was before", async () => {
    const insert = `INSERT INTO bookings (resource_id, start, "end") VALUES ('${room}', 90, 95)`;
    client.send(...messages(insert), ...messages(COPY), serialize.sync());
    while ((await client.next())?.name !== "copyInResponse");
    client.send(data("x\n"), data(row(0)), serialize.copyDone(), ...messages("SELECT 1"), serialize.sync());
    expect(outcome(await client.cycle())).toEqual(["22P02"]);
    expect(await count()).toBe(0);
  });

  test("COPY TO gives its messages", async () => {
    client.send(...messages("COPY (VALUES (1), (2)) TO STDOUT"), serialize.sync());
    const replies = await client.cycle();
    expect(replies.map(({ name }) => name).slice(3)).toEqual([
      "copyOutResponse",
      "copyData",
      "copyData",
      "copyDone",
      "commandComplete",
      "readyForQuery",
    ]);
    expect(outcome(replies)).toEqual(["COPY 2"]);
  });

  test("a binary COPY TO has its header in one message with what comes first", async () => {
    const lengths = async (query: string) => {
      client.send(...messages(`COPY (${query}) TO STDOUT (FORMAT binary)`), serialize.sync());
      const replies = await client.cycle();
      return replies.filter(({ name }) => name === "copyData").map(({ length = 0 }) => length - 4);
    };
    const [header, tuple, end] = [19, 2 + 4 + 4, 2];
    expect(await lengths("VALUES (1), (2)")).toEqual([header + tuple, tuple, end]);
    expect(await lengths("VALUES (1) LIMIT 0")).toEqual([header + end]);
  });
});

test("postgres.js loads and unloads with its streams, and hears of an error", async () => {
  const sql = connectPostgresJs(server, "main");
  const lines = Array.from({ length: 20_000 }, (_, n) => row(n * 10));
  await pipeline(
    Readable.from(lines),
    await sql`COPY bookings (resource_id, start, "end") FROM STDIN`.writable(),
  );
  const refused = await sql`COPY bookings (resource_id, start, "end") FROM STDIN`.writable();
  // It hears of errors until it has sent the end: then this driver waits for ever, whatever the server.
  const failed = new Promise<{ code?: string }>((resolve) => refused.once("error", resolve));
  refused.write("x\n");
  expect((await failed).code).toBe("22P02");
  expect(await sql`SELECT 1 AS n`).toHaveLength(1);
  // Last, since the driver may leave a connection paused that it has read more than a buffer from.
  const parts: Uint8Array[] = [];
  const query = `SELECT resource_id, start, "end" FROM bookings WHERE resource_id = '${room}' ORDER BY start`;
  const readable = await sql.unsafe(`COPY (${query}) TO STDOUT`).readable();
  for await (const part of readable) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe(lines.join(""));
  await sql.end({ timeout: 1 });
});

const psql = Bun.which("psql");
test.skipIf(psql === null)("psql's \\copy, in both directions and every format", async () => {
  const folder = temporaryFolder();
  const { PATH } = process.env;
  const run = async (...commands: string[]) => {
    const args = commands.flatMap((command) => ["-c", command]);
    const child = Bun.spawn(
      [
        "psql",
        "-X",
        "-A",
        "-t",
        "-h",
        "127.0.0.1",
        "-p",
        String(server.port),
        "-U",
        USER,
        "-d",
        "main",
        ...args,
      ],
      {
        env: { PATH, PGPASSWORD: PASSWORD },
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    return (await new Response(child.stdout).text()) + (await new Response(child.stderr).text());
  };
  const file = join(folder, "rows");
  writeFileSync(file, row(0) + row(10));
  expect(await run(`\\copy bookings (resource_id, start, "end") from '${file}'`)).toBe("COPY 2\n");
  for (const format of ["text", "csv", "binary"]) {
    expect(
      await run(
        `\\copy (SELECT * FROM bookings WHERE resource_id = '${room}') to '${file}' (format ${format})`,
      ),
    ).toBe("COPY 2\n");
    await client.query(`DELETE FROM bookings WHERE resource_id = '${room}'`);
    expect(await run(`\\copy bookings from '${file}' (format ${format})`)).toBe("COPY 2\n");
  }
  writeFileSync(file, "x\n");
  expect(await run(`\\copy bookings from '${file}'`)).toContain(
    'CONTEXT:  COPY bookings, line 1, column id: "x"',
  );
});
