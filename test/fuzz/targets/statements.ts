/**
 * Statements of the differential test's scripts, changed token by token: whatever comes out is answered or refused with a
 * SQLSTATE of its own, never with an internal error, and in the same way however it is run (sql-ways.ts).
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readScripts } from "../../differential/script.ts";
import type { Random } from "../../seeded-random.ts";
import { mutateText, tokensOf } from "../mutators.ts";
import { smallerLists } from "../shrinking.ts";
import { type ParseScript, SqlWays } from "../sql-ways.ts";
import type { Target } from "../target.ts";
import { checkWays } from "./sql.ts";

/** What differs from run to run. */
const UNSTABLE =
  /\b(now|random|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday|current_\w+|local\w+|\w*uuid\w*|today|tomorrow|yesterday|age|txid_\w+|pg_(stat|prepared|cursors|backend|postmaster|sleep|locks|notif|listening|database_size|current|last|wal|conf|log|xact|snapshot)\w*|events|last_event_seq)\b/i;

/** What is more than rows and changes of rows, which are all that is taken back. */
const BEYOND_ROWS = /(^|;)\s*(?!(select|values|with|insert|update|delete|explain|table)\b|\()/i;

interface StatementCase {
  /** What has run before, and left its plan. */
  readonly before: string;
  readonly text: string;
}

function readCorpus(): string[] {
  const own = readFileSync(join(import.meta.dir, "../corpus/statements.sql"), "utf8");
  const scripts = readScripts("").flatMap(({ statements }) => statements.map(({ text }) => text));
  return [...scripts, ...own.split(/;\n/).filter((text) => text.trim() !== "")];
}

/** What stands before and behind an expression, over and over: deep trees, long chains. */
const NESTS: readonly (readonly [before: string, behind: string])[] = [
  ["(", ")"],
  ["NOT ", ""],
  ["- ", ""],
  ["(SELECT ", ")"],
  ["CASE WHEN true THEN ", " END"],
  ["ARRAY[", "]"],
  ["abs(", ")"],
  ["coalesce(NULL, ", ")"],
  ["1 + ", ""],
  ["'a' || ", ""],
  ["", "::text"],
  ["", " IS NULL"],
  ["", " UNION ALL SELECT 1"],
  ["", " EXCEPT (SELECT 1"],
  ["", ", 1"],
  ["* FROM (SELECT ", ") x"],
  ["* FROM (VALUES (1), (", ")) x"],
  ["1 IN (1, ", ")"],
  ["1 = ANY (ARRAY[", "])"],
  ["EXISTS (SELECT ", ")"],
  ["(1 = 1) AND (2 = 2) OR ", ""],
  ["1 FROM resources NATURAL JOIN resources r, (SELECT ", ") y"],
  ["count(*) OVER (ORDER BY ", ")"],
  ["", "[1]"],
  ["ROW(", ")"],
];

/** Nesting within a literal. */
const NESTED_VALUES: readonly ((depth: number) => string)[] = [
  (depth) => `SELECT '${"[".repeat(depth)}${"]".repeat(depth)}'::jsonb`,
  (depth) => `SELECT '${'{"a":'.repeat(depth)}1${"}".repeat(depth)}'::json -> 'a'`,
  (depth) => `SELECT 'a' ~ '${"(".repeat(depth)}a${")".repeat(depth)}'`,
  (depth) => `SELECT 'a' ~ '${"a?".repeat(depth)}'`,
  (depth) => `SELECT 'a' SIMILAR TO '${"(".repeat(depth)}a${")".repeat(depth)}'`,
  (depth) => `SELECT '${"{".repeat(depth)}'::int[]`,
  (depth) => `SELECT '${"%a".repeat(depth)}' LIKE '${"%a".repeat(depth)}'`,
  (depth) => `SELECT '${"1 day ".repeat(depth)}'::interval`,
  (depth) => `SELECT '${"9".repeat(depth)}'::numeric * '${"9".repeat(depth)}'::numeric`,
  (depth) => `SELECT to_char(1, '${"9".repeat(depth)}')`,
];

const DEPTHS = [50, 300, 520, 1000, 3000, 20_000];

function nested(random: Random): string {
  const depth = random.pick(DEPTHS);
  if (random.chance(0.3)) return random.pick(NESTED_VALUES)(depth);
  const [before, behind] = random.pick(NESTS);
  const [other, otherBehind] = random.chance(0.5) ? random.pick(NESTS) : ["", ""];
  const inner = `${other.repeat(depth / 10)}1${otherBehind.repeat(depth / 10)}`;
  return `SELECT ${before.repeat(depth)}${inner}${behind.repeat(depth)}`;
}

const parseScript: ParseScript = (session, text) => session.parseScript(text);

export function statementsTarget(): Target<StatementCase> {
  const corpus = readCorpus();
  const dictionary = [...new Set(corpus.flatMap(tokensOf))].filter((token) => token.trim() !== "");
  let ways: SqlWays | null = null;
  return {
    name: "statements",
    timeBoundMs: 10_000,
    make(random) {
      if (random.chance(0.02)) return { before: "SELECT 1", text: nested(random) };
      const before = random.pick(corpus);
      return { before, text: random.chance(0.9) ? mutateText(random, before, dictionary) : before };
    },
    check({ before, text }) {
      ways ??= new SqlWays();
      if (!UNSTABLE.test(text) && !BEYOND_ROWS.test(text))
        return checkWays(ways, text, [before], parseScript);
      ways.simple(text);
      return null;
    },
    *smaller({ before, text }) {
      for (const tokens of smallerLists(tokensOf(text))) yield { before: text, text: tokens.join("") };
      for (const tokens of smallerLists(tokensOf(text))) yield { before, text: tokens.join("") };
      // The same piece of both, so that they keep one shape.
      const [ours, theirs] = [tokensOf(text), tokensOf(before)];
      if (ours.length !== theirs.length) return;
      for (const kept of smallerLists(ours.map((_, at) => at))) {
        yield { before: kept.map((at) => theirs[at]).join(""), text: kept.map((at) => ours[at]).join("") };
      }
    },
  };
}
