/** Both servers with a session each: a statement goes to both, and where the answers part is told. */

import { parse } from "../../src/sql/parse/parser.ts";
import { type Answer, compareAnswers, type Difference, readAnswer, showAnswer } from "./answer.ts";
import { type Address, Connection } from "./connection.ts";
import { ALL_FREE_TIME, POSTGRES_SCHEMA, rowsOfTables } from "./dataset.ts";
import type { Statement } from "./script.ts";

/** How a statement was sent. */
type Manner = "simple" | "text" | "binary";

export interface Finding {
  readonly statement: Statement;
  readonly manner: Manner;
  readonly difference: Difference;
  readonly ours: Answer;
  readonly theirs: Answer;
}

export class Pair {
  private constructor(
    private ours: Connection,
    private theirs: Connection,
    private readonly deltat: Address,
    private readonly postgres: Address,
  ) {}

  static async open(deltat: Address, postgres: Address): Promise<Pair> {
    return new Pair(await Connection.open(deltat), await Connection.open(postgres), deltat, postgres);
  }

  /** Makes the tables in PostgreSQL and puts the same rows into both. */
  async fill(): Promise<void> {
    await succeed(this.theirs, POSTGRES_SCHEMA);
    for (const sql of rowsOfTables()) {
      await succeed(this.ours, sql);
      await succeed(this.theirs, sql);
    }
    const free = await succeed(this.ours, ALL_FREE_TIME);
    const rows = free.rows.map((row) => `(${row.replaceAll('"', "'").replaceAll(" ", ", ")})`);
    await succeed(this.theirs, `INSERT INTO availability VALUES ${rows.join(", ")}; ANALYZE`);
  }

  /** New sessions on both sides: nothing that was set, prepared or begun before remains. */
  async renew(): Promise<void> {
    this.close();
    this.ours = await Connection.open(this.deltat);
    this.theirs = await Connection.open(this.postgres);
  }

  close(): void {
    this.ours.close();
    this.theirs.close();
  }

  /**
   * Sends a statement to both. One that reads, outside a transaction block, is asked again by the extended protocol
   * in binary. The first place where the answers part, or null.
   */
  async check(statement: Statement): Promise<Finding | null> {
    const isOrdered = saysOrder(statement.text);
    if (statement.parameters !== null) {
      const finding = await this.compare(statement, "text", isOrdered);
      if (finding !== null || !isRead(statement.text)) return finding;
      return this.compare(statement, "binary", isOrdered);
    }
    const finding = await this.compare(statement, "simple", isOrdered);
    const isAgain = finding === null && this.status === "I" && isRead(statement.text);
    return isAgain ? this.compare(statement, "binary", isOrdered) : finding;
  }

  private status = "I";
  /** What PostgreSQL answered to the last statement as it was sent first. */
  lastAnswer: Answer | null = null;

  /** Whether PostgreSQL refused the last statement. */
  get lastRefused(): boolean {
    return this.lastAnswer?.error != null;
  }

  private async compare(statement: Statement, manner: Manner, isOrdered: boolean): Promise<Finding | null> {
    const [ours, theirs] = await Promise.all([
      send(this.ours, statement, manner, "deltat"),
      send(this.theirs, statement, manner, "PostgreSQL"),
    ]);
    this.status = theirs.status;
    if (manner !== "binary") this.lastAnswer = theirs;
    const difference = compareAnswers(ours, theirs, isOrdered);
    return difference === null ? null : { statement, manner, difference, ours, theirs };
  }
}

async function send(
  connection: Connection,
  { text, parameters, origin }: Statement,
  manner: Manner,
  server: string,
): Promise<Answer> {
  const isBinary = manner === "binary";
  try {
    if (manner === "simple") return readAnswer(await connection.query(text), false);
    return readAnswer(await connection.extended(text, parameters ?? [], isBinary ? 1 : 0), isBinary);
  } catch (cause) {
    throw new Error(`${server} at ${origin} (${manner}): ${text}`, { cause });
  }
}

async function succeed(connection: Connection, sql: string): Promise<Answer> {
  const answer = readAnswer(await connection.query(sql), false);
  if (answer.error !== null)
    throw new Error(`${answer.error.code} ${answer.error.message}: ${sql.slice(0, 200)}`);
  return answer;
}

/** Whether a statement can be sent twice and means the same. */
function isRead(text: string): boolean {
  return (
    /^\s*(SELECT|VALUES|TABLE|\()/i.test(text) ||
    (/^\s*WITH\b/i.test(text) && !/\b(INSERT|UPDATE|DELETE)\b/i.test(text))
  );
}

/** Whether the whole statement says in which order its rows come; FETCH does, by its cursor. */
export function saysOrder(text: string): boolean {
  if (/^\s*(UPDATE|DELETE|INSERT)\b/i.test(text)) return false;
  try {
    const [statement] = parse(text);
    const node = statement?.node;
    return node === undefined || !("SelectStmt" in node) || (node.SelectStmt.sortClause ?? []).length > 0;
  } catch {
    return true;
  }
}

/** A finding for people to read. */
export function showFinding({ statement, manner, difference, ours, theirs }: Finding): string {
  const { text, parameters, origin } = statement;
  const bound = parameters === null ? "" : ` \\bind ${parameters.map((value) => value ?? "NULL").join(" ")}`;
  return [
    `${origin} (${manner}): ${difference}`,
    `    ${text.replaceAll("\n", "\n    ")}${bound}`,
    "    PostgreSQL:",
    showAnswer(theirs),
    "    deltat:",
    showAnswer(ours),
  ].join("\n");
}
