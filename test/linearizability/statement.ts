/** Actions of the model as SQL, and the server's replies as outcomes of the model. */

import { DAY } from "../server/clients.ts";
import type { Reply } from "../server/raw-client.ts";
import { type Action, HORIZON, type Outcome, type Placement } from "./model.ts";

const UNIT_MS = 60_000;

export function instantOf(unit: number): number {
  return DAY + unit * UNIT_MS;
}

/** Buffers, in milliseconds. */
export function duration(units: number): number {
  return units * UNIT_MS;
}

/** The ids of one group of resources: a number of the model is the end of a ULID. */
export class Ids {
  private readonly prefix: string;

  constructor(group: number) {
    this.prefix = `01KE6${String(group).padStart(7, "0")}`;
  }

  /** The ULID of a booking, a hold, or a resource of the group. */
  ulid(id: string | number): string {
    return this.prefix + String(id).padStart(14, "0");
  }

  /** The number that `ulid` made it of. */
  number(ulid: string): string {
    return String(Number(ulid.slice(this.prefix.length)));
  }
}

function values(ids: Ids, { id, resource, start, end }: Placement): string {
  return `('${ids.ulid(id)}', '${ids.ulid(resource)}', ${instantOf(start)}, ${instantOf(end)})`;
}

const ON_USED = {
  refuse: "",
  skip: " ON CONFLICT (id) DO NOTHING",
  move: ` ON CONFLICT (id) DO UPDATE SET resource_id = excluded.resource_id, start = excluded.start, "end" = excluded."end"`,
} as const;

/** @param resources how many the group has */
export function sqlOf(action: Action, ids: Ids, resources: number): string {
  switch (action.kind) {
    case "book": {
      const insertion = `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${values(ids, action)}`;
      return insertion + ON_USED[action.ifUsed];
    }
    case "batch":
      return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${action.rows.map((row) => values(ids, row)).join(", ")}`;
    case "hold":
      return `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ${values(ids, action).slice(0, -1)}, ${action.expiresAt})`;
    case "confirm":
      return `INSERT INTO bookings (id, hold_id) VALUES ('${ids.ulid(action.id)}', '${ids.ulid(action.holdId)}')`;
    case "move":
      return `UPDATE bookings SET resource_id = '${ids.ulid(action.resource)}', start = ${instantOf(action.start)}, "end" = ${instantOf(action.end)} WHERE id = '${ids.ulid(action.id)}'`;
    case "cancel":
      return `DELETE FROM bookings WHERE id = '${ids.ulid(action.id)}'`;
    case "clear":
      return `DELETE FROM bookings WHERE resource_id = '${ids.ulid(action.resource)}'`;
    case "release":
      return `DELETE FROM holds WHERE id = '${ids.ulid(action.id)}'`;
    case "prolong":
      return `UPDATE holds SET expires_at = ${action.expiresAt} WHERE id = '${ids.ulid(action.id)}'`;
    case "configure":
      return `UPDATE resources SET capacity = ${action.line.capacity}, buffer_after = ${duration(action.line.buffer)} WHERE id = '${ids.ulid(action.resource)}'`;
    default:
      return readingOf(action, ids, resources);
  }
}

type Reading = Extract<Action, { readonly kind: "find" | "list" | "free" }>;

function readingOf(action: Reading, ids: Ids, resources: number): string {
  if (action.kind === "find") {
    return `SELECT resource_id, start, "end" FROM bookings WHERE id = '${ids.ulid(action.id)}'`;
  }
  const listed = (numbers: readonly number[]): string =>
    numbers.map((number) => `'${ids.ulid(number)}'`).join(", ");
  if (action.kind === "free") {
    const which = action.atLeast === null ? "per_resource = true" : `min_available = ${action.atLeast}`;
    return `SELECT resource_id, start, "end" FROM availability WHERE resource_id IN (${listed(action.resources)}) AND start >= ${instantOf(0)} AND "end" <= ${instantOf(HORIZON)} AND ${which} AND min_duration = ${duration(action.shortest)}`;
  }
  const all = listed(Array.from({ length: resources }, (_, n) => n));
  return `SELECT 'b', id, resource_id, start, "end" FROM bookings WHERE resource_id IN (${all})
    UNION ALL SELECT 'h', id, resource_id, start, "end" FROM holds WHERE resource_id IN (${all})`;
}

/** Locks a group's resources, and so all that is on them. */
export function lockOf(ids: Ids, resources: number): string {
  const all = Array.from({ length: resources }, (_, n) => `'${ids.ulid(n)}'`);
  return `SELECT id FROM resources WHERE id IN (${all.join(", ")}) FOR UPDATE`;
}

const NAMED = /^conflict with allocation: (\w+)|^(capacity \d+) exceeded/;

/** Of the replies to some statements, the outcomes of as many as have one; the last may be a refusal. */
export function outcomesOf(replies: readonly Reply[], actions: readonly Action[], ids: Ids): Outcome[] {
  const outcomes: Outcome[] = [];
  let rows: string[][] = [];
  for (const { name, text = "", code = "", message = "", fields } of replies) {
    const action = actions[outcomes.length];
    if (name === "dataRow") rows.push((fields as readonly string[]).map(String));
    else if (name === "error") outcomes.push(refusal(code, message, action, ids));
    else if (name === "commandComplete" && action !== undefined) {
      const isRead = text.startsWith("SELECT");
      outcomes.push(
        isRead
          ? { kind: "rows", rows: rowsText(rows, action, ids) }
          : { kind: "done", count: Number(text.slice(text.lastIndexOf(" ") + 1)) },
      );
      rows = [];
    }
  }
  return outcomes;
}

function refusal(code: string, message: string, action: Action | undefined, ids: Ids): Outcome {
  const match = action?.kind === "configure" ? null : NAMED.exec(message);
  const named = match === null ? null : (match[2] ?? ids.number(match[1] ?? ""));
  return { kind: "refused", code, named };
}

/** Rows in the model's words and order. */
function rowsText(rows: readonly string[][], action: Action, ids: Ids): string {
  const unit = (text: string | undefined): number => (Number(text) - DAY) / UNIT_MS;
  const span = (start: string | undefined, end: string | undefined): string => `${unit(start)},${unit(end)}`;
  if (action.kind === "free") {
    const isEach = action.atLeast === null;
    return rows
      .map(([resource = "", start, end]) => `${isEach ? `${ids.number(resource)},` : ""}${span(start, end)}`)
      .sort()
      .join(";");
  }
  if (action.kind === "find") {
    return rows.map(([resource = "", start, end]) => `${ids.number(resource)},${span(start, end)}`).join(";");
  }
  return rows
    .map(
      ([table = "", id = "", resource = "", start, end]) =>
        `${table}${ids.number(id)},${ids.number(resource)},${span(start, end)}`,
    )
    .sort()
    .join(";");
}
