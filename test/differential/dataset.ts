/**
 * The rows that both servers hold. Small numbers for instants, so that expressions over them meet, tie and differ;
 * NULLs, empty and non-ASCII texts. No two allocations of one resource overlap, so PostgreSQL can keep the same rule.
 */

import { Random } from "../seeded-random.ts";

/** The five tables in PostgreSQL. What deltat checks in its engine are constraints there. */
export const POSTGRES_SCHEMA = `
CREATE EXTENSION btree_gist;
CREATE TABLE resources (
  id text PRIMARY KEY,
  parent_id text REFERENCES resources (id),
  name text,
  capacity integer NOT NULL DEFAULT 1 CHECK (capacity >= 1),
  buffer_after bigint NOT NULL DEFAULT 0 CHECK (buffer_after >= 0),
  enforce_rules boolean
);
CREATE TABLE rules (
  id text PRIMARY KEY,
  resource_id text NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
  start bigint NOT NULL,
  "end" bigint NOT NULL,
  blocking boolean NOT NULL
);
CREATE TABLE bookings (
  id text PRIMARY KEY,
  resource_id text NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
  start bigint NOT NULL,
  "end" bigint NOT NULL,
  label text,
  CONSTRAINT no_collision EXCLUDE USING gist (resource_id WITH =, int8range(start, "end") WITH &&)
);
CREATE TABLE holds (
  id text PRIMARY KEY,
  resource_id text NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
  start bigint NOT NULL,
  "end" bigint NOT NULL,
  expires_at bigint NOT NULL
);
CREATE TABLE availability (resource_id text, start bigint, "end" bigint);
`;

const RESOURCES = 12;
const BOOKINGS = 60;
const HOLDS = 16;
const RULES = 20;
const SLOTS = 16;
const SLOT_MS = 10;
/** 2100-01-01: no hold of a run expires. */
const FAR = 4_102_444_800_000;
const SEED = 4;

const NAMES = [
  "Room 1",
  "Room 2",
  "room 2",
  "Ärger",
  "",
  "a_b%c",
  null,
  "Zoo",
  "Room 10",
  "été",
  "😀 desk",
  null,
];
const LABELS = ["Team meeting", "Interview", null, "", "a", "B", "b", "100%", "it's", null, "x,y", "é"];

/** The id that ends in `n`, of the kind that `letter` tells. */
function idOf(letter: "R" | "E" | "B" | "H", n: number): string {
  return `01KE60000000000000000${letter}${String(n).padStart(4, "0")}`;
}

function quote(value: string | null): string {
  return value === null ? "NULL" : `'${value.replaceAll("'", "''")}'`;
}

function resourceRows(random: Random): string[] {
  return Array.from({ length: RESOURCES }, (_, n) => {
    const parent = n < 3 ? null : random.chance(0.6) ? idOf("R", random.below(n)) : null;
    const buffer = random.pick([0, 0, 0, 5, 10]);
    const fields = [
      quote(idOf("R", n)),
      quote(parent),
      quote(NAMES[n] ?? null),
      random.pick([1, 1, 2, 3, 10]),
      buffer,
    ];
    return `(${fields.join(", ")}, false)`;
  });
}

/** Spans on slots that nobody else has; the buffers of the resources fit between slots. */
function allocationSpans(random: Random, count: number): { owner: string; start: number; end: number }[] {
  const slots = Array.from({ length: RESOURCES * SLOTS }, (_, i) => i);
  return random
    .shuffle(slots)
    .slice(0, count)
    .map((slot) => {
      const start = 1000 + (slot % SLOTS) * 3 * SLOT_MS + random.pick([0, 0, 1, 5]);
      return { owner: idOf("R", Math.floor(slot / SLOTS)), start, end: start + random.pick([5, 10, 10, 13]) };
    });
}

/** INSERTs that both servers take. */
export function rowsOfTables(): string[] {
  const random = new Random(SEED);
  const resources = resourceRows(random);
  const spans = allocationSpans(random, BOOKINGS + HOLDS);
  const bookings = spans.slice(0, BOOKINGS).map(({ owner, start, end }, n) => {
    return `(${quote(idOf("B", n))}, ${quote(owner)}, ${start}, ${end}, ${quote(LABELS[n % LABELS.length] ?? null)})`;
  });
  const holds = spans.slice(BOOKINGS).map(({ owner, start, end }, n) => {
    return `(${quote(idOf("H", n))}, ${quote(owner)}, ${start}, ${end}, ${FAR + (n % 3)})`;
  });
  const rules = Array.from({ length: RULES }, (_, n) => {
    const start = 1000 + random.below(20) * SLOT_MS;
    const owner = quote(idOf("R", random.below(RESOURCES)));
    return `(${quote(idOf("E", n))}, ${owner}, ${start}, ${start + (1 + random.below(9)) * SLOT_MS}, ${random.chance(0.4)})`;
  });
  const into = (table: string, columns: string, rows: readonly string[]) =>
    `INSERT INTO ${table} (${columns}) VALUES\n${rows.join(",\n")}`;
  return [
    into("resources", "id, parent_id, name, capacity, buffer_after, enforce_rules", resources),
    into("rules", 'id, resource_id, start, "end", blocking', rules),
    into("bookings", 'id, resource_id, start, "end", label', bookings),
    into("holds", 'id, resource_id, start, "end", expires_at', holds),
    `UPDATE resources SET enforce_rules = true WHERE name = 'Zoo'`,
  ];
}

/** The whole time of the rows above: a window over it clips nothing. */
const WINDOW = { start: 0, end: 1_000_000 };

/** Asks deltat for all free time, which PostgreSQL then holds as a plain table. */
export const ALL_FREE_TIME = `SELECT resource_id, start, "end" FROM availability
WHERE resource_id = ANY(ARRAY[${Array.from({ length: RESOURCES }, (_, n) => quote(idOf("R", n))).join(", ")}])
AND start >= ${WINDOW.start} AND "end" <= ${WINDOW.end} AND per_resource = true`;
