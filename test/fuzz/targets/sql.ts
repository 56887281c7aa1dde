/**
 * Statements made by the differential test's grammar, run in every way (sql-ways.ts): the ways must agree. And queries
 * whose condition is also asked as a value: the rows that WHERE lets through, by whatever access path, are those for which
 * the condition is true, and with those for which it is false or NULL they are all.
 */

import { type LiftedLiterals, liftLiterals } from "../../../src/sql/parse/shape.ts";
import { Changes } from "../../differential/grammar/changes.ts";
import { Queries, TABLES } from "../../differential/grammar/queries.ts";
import { textOf } from "../../differential/grammar/tree.ts";
import type { Random } from "../../seeded-random.ts";
import { tokensOf } from "../mutators.ts";
import { smallerLists } from "../shrinking.ts";
import { type Answer, comparable, type ParseScript, SqlWays, withLiterals } from "../sql-ways.ts";
import type { Target } from "../target.ts";

type SqlCase =
  | { readonly kind: "ways"; readonly text: string }
  | { readonly kind: "condition"; readonly from: string; readonly condition: string };

/** @param parseScript how the cached way finds its plan; a test puts a cache with a wrong key in its place */
export function sqlTarget(
  parseScript: ParseScript = (session, text) => session.parseScript(text),
): Target<SqlCase> {
  let ways: SqlWays | null = null;
  return {
    name: "sql",
    timeBoundMs: 8000,
    make(random) {
      const queries = new Queries(random);
      if (random.chance(0.15)) queries.mistakes.chance = 0.1;
      if (random.chance(0.3)) return condition(random, queries);
      const made = random.chance(0.2) ? new Changes(random, queries).statement() : queries.statement();
      return { kind: "ways", text: textOf(made) };
    },
    check(made) {
      ways ??= new SqlWays();
      if (made.kind === "condition") return checkCondition(ways, made.from, made.condition);
      return checkWays(ways, made.text, [], parseScript);
    },
    *smaller(made) {
      if (made.kind === "ways") {
        for (const tokens of smallerLists(tokensOf(made.text))) yield { kind: "ways", text: tokens.join("") };
      } else {
        for (const tokens of smallerLists(tokensOf(made.condition))) {
          yield { ...made, condition: tokens.join("") };
        }
      }
    },
  };
}

/** What a literal may be wrong in: of several that are, each way may come to another one first. */
function isWrongLiteral(code: string | null): boolean {
  return code !== null && (code.startsWith("22") || code === "42P01" || code === "42704");
}

/** Answers as what differs between them. */
function sameAnswer(way: string, expected: Answer, got: Answer, isExact: boolean): string | null {
  if (expected.isCut || got.isCut) return null;
  const isOther = expected.code !== got.code || expected.message !== got.message;
  if (isOther && isWrongLiteral(expected.code) && isWrongLiteral(got.code)) return null;
  const [wanted, given] = isExact ? [expected.words, got.words] : [expected.code, got.code];
  if (wanted !== given) return `${way}: answers ${got.words}, parsed: ${expected.words}`;
  const at = expected.rows.findIndex((row, i) => row !== got.rows[i]);
  if (at < 0 && expected.rows.length === got.rows.length) return null;
  return `${way}: a row is ${got.rows[Math.max(0, at)]}, parsed: ${expected.rows[Math.max(0, at)]} (${got.rows.length}, ${expected.rows.length} rows)`;
}

/** SQLSTATEs of statements that only with literals are any. */
const NEEDS_LITERALS: ReadonlySet<string> = new Set(["42601", "42P18", "42P08", "42P10", "42803"]);

/**
 * @param siblings statements of perhaps the same shape: one that ran before has made the plan
 * Returns where the ways part, or null.
 */
