/**
 * Statements of the differential test's scripts, changed token by token: whatever comes out is answered or refused with a
 * SQLSTATE of its own, never with an internal error, and in the same way however it is run (sql-ways.ts).
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { readScripts } from "../../differential/script.ts";
import { mutateText, tokensOf } from "../mutators.ts";
import { smallerLists } from "../shrinking.ts";
import { SqlWays } from "../sql-ways.ts";
import type { Target } from "../target.ts";
import { checkWays } from "./sql.ts";

/** What differs from run to run, or outlives what is taken back. */
const UNSTABLE =
  /now|random|timestamp|current|clock|statement_|uuid|today|tomorrow|yesterday|epoch|time|date|txid|pg_|backend|seq|prepare|execute|deallocate|discard|listen|notify|declare|fetch|close|set|reset|begin|start|commit|end|rollback|savepoint|abort|release|copy|age|checkpoint|database/i;

interface StatementCase {
  readonly text: string;
}

function readCorpus(): string[] {
  const own = readFileSync(join(import.meta.dir, "../corpus/statements.sql"), "utf8");
  const scripts = readScripts("").flatMap(({ statements }) => statements.map(({ text }) => text));
  return [...scripts, ...own.split(/;\n/).filter((text) => text.trim() !== "")];
}

export function statementsTarget(): Target<StatementCase> {
  const corpus = readCorpus();
  const dictionary = [...new Set(corpus.flatMap(tokensOf))].filter((token) => token.trim() !== "");
  let ways: SqlWays | null = null;
  return {
    name: "statements",
    timeBoundMs: 10_000,
    make(random) {
      const text = random.pick(corpus);
      return { text: random.chance(0.9) ? mutateText(random, text, dictionary) : text };
    },
    check({ text }) {
      ways ??= new SqlWays();
      if (!UNSTABLE.test(text))
        return checkWays(ways, text, (session, script) => session.parseScript(script));
      ways.simple(text);
      return null;
    },
    *smaller({ text }) {
      for (const tokens of smallerLists(tokensOf(text))) yield { text: tokens.join("") };
    },
  };
}
