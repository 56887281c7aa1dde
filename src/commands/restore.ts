/**
 * `deltat restore <data folder> --database <name>`: what `deltat dump` has written, from stdin, into a database of a data
 * folder that no server has open. All of it or nothing, in one commit, checked like any other. With `--all` the dump says
 * into which databases, and each is a commit of its own.
 */

import { ByteWriter } from "../bytes.ts";
import { SystemClock } from "../clock.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { loadParser } from "../sql/parse/parser.ts";
import { type CopyIn, isCopyIn } from "../sql/rows/row-stream.ts";
import { SqlSession } from "../sql/session.ts";
import { TenantRegistry } from "../tenants/registry.ts";
import type { Tenant } from "../tenants/tenant.ts";
import { connectedName } from "./dump.ts";
import { Progress } from "./progress.ts";

const END_OF_DATA = "\\.";
const encoder = new TextEncoder();

/**
 * @param database where to; null: as the dump says
 * Throws an Error for what is no dump, and whatever loading it may: a collision, 55000 for a folder in use.
 */
export async function restore(
  dataDir: string,
  database: string | null,
  input: AsyncIterable<Uint8Array>,
  warn: (message: string) => void,
): Promise<void> {
  await loadParser();
  const registry = openFolder(dataDir, warn);
  try {
    await load(registry, database, input);
  } finally {
    await registry.close();
  }
}

function openFolder(dataDir: string, warn: (message: string) => void): TenantRegistry {
  try {
    return new TenantRegistry({
      dataDir,
      scheduler: new SystemClock(),
      autoCreate: true,
      enforceRulesByDefault: false,
      warn,
    });
  } catch (error) {
    if (!(error instanceof DeltatError) || error.sqlState !== SqlState.objectNotInPrerequisiteState)
      throw error;
    throw new DeltatError(error.sqlState, `data folder ${dataDir} is in use by a server`, {
      hint: "Load the dump through that server, with psql -v ON_ERROR_STOP=1 -f and the name of the database, or stop it first.",
    });
  }
}

async function load(
  registry: TenantRegistry,
  database: string | null,
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  let number = 0;
  let tenant = database === null ? null : registry.open(database);
  let loader = tenant === null ? null : loaderInto(tenant);
  const finish = async (): Promise<void> => {
    loader?.finish(number);
    await tenant?.durable(tenant.appendedLsn);
  };
  for await (const line of linesOf(input)) {
    const connected = loader?.isInData === true ? null : connectedName(line);
    if (connected !== null) {
      if (database !== null) {
        throw new Error("the dump is of all databases of a folder: restore it with --all");
      }
      await finish();
      tenant = registry.open(connected);
      loader = loaderInto(tenant);
    } else if (loader !== null) loader.take(line, number + 1);
    else if (line.trim() !== "" && !line.startsWith("--")) {
      throw new Error("the dump is of one database: say which with --database");
    }
    number++;
  }
  await finish();
  if (loader === null) throw new Error("there is nothing in the dump");
}

function loaderInto(tenant: Tenant): DumpLoader {
  const client = { user: "deltat", processId: 1, startupOptions: new Map<string, string>() };
  return new DumpLoader(tenant.name, new SqlSession(tenant, client, { notify: () => {} }));
}

/** Lines without their ends. */
async function* linesOf(input: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let rest = "";
  for await (const chunk of input) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** Takes the dump of a database line by line: statements, and the data behind each COPY. */
class DumpLoader {
  private readonly out = new ByteWriter();
  private readonly progress: Progress;
  private copy: CopyIn | null = null;
  private isCommitted = false;

  constructor(
    private readonly name: string,
    private readonly session: SqlSession,
  ) {
    this.progress = new Progress(`restoring ${name}`);
  }

  /** Whether a line now is a row, whatever it looks like. */
  get isInData(): boolean {
    return this.copy !== null;
  }

  take(line: string, number: number): void {
    if (number % 10_000 === 0) this.progress.show(`line ${number}`);
    try {
      if (this.copy !== null) this.takeData(this.copy, line);
      else if (line.trim() !== "" && !line.startsWith("--")) this.run(line);
    } catch (error) {
      this.progress.done();
      throw error;
    }
  }

  private takeData(copy: CopyIn, line: string): void {
    if (line === END_OF_DATA) {
      copy.finish();
      this.copy = null;
    } else copy.receive(encoder.encode(`${line}\n`));
  }

  private run(text: string): void {
    for (const raw of this.session.parseScript(text)) {
      const statement = this.session.plan(raw);
      const result = this.session.execute(statement, [], [], this.out);
      this.out.clear();
      if (typeof result !== "string" && isCopyIn(result)) this.copy = result;
      this.isCommitted = result === "COMMIT";
    }
  }

  /** Throws where the dump ends before its COMMIT: nothing of it is kept then. */
  finish(line: number): void {
    this.progress.done();
    this.session.close();
    if (this.copy === null && this.isCommitted) return;
    throw new Error(`the dump is cut off at line ${line}: nothing was restored into ${this.name}`);
  }
}