export function checkWays(
  ways: SqlWays,
  text: string,
  siblings: readonly string[],
  parseScript: ParseScript,
): string | null {
  // The shape is not taken from a text with a comment.
  const parsed = ways.simple(`${text}\n--`);
  // An endless one is endless in every way.
  if (parsed.isCut) return null;
  const lifted = liftLiterals(text);
  const isChange = /insert|update|delete|copy/i.test(text);
  if (parsed.code !== "42601" && !isChange && !/;|\$\d/.test(text)) {
    const parts = sameAnswer("in parts", parsed, ways.inParts(`${text}\n--`, 2), false);
    if (parts !== null) return parts;
  }
  // What is no statement never gets a plan.
  if (lifted === null || parsed.code === "42601") return null;
  const cached = (made: string) => ways.simple(made, (session) => parseScript(session, made));
  const own = text + newShape();
  const cold = sameAnswer("cold", parsed, cached(own), true) ?? sameAnswer("warm", parsed, cached(own), true);
  if (cold !== null) return cold;
  const others = [
    ...siblings,
    withLiterals(lifted, (at) => otherLiteral(lifted, at)),
    withLiterals(lifted, (at) => literalOfOtherKind(lifted, at)),
  ];
  for (const sibling of others) {
    const shape = newShape();
    cached(sibling + shape);
    const answer = cached(text + shape);
    const shared = sameAnswer("shared", parsed, answer, true);
    if (shared !== null) return `${shared} (after ${sibling})`;
    // What its shape has found once is kept by its bytes.
    cached(sibling + shape);
    const recalled = sameAnswer("recalled", parsed, ways.recalled(text + shape), true);
    if (recalled !== null) return `${recalled} (after ${sibling})`;
  }
  if (!isKept(ways, own)) return null;
  return checkPrepared(ways, parsed, lifted);
}

let shapes = 0;

/** Blanks that no text has ended in yet: with them behind it a text has a shape of its own, and no plan. */
function newShape(): string {
  const digits = (++shapes).toString(2);
  return digits.replaceAll("0", " ").replaceAll("1", "\t");
}

/** Whether a plan for the shape is kept: only then each literal is a value. */
function isKept(ways: SqlWays, text: string): boolean {
  let kept = false;
  ways.simple(text, (session) => {
    const [raw] = session.parseScript(text);
    kept = raw?.known != null;
    return [];
  });
  return kept;
}

function otherLiteral({ kinds }: LiftedLiterals, at: number): string {
  return { integer: "4", bigint: "6000000000", decimal: "3.5", string: "'b'" }[kinds[at] ?? "integer"];
}

/** Such a literal makes another shape, whose plan must not be taken. */
function literalOfOtherKind({ kinds }: LiftedLiterals, at: number): string {
  return { integer: "2.5", bigint: "4", decimal: "7", string: "8" }[kinds[at] ?? "integer"];
}

const TYPE_OF = { integer: 23, bigint: 20, decimal: 1700, string: 0 };

function checkPrepared(ways: SqlWays, parsed: Answer, lifted: LiftedLiterals): string | null {
  const text = withLiterals(lifted, (at) => ` $${at + 1} `);
  const types = lifted.kinds.map((kind) => TYPE_OF[kind]);
  const asText = (_: number, at: number) => ({
    format: 0 as const,
    bytes: Buffer.from(String(lifted.values[at])),
  });
  const inText = ways.prepared(text, types, asText, 0);
  if (inText.code !== null && NEEDS_LITERALS.has(inText.code)) return null;
  const prepared = sameAnswer("prepared", parsed, inText, false);
  if (prepared !== null) return prepared;
  const again = sameAnswer("prepared again", parsed, ways.prepared(text, types, asText, 0), false);
  if (again !== null) return again;
  const asBinary = (oid: number, at: number) => binaryParameter(oid, String(lifted.values[at]));
  const inBinary = ways.prepared(text, types, asBinary, 1);
  if (inBinary.isCut || inText.isCut || inText.code !== null) return null;
  return sameAnswer("binary", { ...inText, rows: comparable(inText) }, inBinary, false);
}

