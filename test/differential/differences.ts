/**
 * Where answers may part whatever the statement is. Each rule names the heading of docs/differences.md that tells why; what
 * concerns single statements is marked where they stand (`-- differs: <heading>`).
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "./pair.ts";

interface Rule {
  readonly heading: string;
  applies(finding: Finding): boolean;
}

const CONTRACT_WORDS: Readonly<Record<string, RegExp>> = {
  "23505": /^already exists: \w{26}$/,
  "23503": /^(not found: \w{26}|cannot delete resource \w{26}: has children)$/,
  "23P01": /^(conflict with allocation: \w{26}|capacity \d+ exceeded: all slots occupied)$/,
};

/** Classes of SQLSTATEs that come of values, not of the statement: 22, and 21 for a subquery of several rows. */
const COMES_OF_VALUES = /^2[12]/;

/** What `statement_timeout` ends a statement with. */
const CANCELED = "57014";

const RULES: readonly Rule[] = [
  {
    heading: "Messages of refused changes",
    applies: ({ difference, ours }) =>
      difference === "message" &&
      ours.error !== null &&
      CONTRACT_WORDS[ours.error.code]?.test(ours.error.message) === true,
  },
  {
    heading: "Places of casts that change nothing",
    applies: ({ difference, ours, theirs, statement }) => {
      const [our, their] = [Number(ours.error?.position), Number(theirs.error?.position)];
      if (difference !== "position" || !(their > our)) return false;
      return /^(CAST\(|\()+$/.test(statement.text.slice(our - 1, their - 1));
    },
  },
  {
    heading: "Types",
    applies: ({ difference, ours }) =>
      difference === "error" &&
      ours.error?.code === "0A000" &&
      /^an array of .*(\[\]|record) is not supported$/.test(ours.error.message),
  },
  {
    heading: "Time",
    applies: ({ ours, theirs }) => ours.error?.code === CANCELED || theirs.error?.code === CANCELED,
  },
  {
    heading: "Equal numbers",
    applies: ({ difference, ours, theirs, manner }) =>
      difference === "rows" && manner !== "binary" && plainRows(ours.rows) === plainRows(theirs.rows),
  },
  {
    heading: "Errors that occur twice",
    applies: ({ difference, ours, theirs, statement }) => {
      const word = (position: string | null | undefined) =>
        /^(?:CAST\(|\()*([^\s,()]+)/.exec(statement.text.slice(Number(position ?? 0) - 1))?.[1];
      return difference === "position" && word(ours.error?.position) === word(theirs.error?.position);
    },
  },
  {
    heading: "Order of evaluation",
    applies: ({ difference, ours, theirs }) => {
      if (difference === "message") {
        return COMES_OF_VALUES.test(ours.error?.code ?? "") && theirs.error?.position == null;
      }
      const codes = [ours.error?.code, theirs.error?.code];
      return (
        difference === "error" && codes.every((code) => code === undefined || COMES_OF_VALUES.test(code))
      );
    },
  },
];

/** The rows in any order, numbers without zeros at the end of their fractions. */
function plainRows(rows: readonly string[]): string {
  const plain = rows.map((row) =>
    row.replace(/"(-?\d+)\.(\d*?)0*"/g, (_, whole, fraction) => {
      return fraction === "" ? `"${whole}"` : `"${whole}.${fraction}"`;
    }),
  );
  return plain.toSorted().join("\n");
}

/** The heading under which a difference between answers to a generated statement is explained; null for none. */
export function explain(finding: Finding): string | null {
  return RULES.find((rule) => rule.applies(finding))?.heading ?? null;
}

const DOCUMENT = join(import.meta.dir, "..", "..", "docs", "differences.md");

/** Throws for a heading that the document does not have. */
export function checkHeadings(headings: readonly string[]): void {
  const known = new Set(
    readFileSync(DOCUMENT, "utf8")
      .match(/^### .*$/gm)
      ?.map((line) => line.slice(4)),
  );
  const unknown = [...headings, ...RULES.map((rule) => rule.heading)].find((heading) => !known.has(heading));
  if (unknown !== undefined) throw new Error(`docs/differences.md has no heading "${unknown}"`);
}
