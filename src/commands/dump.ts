/**
 * `deltat dump <folder>`: all rows of a database as COPY statements with their data, on stdout: what `deltat restore` and
 * psql read. Of one state: the folder is read once, whether or not a server has it open. `enforce_rules` is each
 * resource's own setting, NULL where it follows its parent, as a COPY TO of the server would not tell. It is set last, since
 * what was booked before a rule came must not be refused for that rule when it is loaded.
 */

import type { Engine } from "../engine/engine.ts";
import { DeltatError } from "../errors.ts";
import { formatId, type Id } from "../id.ts";
import { localFiles } from "../storage/files.ts";
import { readUpToDamage } from "../tenants/stored-state.ts";
import { type DatabaseFolder, databasesIn } from "./database-folders.ts";
import { Progress } from "./progress.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** Resources named in one UPDATE. */
const UPDATED_AT_ONCE = 500;

/** Rows go out in pieces of this many characters. */
const PIECE_CHARACTERS = 1 << 20;

export interface DumpOptions {
  /** The one to dump, if the folder holds several. */
  readonly database: string | null;
  /** All of them, each behind a line that tells psql to connect to it. */
  readonly all: boolean;
  /** Of a damaged one as much as can be read. */
  readonly salvage: boolean;
}

/**
 * @param write takes a piece of text; called in order
 * @param warn is told what is not in it
 * Returns whether everything is in it. Throws an Error where a database is not there or not to be told which, and as
 * reading the folder does.
 */
export function dump(
  path: string,
  options: DumpOptions,
  write: (text: string) => void,
  warn: (message: string) => void,
): boolean {
  let isWhole = true;
  for (const database of chosen(path, options)) {
    const readable = readOrWarn(database, options, warn);
    if (readable === null) {
      isWhole = false;
      continue;
    }
    const { engine, damage } = readable;
    if (damage !== null) {
      isWhole = false;
      warn(`database "${database.name}" is dumped up to ${damage}`);
    }
    if (options.all) write(connectLine(database.name));
    dumpDatabase(database.name, engine, write);
  }
  return isWhole;
}

function chosen(path: string, { database, all }: DumpOptions): readonly DatabaseFolder[] {
  const there = databasesIn(path);
  if (all || (database === null && there.length === 1)) return there;
  const found = there.filter(({ name }) => name === database);
  if (found.length > 0) return found;
  const names = there.map(({ name }) => name).join(", ");
  if (there.length === 0) throw new Error(`${path} holds no database`);
  throw new Error(
    database === null
      ? `${path} holds several databases, say which with --database, or --all: ${names}`
      : `${path} holds no database ${database}, but ${names}`,
  );
}

interface Read {
  readonly engine: Engine;
  /** Up to which commit it goes, and why that is not all; null if it is. */
  readonly damage: string | null;
}

/** Of all databases, one that cannot be read does not stop the others: null, and a warning. */
function readOrWarn(
  database: DatabaseFolder,
  { all, salvage }: DumpOptions,
  warn: (message: string) => void,
): Read | null {
  try {
    return read(database, salvage);
  } catch (error) {
    if (!all || !(error instanceof DeltatError)) throw error;
    warn(`database "${database.name}" is not dumped: ${error.message}`);
    return null;
  }
}

function read({ name, path }: DatabaseFolder, salvage: boolean): Read {
  const progress = new Progress(`reading ${name}`);
  const show = (lsn: number): void => progress.show(`commit ${lsn}`);
  try {
    if (!salvage) return { engine: readStoredDatabase(path, "needed", show).engine, damage: null };
    const { engine, lastLsn, damage } = readUpToDamage(localFiles, path, {}, show);
    return { engine, damage: damage === null ? null : `commit ${lastLsn} only: ${damage.message}` };
  } finally {
    progress.done();
  }
}

/** What begins a database in a dump of all of them: psql connects to it, and so does `deltat restore --all`. */
const CONNECT = '\\connect "';

function connectLine(name: string): string {
  return `${CONNECT}${name.replaceAll('"', '""')}"\n`;
}

/** The database's name in such a line, or null for another line. */
export function connectedName(line: string): string | null {
  return line.startsWith(CONNECT) ? line.slice(CONNECT.length, -1).replaceAll('""', '"') : null;
}

