/** Statements that must be refused, one for each row of the contract's error table and more, and what they meet. */

import { DAY, FAR_FUTURE, HOUR, newId } from "./clients.ts";

/** What all cases share: a room taken for one hour, a hall for two, and a bottom of the deepest tree. */
export const room = newId();
export const hall = newId();
export const strict = newId();
const parent = newId();
export const child = newId();
export const meeting = newId();
const hold = newId();
const rule = newId();
const deepest = newId();
export const absent = newId();

export function booking(id: string, resource: string, start: number, end: number): string {
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${resource}', ${start}, ${end})`;
}

/** The statements that make what the cases meet. */
export function caseSetup(): string {
  const levels = Array.from({ length: 63 }, () => newId());
  const tree = [...levels, deepest].map((id, depth) => {
    const above = levels[depth - 1];
    return `('${id}', ${above === undefined ? "NULL" : `'${above}'`})`;
  });
  return `
    INSERT INTO resources (id, capacity, buffer_after) VALUES ('${room}', 1, 60000), ('${hall}', 2, 0), ('${parent}', 1, 0);
    INSERT INTO resources (id, parent_id) VALUES ('${child}', '${parent}'), ${tree.join(", ")};
    INSERT INTO resources (id, enforce_rules) VALUES ('${strict}', true);
    INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES
      ('${rule}', '${strict}', ${DAY}, ${DAY + 8 * HOUR}, false),
      ('${newId()}', '${strict}', ${DAY + 2 * HOUR}, ${DAY + 3 * HOUR}, true);
    ${booking(meeting, room, DAY, DAY + HOUR)};
    ${booking(newId(), hall, DAY, DAY + HOUR)};
    ${booking(newId(), hall, DAY, DAY + HOUR)};
    INSERT INTO holds (id, resource_id, start, "end", expires_at)
      VALUES ('${hold}', '${room}', ${DAY + 4 * HOUR}, ${DAY + 5 * HOUR}, ${FAR_FUTURE})`;
}

export interface Case {
  readonly what: string;
  readonly sql: string;
  readonly values?: readonly unknown[];
  readonly code: string;
  readonly message: RegExp;
  /** Text that the reported position points at. */
  readonly at?: string;
}

function starting(words: string): RegExp {
  return new RegExp(`^${words.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")}`);
}

const MAX_INSTANT = 8_640_000_000_000_000;
const longLabel = "x".repeat(65_537);
export const window = `start >= ${DAY} AND "end" <= ${DAY + HOUR}`;

export const modelCases: Case[] = [
  {
    what: "a collision, capacity 1",
    sql: booking(newId(), room, DAY + HOUR / 2, DAY + 2 * HOUR),
    code: "23P01",
    message: starting(`conflict with allocation: ${meeting}`),
  },
  {
    what: "a collision with the buffer alone",
    sql: booking(newId(), room, DAY + HOUR, DAY + 2 * HOUR),
    code: "23P01",
    message: starting(`conflict with allocation: ${meeting}`),
  },
  {
    what: "a collision with a hold",
    sql: booking(newId(), room, DAY + 4 * HOUR, DAY + 5 * HOUR),
    code: "23P01",
    message: starting(`conflict with allocation: ${hold}`),
  },
  {
    what: "a hold's collision",
    sql: `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${newId()}', '${room}', ${DAY}, ${DAY + 1}, ${FAR_FUTURE})`,
    code: "23P01",
    message: starting(`conflict with allocation: ${meeting}`),
  },
  {
    what: "a collision, capacity n",
    sql: booking(newId(), hall, DAY, DAY + 1),
    code: "23P01",
    message: starting("capacity 2 exceeded: all slots occupied"),
  },
  {
    what: "a capacity lowered below what is used",
    sql: `UPDATE resources SET capacity = 1 WHERE id = '${hall}'`,
    code: "23P01",
    message: /./,
  },
  {
    what: "a buffer too long for what is there",
    sql: `UPDATE resources SET buffer_after = ${4 * HOUR} WHERE id = '${room}'`,
    code: "23P01",
    message: /./,
  },
  ...["resources", "bookings", "holds", "rules"].map((table) => usedId(table)),
  {
    what: "a parent that is not there",
    sql: `INSERT INTO resources (id, parent_id) VALUES ('${newId()}', '${absent}')`,
    code: "23503",
    message: starting(`not found: ${absent}`),
  },
  {
    what: "a booking's resource that is not there",
    sql: booking(newId(), absent.toLowerCase(), 1, 2),
    code: "23503",
    message: starting(`not found: ${absent}`),
  },
  {
    what: "a hold that is not there",
    sql: `INSERT INTO bookings (id, hold_id) VALUES ('${newId()}', '${absent}')`,
    code: "23503",
    message: starting(`not found: ${absent}`),
  },
  {
    what: "deleting a resource with children",
    sql: `DELETE FROM resources WHERE id = '${parent}'`,
    code: "23503",
    message: starting(`cannot delete resource ${parent}: has children`),
  },
  {
    what: "a resource as its own ancestor",
    sql: `UPDATE resources SET parent_id = '${child}' WHERE id = '${parent}'`,
    code: "23514",
    message: starting(`cycle detected at resource: ${parent}`),
  },
  {
    what: "blocked time, enforce_rules",
    sql: booking(newId(), strict, DAY + HOUR, DAY + 9 * HOUR),
    code: "23514",
    message: starting(`not available: [${DAY + 2 * HOUR}, ${DAY + 3 * HOUR})`),
  },
  {
    what: "closed time, enforce_rules",
    sql: `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${newId()}', '${strict}', ${DAY + 7 * HOUR}, ${DAY + 9 * HOUR}, ${FAR_FUTURE})`,
    code: "23514",
    message: starting(`not available: [${DAY + 8 * HOUR}, ${DAY + 9 * HOUR})`),
  },
  {
    what: "a tree too deep",
    sql: `INSERT INTO resources (id, parent_id) VALUES ('${newId()}', '${deepest}')`,
    code: "54000",
    message: /^limit exceeded: tree depth.*64/,
  },
  {
    what: "a label too long",
    sql: `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('${newId()}', '${child}', 1, 2, '${longLabel}')`,
    code: "54000",
    message: /^limit exceeded: .*label.*65536/,
  },
];

