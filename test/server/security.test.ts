/** The security of a connection as people's clients see it: SCRAM, TLS, and secrets that stay where they are. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { SQL } from "bun";
import pg from "pg";
import postgres from "postgres";
import { makeCertificate, writeCertificate } from "../wire/certificate.ts";
import { disconnectAll, refusalOf, USER } from "./clients.ts";
import {
  cleanUp,
  PASSWORD,
  runProgram,
  type ServerProcess,
  startServer,
  temporaryFolder,
} from "./harness.ts";

const made = makeCertificate();
const { certificatePath, keyPath } = writeCertificate(temporaryFolder(), made);
const certificateSettings = { DELTAT_TLS_CERT: certificatePath, DELTAT_TLS_KEY: keyPath };

/** One offers TLS, one requires it, one has none and takes the password as it is. */
let offering: ServerProcess;
let requiring: ServerProcess;
let plain: ServerProcess;

beforeAll(async () => {
  [offering, requiring, plain] = await Promise.all([
    startServer({ settings: certificateSettings }),
    startServer({ settings: { ...certificateSettings, DELTAT_TLS: "required" } }),
    startServer({ settings: { DELTAT_AUTH: "password" } }),
  ]);
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

type PgSettings = Pick<pg.ClientConfig, "ssl" | "password"> & { readonly enableChannelBinding?: boolean };

/** What `SELECT 1` gives through node-postgres. */
async function askPg(server: ServerProcess, settings: PgSettings): Promise<unknown> {
  const client = new pg.Client({
    host: "localhost",
    port: server.port,
    user: USER,
    password: PASSWORD,
    database: "main",
    ...settings,
  });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return (await client.query("SELECT 1 AS one")).rows[0];
  } finally {
    await client.end().catch(() => undefined);
  }
}

const VERIFIED = { ca: made.certificate };

describe("node-postgres", () => {
  test("with TLS, the certificate verified, with and without channel binding", async () => {
    for (const enableChannelBinding of [true, false]) {
      for (const server of [offering, requiring]) {
        expect(await askPg(server, { ssl: VERIFIED, enableChannelBinding })).toEqual({ one: 1 });
      }
    }
  });

  test("without TLS, by SCRAM and by the password as it is", async () => {
    expect(await askPg(offering, {})).toEqual({ one: 1 });
    expect(await askPg(plain, {})).toEqual({ one: 1 });
  });

  test("a wrong password is refused on every way in", async () => {
    for (const [server, ssl] of [
      [offering, VERIFIED],
      [offering, false],
      [requiring, VERIFIED],
      [plain, false],
    ] as const) {
      const refusal = await refusalOf(askPg(server, { ssl, password: "wrong" }));
      expect(refusal).toMatchObject({
        code: "28P01",
        message: `password authentication failed for user "${USER}"`,
      });
    }
  });

  test("without TLS is refused where TLS is required", async () => {
    expect(await refusalOf(askPg(requiring, {}))).toMatchObject({ code: "28000" });
  });

  test("does not take another server's certificate", async () => {
    const ca = makeCertificate().certificate;
    await expect(askPg(offering, { ssl: { ca } })).rejects.toThrow();
    await expect(askPg(plain, { ssl: VERIFIED })).rejects.toThrow("does not support SSL");
  });
});

test("postgres.js with TLS, and refused without it where it is required", async () => {
  const options = { host: "localhost", user: USER, pass: PASSWORD, database: "main", fetch_types: false };
  const encrypted = postgres({ ...options, port: requiring.port, ssl: VERIFIED });
  expect([...(await encrypted`SELECT 1 AS one`.simple())]).toEqual([{ one: 1 }]);
  await encrypted.end();
  const open = postgres({ ...options, port: requiring.port });
  await expect(open`SELECT 1`.simple().execute()).rejects.toMatchObject({ code: "28000" });
  await open.end();
});

test("Bun.sql with TLS, and a wrong password through it", async () => {
  const at = { hostname: "localhost", port: requiring.port, username: USER, database: "main", max: 1 };
  const sql = new SQL({ ...at, adapter: "postgres", password: PASSWORD, tls: VERIFIED });
  expect([...(await sql`SELECT 1 AS one`.simple())]).toEqual([{ one: 1 }]);
  await sql.close();
  const wrong = new SQL({ ...at, adapter: "postgres", password: "wrong", tls: VERIFIED });
  await expect(wrong`SELECT 1`.simple().execute()).rejects.toMatchObject({ errno: "28P01" });
  await wrong.close();
});

const { PATH } = process.env;
const psql = Bun.which("psql");
if (psql === null) console.warn("psql is not on the PATH: its test of TLS is skipped");

async function askPsql(server: ServerProcess, connection: string, password: string = PASSWORD) {
  const child = Bun.spawn(
    [
      psql ?? "",
      `host=localhost hostaddr=127.0.0.1 port=${server.port} user=${USER} dbname=main ${connection}`,
      "-XAtc",
      "SELECT 1",
    ],
    { env: { PATH: PATH, PGPASSWORD: password }, stdout: "pipe", stderr: "pipe" },
  );
  const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { code: await child.exited, out: out.trim(), err };
}

describe.skipIf(psql === null)("psql", () => {
  const verified = `sslmode=verify-full sslrootcert=${certificatePath}`;

  test("with sslmode=verify-full channel_binding=require", async () => {
    for (const server of [offering, requiring]) {
      expect(await askPsql(server, `${verified} channel_binding=require`)).toEqual({
        code: 0,
        out: "1",
        err: "",
      });
      expect(await askPsql(server, `${verified} channel_binding=disable`)).toMatchObject({
        code: 0,
        out: "1",
      });
      const oldest = "ssl_min_protocol_version=TLSv1.2 ssl_max_protocol_version=TLSv1.2";
      expect(await askPsql(server, `${verified} channel_binding=require ${oldest}`)).toMatchObject({
        code: 0,
      });
    }
  }, 20_000);

  test("is refused with a wrong password, without TLS where it is required, and finds no binding without TLS", async () => {
    const wrong = await askPsql(offering, verified, "wrong");
    expect(wrong).toMatchObject({ code: 2, out: "" });
    expect(wrong.err).toContain(`FATAL:  password authentication failed for user "${USER}"`);
    const open = await askPsql(requiring, "sslmode=disable");
    expect(open).toMatchObject({ code: 2, out: "" });
    expect(open.err).toContain("FATAL:  connections without TLS are not allowed");
    expect((await askPsql(offering, "sslmode=disable channel_binding=require")).code).toBe(2);
    expect((await askPsql(plain, "sslmode=prefer channel_binding=require")).code).toBe(2);
    expect(await askPsql(requiring, "sslmode=prefer")).toMatchObject({ code: 0, out: "1" });
  }, 20_000);

  test("does not take another server's certificate", async () => {
    const other = writeCertificate(temporaryFolder(), makeCertificate()).certificatePath;
    const refused = await askPsql(offering, `sslmode=verify-full sslrootcert=${other}`);
    expect(refused).toMatchObject({ code: 2, out: "" });
    expect(refused.err).toContain("certificate verify failed");
  });
});

test("certificates of other kinds serve as well; one whose signature names no hash gets no channel binding", async () => {
  for (const [kind, hash] of [
    ["rsa", "sha512"],
    ["ec", "sha384"],
    ["ed25519", "sha256"],
  ] as const) {
    const other = makeCertificate(kind, hash);
    const paths = writeCertificate(temporaryFolder(), other);
    const server = await startServer({
      settings: { DELTAT_TLS_CERT: paths.certificatePath, DELTAT_TLS_KEY: paths.keyPath },
    });
    expect(await askPg(server, { ssl: { ca: other.certificate } })).toEqual({
      one: 1,
    });
    if (psql !== null) {
      const connection = `sslmode=verify-full sslrootcert=${paths.certificatePath} channel_binding=require`;
      const isBound = kind !== "ed25519";
      expect(await askPsql(server, connection)).toMatchObject({
        code: isBound ? 0 : 2,
        out: isBound ? "1" : "",
      });
    }
    await server.stop();
  }
}, 20_000);

test("neither password nor key is in what the server prints or shows", async () => {
  const client = new pg.Client({
    host: "localhost",
    port: offering.port,
    user: USER,
    password: PASSWORD,
    ssl: VERIFIED,
  });
  client.on("error", () => undefined);
  await client.connect();
  const shown = await client.query("SHOW ALL").then(
    ({ rows }) => JSON.stringify(rows),
    (error: Error) => error.message,
  );
  for (const name of ["password", "deltat_password", "deltat_tls_key", "deltat.password"]) {
    await expect(client.query(`SHOW ${name}`)).rejects.toMatchObject({ code: "42704" });
  }
  await client.end();
  const help = await runProgram(["--help"], { DELTAT_PASSWORD: PASSWORD, ...certificateSettings }).ended();
  const secondOnFolder = await runProgram([], {
    DELTAT_PORT: "0",
    DELTAT_PASSWORD: PASSWORD,
    DELTAT_DATA_DIR: offering.dataDir,
  }).ended();
  const crossed = await runProgram([], {
    DELTAT_PASSWORD: PASSWORD,
    DELTAT_DATA_DIR: temporaryFolder(),
    DELTAT_TLS_CERT: keyPath,
    DELTAT_TLS_KEY: certificatePath,
  }).ended();
  expect(crossed.exitCode).toBe(1);
  expect(crossed.stderr).toMatch(/^deltat: DELTAT_TLS_CERT: .* does not hold a certificate in PEM\n$/);
  const ends = await Promise.all([offering.stop(), requiring.stop(), plain.stop()]);
  const printed = [help, secondOnFolder, crossed, ...ends]
    .map(({ stdout, stderr }) => stdout + stderr)
    .join();
  const keyLine = made.key.split("\n")[1] ?? "no key";
  for (const secret of [PASSWORD, keyLine]) {
    expect(printed).not.toContain(secret);
    expect(shown).not.toContain(secret);
  }
  for (const { exitCode, stderr } of ends) expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
});