function dumpDatabase(name: string, engine: Engine, write: (text: string) => void): void {
  const progress = new Progress(`dumping ${name}`);
  let piece = "";
  let lines = 0;
  const put = (line: string): void => {
    piece += `${line}\n`;
    lines++;
    if (piece.length < PIECE_CHARACTERS) return;
    // Where the rows themselves go to the terminal they are progress enough.
    if (!process.stdout.isTTY) progress.show(`line ${lines}`);
    write(piece);
    piece = "";
  };
  try {
    put(`-- deltat, database ${JSON.stringify(name)}`);
    put("BEGIN;");
    dumpTables(engine, put);
    put("COMMIT;");
  } finally {
    progress.done();
  }
  write(piece);
}

type Field = string | number | boolean | null | Id;

function fieldText(value: Field): string {
  if (value === null) return "\\N";
  if (typeof value === "object") return formatId(value);
  if (typeof value !== "string") return String(value);
  return value.replace(/[\\\b\t\n\v\f\r]/g, (character) => ESCAPES[character] ?? character);
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\b": "\\b",
  "\t": "\\t",
  "\n": "\\n",
  "\v": "\\v",
  "\f": "\\f",
  "\r": "\\r",
};

function dumpTables(engine: Engine, put: (line: string) => void): void {
  const table = (name: string, columns: string, rows: Iterable<readonly Field[]>): void => {
    put(`COPY ${name} (${columns}) FROM stdin;`);
    for (const row of rows) put(row.map(fieldText).join("\t"));
    put("\\.");
  };
  table("resources", "id, parent_id, name, capacity, buffer_after, enforce_rules", resources(engine));
  table("rules", 'id, resource_id, start, "end", blocking', rules(engine));
  table("bookings", 'id, resource_id, start, "end", label', bookings(engine));
  table("holds", 'id, resource_id, start, "end", expires_at', holds(engine));
  for (const value of [true, null]) {
    const ids: string[] = [];
    for (const row of rowsOfResources(engine)) {
      const { id, enforceRules } = engine.resourceImage(row);
      if (isSetLast(engine, row) && enforceRules === value) ids.push(`'${formatId(id)}'`);
    }
    const setting = value === null ? "NULL" : "true";
    for (let from = 0; from < ids.length; from += UPDATED_AT_ONCE) {
      const some = ids.slice(from, from + UPDATED_AT_ONCE).join(",");
      put(`UPDATE resources SET enforce_rules = ${setting} WHERE id IN (${some});`);
    }
  }
}

/** A root that has no setting of its own follows the server's, which may enforce. */
function isSetLast(engine: Engine, row: number): boolean {
  const { parentId, enforceRules } = engine.resourceImage(row);
  return enforceRules === true || (enforceRules === null && parentId === null);
}

function* resources(engine: Engine): Generator<readonly Field[]> {
  for (const row of rowsOfResources(engine)) {
    const { id, parentId, name, capacity, bufferAfterMs, enforceRules } = engine.resourceImage(row);
    const loaded = isSetLast(engine, row) ? false : enforceRules;
    yield [id, parentId, name, capacity, bufferAfterMs, loaded];
  }
}

/** Parents before their children. */
function* rowsOfResources(engine: Engine): Generator<number> {
  const pending = engine.childRows(-1).reverse();
  for (let row = pending.pop(); row !== undefined; row = pending.pop()) {
    yield row;
    pending.push(...engine.childRows(row).reverse());
  }
}

function* rules(engine: Engine): Generator<readonly Field[]> {
  for (let row = 0; row < engine.rules.limit; row++) {
    if (!engine.rules.isLive(row)) continue;
    const { id, resourceId, start, end, blocking } = engine.ruleImage(row);
    yield [id, resourceId, start, end, blocking];
  }
}

function* bookings(engine: Engine): Generator<readonly Field[]> {
  for (let row = 0; row < engine.allocations.limit; row++) {
    if (!engine.allocations.isBooking(row)) continue;
    const { id, resourceId, start, end, label } = engine.bookingImage(row);
    yield [id, resourceId, start, end, label];
  }
}

function* holds(engine: Engine): Generator<readonly Field[]> {
  for (let row = 0; row < engine.allocations.limit; row++) {
    if (!engine.allocations.isHold(row)) continue;
    const { id, resourceId, start, end, expiresAt } = engine.holdImage(row);
    yield [id, resourceId, start, end, expiresAt];
  }
}