function binaryParameter(oid: number, value: string): { format: 0 | 1; bytes: Uint8Array } {
  const bytes = Buffer.alloc(oid === 23 ? 4 : 8);
  if (oid === 23) bytes.writeInt32BE(Number(value) | 0);
  else if (oid === 20 && /^-?\d+$/.test(value)) bytes.writeBigInt64BE(BigInt(value));
  else if (oid === 25) return { format: 1, bytes: Buffer.from(value) };
  else return { format: 0, bytes: Buffer.from(value) };
  return /^-?\d+$/.test(value) ? { format: 1, bytes } : { format: 0, bytes: Buffer.from(value) };
}

const IDS: Readonly<Record<string, string>> = { resources: "R", bookings: "B", holds: "H", rules: "E" };

/** Conditions on what has an index, beside those of the grammar. */
function indexed(random: Random, table: string): string {
  const id = () => `'01KE60000000000000000${IDS[table]}${String(random.below(20)).padStart(4, "0")}'`;
  const resource = () => `'01KE60000000000000000R${String(random.below(14)).padStart(4, "0")}'`;
  const choices = [
    `t.id = ${id()}`,
    `t.id IN (${id()}, ${id()}, ${id()})`,
    `t.id = ANY(ARRAY[${id()}, ${id()}])`,
  ];
  const instant = 1000 + random.below(60) * 10;
  if (table === "resources")
    choices.push(`t.parent_id = ${resource()}`, "t.parent_id IS NULL", `t.id > ${id()}`);
  else {
    choices.push(`t.resource_id = ${resource()}`, `t.resource_id IN (${resource()}, ${resource()})`);
    choices.push(
      `t.start >= ${instant}`,
      `t.start < ${instant}`,
      `t."end" <= ${instant}`,
      `t."end" > ${instant}`,
    );
    choices.push(`t.start BETWEEN ${instant - 100} AND ${instant}`, `t.start = ${instant}`);
    choices.push(`t.resource_id = ${resource()} AND t.start >= ${instant} AND t."end" < ${instant + 200}`);
  }
  return random.pick(choices);
}

function condition(random: Random, queries: Queries): SqlCase {
  queries.mistakes.chance = 0;
  const { name, columns } = random.pick(TABLES);
  const own = columns.map((column) => ({ ...column, name: `t.${column.name}` }));
  const grammar = () => textOf(queries.expressions(own, 1).of("bool", 2));
  const one = () => (random.chance(0.6) ? indexed(random, name) : grammar());
  let made = one();
  for (let more = random.below(4); more > 0; more--) {
    made = random.chance(0.2) ? `NOT (${made})` : `(${made}) ${random.pick(["AND", "AND", "OR"])} (${one()})`;
  }
  const from = `${name} t`;
  return { kind: "condition", from, condition: made };
}

function checkCondition(ways: SqlWays, from: string, tested: string): string | null {
  const through = ways.simple(`SELECT t.id FROM ${from} WHERE ${tested}`);
  const asValue = ways.simple(`SELECT t.id, (${tested}) FROM ${from}`);
  if (through.code !== null || asValue.code !== null) {
    // One may look at rows that the other never sees: what is wrong with the statement itself, both say.
    const isRunTime = (code: string | null) => code?.startsWith("22") === true || code === "21000";
    if (through.code === asValue.code || isRunTime(asValue.code)) return null;
    return `condition: WHERE says ${through.words}, as a value it says ${asValue.words}`;
  }
  const expected = asValue.rows.flatMap((row) => {
    const [id, value] = JSON.parse(row) as [string, string | null];
    return value === "t" ? [JSON.stringify([id])] : [];
  });
  if (expected.toSorted().join() === through.rows.join()) return null;
  return `condition: WHERE gives ${through.rows.length} rows, ${expected.length} are true: ${expected.find((row) => !through.rows.includes(row)) ?? through.rows.find((row) => !expected.includes(row))}`;
}
