/**
 * `deltat dump <folder>`: all rows of a database as COPY statements with their data, on stdout: what `deltat restore` and
 * psql read. Of one state: the folder is read once, whether or not a server has it open. `enforce_rules` is each
 * resource's own setting, NULL where it follows its parent, as a COPY TO of the server would not tell. It is set last, since
 * what was booked before a rule came must not be refused for that rule when it is loaded.
 */

import type { Engine } from "../engine/engine.ts";
import { formatId, type Id } from "../id.ts";
import { databasesIn } from "./database-folders.ts";
import { readStoredDatabase } from "./stored-database.ts";

/** Resources named in one UPDATE. */
const UPDATED_AT_ONCE = 500;

/** Rows go out in pieces of this many characters. */
const PIECE_CHARACTERS = 1 << 20;

/**
 * @param database the one to dump, if the folder holds several
 * @param write takes a piece of text; called in order
 * Throws an Error where it is not there or not to be told which, and as reading the folder does.
 */
export function dump(path: string, database: string | null, write: (text: string) => void): void {
  const all = databasesIn(path);
  const [only] = all;
  const chosen =
    database === null ? (all.length === 1 ? only : undefined) : all.find(({ name }) => name === database);
  if (chosen === undefined) {
    const names = all.map(({ name }) => name).join(", ");
    throw new Error(
      database === null
        ? `${path} holds several databases, say which with --database: ${names}`
        : `${path} holds no database ${database}, but ${names}`,
    );
  }
  const { engine } = readStoredDatabase(chosen.path);
  let piece = "";
  const put = (line: string): void => {
    piece += `${line}\n`;
    if (piece.length < PIECE_CHARACTERS) return;
    write(piece);
    piece = "";
  };
  put(`-- deltat, database ${JSON.stringify(chosen.name)}`);
  put("BEGIN;");
  dumpTables(engine, put);
  put("COMMIT;");
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
