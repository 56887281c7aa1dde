/** Statements made by the grammar from a seed, each sent to both servers; those that part are made smaller. */

import { Random } from "../seeded-random.ts";
import { explain } from "./differences.ts";
import { Changes } from "./grammar/changes.ts";
import { Queries } from "./grammar/queries.ts";
import { shrink, type Tree, textOf } from "./grammar/tree.ts";
import type { Finding, Pair } from "./pair.ts";
import type { Statement } from "./script.ts";

export interface GeneratedRun {
  readonly seed: number;
  /** The first statement of the seed that is sent, counted from 0. */
  readonly from: number;
  readonly count: number;
  /** Ends the run early. */
  readonly deadlineMs: number;
}

export interface GeneratedOutcome {
  readonly sent: number;
  /** Of those sent, how many PostgreSQL refused. */
  readonly refused: number;
  readonly findings: readonly Finding[];
  /** How many differences are explained, by heading of docs/differences.md. */
  readonly explained: ReadonlyMap<string, number>;
}

/** Share of statements with operands of types that do not fit. */
const ILL_TYPED = 0.15;
const CHANGES = 0.15;
/** After so many findings a run tells no more than what it has. */
const MAX_FINDINGS = 25;

export async function runGenerated(
  pair: Pair,
  { seed, from, count, deadlineMs }: GeneratedRun,
): Promise<GeneratedOutcome> {
  const findings: Finding[] = [];
  const explained = new Map<string, number>();
  let sent = 0;
  let refused = 0;
  await pair.renew();
  for (; sent < count && findings.length < MAX_FINDINGS && Date.now() < deadlineMs; sent++) {
    const number = from + sent;
    const origin = `seed ${seed}, ${number}`;
    const made = makeStatement(new Random(seed * 1_000_003 + number));
    const check = (tree: Tree) => checkGenerated(pair, tree, origin);
    const outcome = await check(made);
    if (outcome.refused) refused++;
    const { finding } = outcome;
    const heading = finding === null ? null : explain(finding);
    if (heading !== null) explained.set(heading, (explained.get(heading) ?? 0) + 1);
    if (finding === null || heading !== null) continue;
    const smallest = await shrink(made, async (smaller) => {
      const { finding: found } = await check(smaller);
      return found !== null && isAlike(found, finding) && explain(found) === null;
    });
    findings.push((await check(smallest)).finding ?? finding);
  }
  return { sent, refused, findings, explained };
}

function makeStatement(random: Random): Tree {
  const queries = new Queries(random);
  if (random.chance(ILL_TYPED)) queries.mistakes.chance = 0.1;
  return random.chance(CHANGES) ? new Changes(random, queries).statement() : queries.statement();
}

/** Changes are taken back. */
async function checkGenerated(
  pair: Pair,
  made: Tree,
  origin: string,
): Promise<{ finding: Finding | null; refused: boolean }> {
  const statement = (text: string): Statement => ({ text, parameters: null, origin, differs: null });
  const text = textOf(made);
  const isChange = /^(UPDATE|DELETE|INSERT)/.test(text);
  if (!isChange) return { finding: await pair.check(statement(text)), refused: pair.lastRefused };
  await pair.check(statement("BEGIN"));
  let finding = await pair.check(statement(text));
  const refused = pair.lastRefused;
  const table = /^(?:UPDATE|DELETE FROM|INSERT INTO) (\w+)/.exec(text)?.[1] ?? "";
  if (finding === null && !refused)
    finding = await pair.check(statement(`SELECT * FROM ${table} ORDER BY id`));
  await pair.check(statement("ROLLBACK"));
  return { finding, refused };
}

/** Whether two findings are of one kind, errors by their codes. */
function isAlike(a: Finding, b: Finding): boolean {
  return (
    a.difference === b.difference &&
    a.ours.error?.code === b.ours.error?.code &&
    a.theirs.error?.code === b.theirs.error?.code
  );
}
