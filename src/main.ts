/**
 * The program: what was asked on the command line, settings from the environment, databases, server, and the
 * way out. Exit codes: 0 asked to stop, 1 could not run, 2 wrong usage.
 */

import { resolve } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { SystemClock } from "./clock.ts";
import { COMMAND_HELP, isCommand, runCommand, UsageError } from "./commands/command-line.ts";
import { Progress } from "./commands/progress.ts";
import { type Config, DEFAULT_PASSWORD, describeSettings, readConfig } from "./config.ts";
import { DeltatError, messageOf, SqlState, systemCodeOf } from "./errors.ts";
import { MemoryBudget } from "./memory-budget.ts";
import { makeSnapshotAside, makeSnapshotHere, SNAPSHOT_COMMAND } from "./snapshot-process.ts";
import { loadParser } from "./sql/parse/parser.ts";
import { SqlSession } from "./sql/session.ts";
import { TenantRegistry } from "./tenants/registry.ts";
import type { AccessOptions } from "./wire/access-policy.ts";
import { startWireServer, type WireServer } from "./wire/server.ts";
import type { FindDatabase } from "./wire/sql-connection.ts";
import { readTlsIdentity } from "./wire/tls-identity.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1|localhost)$/;

function helpText(): string {
  return `deltat ${packageJson.version}: ${packageJson.description}

usage: deltat [serve]      serve databases until SIGTERM or SIGINT
       deltat serve --salvage
                           serve what can be read of damaged databases, read-only
${COMMAND_HELP}
       deltat --help       print this
       deltat --version    print the version

Settings come from the environment:
${describeSettings()}`;
}

function log(entry: string): void {
  process.stderr.write(`${entry}\n`);
}

/** One line: who reads the log of a service reads lines. */
function fail(error: unknown): never {
  if (error instanceof DeltatError) {
    const { where, detail, hint } = error.fields;
    const advice = [where && `${where}.`, detail, hint].filter(Boolean).join(" ");
    log(`deltat: ${error.message}${advice === "" ? "" : `. ${advice}`}`);
  } else {
    log(`deltat: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  process.exit(EXIT_FAILURE);
}

/** An address with its port, IPv6 in brackets. */
function endpoint(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function accessOptions({ password, auth, tlsCert, tlsKey, tls }: Config): AccessOptions {
  const hasTls = tlsCert !== null && tlsKey !== null;
  return {
    password,
    method: auth,
    tls: hasTls ? readTlsIdentity({ certificatePath: tlsCert, keyPath: tlsKey }) : null,
    requiresTls: tls === "required",
  };
}

function listen(
  config: Config,
  access: AccessOptions,
  clock: SystemClock,
  memory: MemoryBudget,
  findDatabase: FindDatabase,
): WireServer {
  try {
    return startWireServer({
      hostname: config.bind,
      port: config.port,
      maxConnections: config.maxConnections,
      keepAliveSeconds: config.keepAliveSeconds,
      access,
      findDatabase,
      timers: clock,
      memory,
      log,
    });
  } catch (error) {
    const code = systemCodeOf(error);
    const where = endpoint(config.bind, config.port);
    if (code === "EADDRINUSE") throw new Error(`cannot listen on ${where}: the port is in use`);
    throw new Error(`cannot listen on ${where}: ${messageOf(error)}`);
  }
}

async function serve(config: Config, salvage: boolean): Promise<void> {
  const clock = new SystemClock();
  const workMemBytes = config.workMemMb * 1024 * 1024;
  const memory = new MemoryBudget(config.memoryMb * 1024 * 1024, () => Bun.gc(false));
  const dataDir = resolve(config.dataDir);
  const access = accessOptions(config);
  await loadParser();
  const starting = new Progress("starting");
  const registry = new TenantRegistry({
    dataDir,
    scheduler: clock,
    autoCreate: config.autoCreate,
    enforceRulesByDefault: config.enforceRules,
    warn: (message) => {
      starting.done();
      log(`deltat: warning: ${message}`);
    },
    onReplayed: (database, lsn) => starting.show(`${database}, commit ${lsn}`),
    snapshotBytes: config.snapshotBytes,
    historyBytes: config.historyBytes,
    retentionMs: config.retentionMs,
    makeSnapshot: makeSnapshotAside,
    salvage,
  });
  starting.done();
  let server: WireServer;
  try {
    server = listen(config, access, clock, memory, (name) => {
      const database = registry.open(name);
      return {
        log: database,
        connect: (client, listener) => new SqlSession(database, client, listener, workMemBytes, memory),
      };
    });
  } catch (error) {
    await registry.close();
    log(`deltat: ${messageOf(error)}`);
    process.exit(EXIT_FAILURE);
  }
  stopOnSignal(server, registry);
  if (config.password === DEFAULT_PASSWORD && !LOOPBACK.test(config.bind)) {
    log("deltat: warning: the default password is served beyond this machine; set DELTAT_PASSWORD");
  }
  process.stdout.write(
    `deltat ${packageJson.version} listening on ${endpoint(config.bind, server.port)}, data in ${dataDir}\n`,
  );
}

function stopOnSignal(server: WireServer, registry: TenantRegistry): void {
  let stopping = false;
  const stop = async (): Promise<void> => {
    if (stopping) return;
    stopping = true;
    try {
      await server.stop();
      await registry.close();
    } catch (error) {
      fail(error);
    }
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

/** Ends with the command's exit code; what was typed wrongly is 2. */
async function runOrExplain(command: string, words: readonly string[]): Promise<void> {
  try {
    process.exitCode = await runCommand(command, words);
  } catch (error) {
    if (!(error instanceof UsageError)) {
      // What is wrong with a folder or a dump is the user's to see, not where in the program it was found.
      fail(
        error instanceof DeltatError || !(error instanceof Error)
          ? error
          : new DeltatError(SqlState.ioError, error.message),
      );
    }
    log(`deltat: ${error.message}; try deltat --help`);
    process.exitCode = EXIT_USAGE;
  }
}

async function main(args: readonly string[]): Promise<void> {
  const [command = "serve", ...rest] = args;
  if (isCommand(command) && rest.some((word) => word === "--help" || word === "-h"))
    return await main(["--help"]);
  if (rest.length === 0) {
    if (command === "--help" || command === "-h") return void process.stdout.write(`${helpText()}\n`);
    if (command === "--version") return void process.stdout.write(`deltat ${packageJson.version}\n`);
    if (command === "serve") return await serve(readConfig(process.env), false);
  }
  if (command === "serve" && rest.length === 1 && rest[0] === "--salvage") {
    return await serve(readConfig(process.env), true);
  }
  if (isCommand(command)) return await runOrExplain(command, rest);
  if (command === SNAPSHOT_COMMAND) return makeSnapshotHere(rest);
  const known = command === "serve" || command === "--help" || command === "-h" || command === "--version";
  log(`deltat: unknown argument ${JSON.stringify(known ? rest[0] : command)}; try deltat --help`);
  process.exit(EXIT_USAGE);
}

main(process.argv.slice(2)).catch(fail);
