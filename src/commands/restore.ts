/**
 * `deltat restore <data folder> --database <name>`: what `deltat dump` has written, from stdin, into a database of a data
 * folder that no server has open. All of it or nothing, in one commit, checked like any other.
 */

import { ByteWriter } from "../bytes.ts";
import { SystemClock } from "../clock.ts";
import { loadParser } from "../sql/parser.ts";
import { type CopyIn, isCopyIn } from "../sql/row-stream.ts";
import { SqlSession } from "../sql/session.ts";
import { TenantRegistry } from "../tenants/registry.ts";
import { Progress } from "./progress.ts";

const END_OF_DATA = "\\.";
const encoder = new TextEncoder();

/** Throws an Error for what is no dump, and whatever loading it may: a collision, 55000 for a folder in use. */
export async function restore(
  dataDir: string,
  database: string,
  input: AsyncIterable<Uint8Array>,
  warn: (message: string) => void,
): Promise<void> {
  await loadParser();
  const registry = new TenantRegistry({
    dataDir,
    scheduler: new SystemClock(),
    autoCreate: true,
    enforceRulesByDefault: false,
    warn,
  });
  try {
    const tenant = registry.open(database);
    const client = { user: "deltat", processId: 1, startupOptions: new Map<string, string>() };
    const loader = new DumpLoader(new SqlSession(tenant, client, { notify: () => {} }));
    for await (const line of linesOf(input)) loader.take(line);
    loader.finish();
    await tenant.durable(tenant.appendedLsn);
  } finally {
    await registry.close();
  }
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

/** Takes a dump line by line: statements, and the data behind each COPY. */
class DumpLoader {
  private readonly out = new ByteWriter();
  private readonly progress = new Progress("restoring");
  private copy: CopyIn | null = null;
  private line = 0;
  private isCommitted = false;

  constructor(private readonly session: SqlSession) {}

  take(line: string): void {
    this.line++;
    if (this.line % 10_000 === 0) this.progress.show(`line ${this.line}`);
    if (this.copy !== null) this.takeData(this.copy, line);
    else if (line.trim() !== "" && !line.startsWith("--")) this.run(line);
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
  finish(): void {
    this.progress.done();
    if (this.copy === null && this.isCommitted) return;
    this.session.close();
    throw new Error(`the dump is cut off at line ${this.line}: nothing was restored`);
  }
}