function usedId(table: string): Case {
  const owned = `resource_id, start, "end"`;
  const [id, sql] = {
    resources: [room, `INSERT INTO resources (id) VALUES ('${room}')`],
    bookings: [meeting, booking(meeting, child, 1, 2)],
    holds: [
      hold,
      `INSERT INTO holds (id, ${owned}, expires_at) VALUES ('${hold}', '${child}', 1, 2, ${FAR_FUTURE})`,
    ],
    rules: [rule, `INSERT INTO rules (id, ${owned}, blocking) VALUES ('${rule}', '${child}', 1, 2, true)`],
  }[table] as [string, string];
  return { what: `a used id in ${table}`, sql, code: "23505", message: starting(`already exists: ${id}`) };
}

export const valueCases: Case[] = [
  {
    what: "a bad ULID as a literal",
    sql: booking("not-a-ulid", room, 1, 2),
    code: "22P02",
    message: /^invalid input syntax for type .*not-a-ulid/,
  },
  {
    what: "a bad ULID as a parameter",
    sql: "SELECT * FROM bookings WHERE id = $1",
    values: ["IL0U"],
    code: "22P02",
    message: /^invalid input syntax for type .*IL0U/,
  },
  {
    what: "a bad number as a literal",
    sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', 'noon', 2)`,
    code: "22P02",
    message: starting('invalid input syntax for type bigint: "noon"'),
  },
  {
    what: "a bad number as a parameter",
    sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', $1, 2)`,
    values: ["1 o'clock"],
    code: "22P02",
    message: starting('invalid input syntax for type bigint: "1 o\'clock"'),
  },
  {
    what: "a bad boolean",
    sql: `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${newId()}', '${room}', 1, 2, 'maybe')`,
    code: "22P02",
    message: starting('invalid input syntax for type boolean: "maybe"'),
  },
  ...[
    ["empty", 5, 5],
    ["inverted", 6, 5],
  ].map(([what, start, end]) => ({
    what: `an ${what} span`,
    sql: booking(newId(), room, start as number, end as number),
    code: "22007",
    message: starting("invalid time range"),
  })),
  {
    what: "a move to an inverted span",
    sql: `UPDATE bookings SET start = "end" WHERE id = '${meeting}'`,
    code: "22007",
    message: starting("invalid time range"),
  },
  {
    what: "an instant past the last",
    sql: booking(newId(), room, 1, MAX_INSTANT + 1),
    code: "22008",
    message: /./,
  },
  { what: "an instant below zero", sql: booking(newId(), room, -1, 5), code: "22008", message: /./ },
  {
    what: "an expiry past the last instant",
    sql: `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${newId()}', '${child}', 1, 2, ${MAX_INSTANT + 1})`,
    code: "22008",
    message: /./,
  },
  {
    what: "a number no bigint holds",
    sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', 1, 99999999999999999999)`,
    code: "22003",
    message: /out of range/,
  },
  {
    what: "NULL where there must be a value",
    sql: `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${room}', NULL, 2)`,
    code: "23502",
    message: starting('null value in column "start"'),
  },
  {
    what: "a capacity below 1",
    sql: `INSERT INTO resources (id, capacity) VALUES ('${newId()}', 0)`,
    code: "23514",
    message: /./,
  },
  {
    what: "min_available below 1",
    sql: `SELECT * FROM availability WHERE resource_id IN ('${room}') AND ${window} AND min_available = 0`,
    code: "22023",
    message: /min_available/,
  },
  { what: "a division by zero", sql: "SELECT 1 / 0", code: "22012", message: starting("division by zero") },
];

