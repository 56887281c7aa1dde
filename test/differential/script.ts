/**
 * Files of statements. A statement ends with a semicolon at the end of a line; one session takes a whole file, so
 * BEGIN opens a transaction as it would in psql. `\\bind 'text' 5 NULL` before the semicolon gives parameters: the
 * statement then goes through the extended protocol, its parameters' types left to the server. `-- differs: Ids` on the
 * line before says under which heading of docs/differences.md the difference is explained.
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Statement {
  readonly text: string;
  /** null: a simple query. */
  readonly parameters: readonly (string | null)[] | null;
  /** Where it is from: file and line, or seed and number. */
  readonly origin: string;
  /** The heading of docs/differences.md that tells why the answers differ; null: they must not. */
  readonly differs: string | null;
}

export interface Script {
  readonly name: string;
  readonly statements: readonly Statement[];
}

const DIFFERS = "-- differs: ";
const FOLDER = join(import.meta.dir, "statements");

/** All scripts, or those whose name contains `part`. */
export function readScripts(part: string): Script[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".sql") && name.includes(part))
    .toSorted()
    .map((name) => ({ name, statements: readStatements(name, readFileSync(join(FOLDER, name), "utf8")) }));
}

function readStatements(name: string, source: string): Statement[] {
  const statements: Statement[] = [];
  let lines: string[] = [];
  let differs: string | null = null;
  for (const [i, line] of source.split("\n").entries()) {
    if (lines.length === 0 && line.startsWith(DIFFERS)) differs = line.slice(DIFFERS.length);
    if (lines.length === 0 && (line.trim() === "" || line.startsWith("--"))) continue;
    lines.push(line);
    if (!line.endsWith(";")) continue;
    const origin = `${name}:${i + 2 - lines.length}`;
    statements.push({ ...splitParameters(lines.join("\n").slice(0, -1)), origin, differs });
    lines = [];
    differs = null;
  }
  if (lines.length > 0) throw new Error(`${name}: the last statement has no end`);
  return statements;
}

function splitParameters(source: string): Pick<Statement, "text" | "parameters"> {
  const at = source.lastIndexOf("\\bind");
  if (at < 0) return { text: source, parameters: null };
  const parameters = [...source.slice(at + 5).matchAll(/'((?:[^']|'')*)'|(\S+)/g)].map(
    ([, quoted, plain]) => {
      if (quoted !== undefined) return quoted.replaceAll("''", "'");
      return plain === undefined || plain === "NULL" ? null : plain;
    },
  );
  return { text: source.slice(0, at).trimEnd(), parameters };
}