export const statementCases: Case[] = [
  {
    what: "syntax",
    sql: "SELECT * FORM bookings",
    code: "42601",
    message: starting('syntax error at or near "FORM"'),
    at: "FORM",
  },
  {
    what: "syntax, after letters beyond ASCII",
    sql: "SELECT 'Größe 🕒', * FORM bookings",
    code: "42601",
    message: starting("syntax error at or near"),
    at: "FORM",
  },
  {
    what: "syntax at the end",
    sql: "SELECT * FROM",
    code: "42601",
    message: starting("syntax error at end of input"),
  },
  {
    what: "an unknown table",
    sql: "SELECT * FROM nowhere",
    code: "42P01",
    message: starting('relation "nowhere" does not exist'),
    at: "nowhere",
  },
  {
    what: "an unknown table to insert into",
    sql: "INSERT INTO nowhere (id) VALUES (1)",
    code: "42P01",
    message: starting('relation "nowhere" does not exist'),
    at: "nowhere",
  },
  {
    what: "an unknown column",
    sql: "SELECT colour FROM bookings",
    code: "42703",
    message: starting('column "colour" does not exist'),
    at: "colour",
  },
  {
    what: "an unknown column to insert",
    sql: `INSERT INTO bookings (id, colour) VALUES ('${newId()}', 'red')`,
    code: "42703",
    message: starting('column "colour" of relation "bookings" does not exist'),
    at: "colour",
  },
  {
    what: "an unknown function",
    sql: "SELECT frobnicate(1)",
    code: "42883",
    message: starting("function frobnicate(integer) does not exist"),
    at: "frobnicate",
  },
  {
    what: "a value of another type",
    sql: `INSERT INTO resources (id, capacity) VALUES ('${newId()}', true)`,
    code: "42804",
    message: starting('column "capacity" is of type integer but expression is of type boolean'),
    at: "true",
  },
  {
    what: "a condition that is none",
    sql: "SELECT * FROM bookings WHERE 1",
    code: "42804",
    message: starting("argument of WHERE must be type boolean, not type integer"),
    at: "1",
  },
  {
    what: "a parameter that nobody gave",
    sql: "SELECT $1",
    code: "42P02",
    message: starting("there is no parameter $1"),
  },
  {
    what: "availability of nothing",
    sql: `SELECT * FROM availability WHERE ${window}`,
    code: "42P10",
    message: /resource_id/,
  },
  {
    what: "availability without a beginning",
    sql: `SELECT * FROM availability WHERE resource_id = '${room}' AND "end" <= 5`,
    code: "42P10",
    message: /start/,
  },
  {
    what: "availability without an end",
    sql: `SELECT * FROM availability WHERE resource_id = '${room}' AND start >= 5`,
    code: "42P10",
    message: /end/,
  },
  ...[
    ["CREATE TABLE t (id int)", /CREATE TABLE/],
    ["DROP TABLE bookings", /DROP/],
    ["TRUNCATE bookings", /TRUNCATE/],
    ["ALTER TABLE bookings ADD COLUMN x int", /ALTER TABLE/],
    ["LOCK TABLE bookings", /LOCK/],
    [`SELECT start FROM bookings TABLESAMPLE SYSTEM (1)`, /TABLESAMPLE/],
  ].map(([sql, message]) => ({
    what: `not supported: ${String(sql).slice(0, 30)}`,
    sql: sql as string,
    code: "0A000",
    message: message as RegExp,
  })),
];
