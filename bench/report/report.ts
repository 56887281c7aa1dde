/**
 * docs/benchmarks.md and its plots, made from the JSON of the parts. The page is written by hand except between the
 * marks `<!-- begin: name -->` and `<!-- end: name -->`, one pair for each part, one for the budgets and one for the
 * machine. What has not been measured stays as it is.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Figures } from "../harness/figures.ts";
import type { Plot } from "../harness/part.ts";
import { type Result, readResult } from "../harness/result-file.ts";
import { SUITE } from "../harness/suite.ts";
import { budgetTable } from "./budgets.ts";

export interface Folders {
  /** Of the JSON and the plots. */
  readonly data: string;
  /** The page. */
  readonly page: string;
}

const DOCS = join(import.meta.dir, "..", "..", "docs");
const QUICK_FOLDER = join(import.meta.dir, "..", "results", "quick");

export const PUBLISHED: Folders = { data: join(DOCS, "benchmarks"), page: join(DOCS, "benchmarks.md") };
export const QUICK: Folders = {
  data: join(QUICK_FOLDER, "benchmarks"),
  page: join(QUICK_FOLDER, "benchmarks.md"),
};

function fill(page: string, name: string, text: string): string {
  const begin = `<!-- begin: ${name} -->`;
  const end = `<!-- end: ${name} -->`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`the page has no place for ${name}: ${begin} … ${end}`);
  return `${page.slice(0, from + begin.length)}\n${text}\n${page.slice(to)}`;
}

/** The Markdown that shows a plot. */
function show({ file, svg }: Plot): string {
  const title = /<title>(.*?)<\/title>/.exec(svg)?.[1] ?? file;
  return `![${title}](benchmarks/${file})`;
}

function describeRuns(results: readonly Result[]): string {
  const [first] = results;
  if (first === undefined) return "Nothing has been measured yet.";
  const { bun, postgres, pgbench, cc } = first.versions;
  const days = [...new Set(results.map(({ measuredAt }) => measuredAt.slice(0, 10)))].sort();
  const seconds = results.reduce((sum, result) => sum + result.seconds, 0);
  const quick = results.some((result) => result.quick) ? " **A quick run: not for publication.**" : "";
  return (
    `${first.machine}; Bun ${bun}; ${postgres}; ${pgbench}; ${cc}. ` +
    `Clients and servers share the cores. Measured ${days.join(", ")}, ${Math.round(seconds / 60)} minutes in all.${quick}`
  );
}

/** The page with everything between its marks made anew from the JSON of `data`, and the plots that it shows. */
export function makePage(
  data: string,
  page: string,
): { readonly text: string; readonly plots: readonly Plot[] } {
  const results = SUITE.flatMap(({ name }) => readResult(data, name) ?? []);
  const figuresOf = new Map(results.map(({ part, figures }) => [part, new Figures(figures)]));
  let text = fill(page, "machine", describeRuns(results));
  text = fill(text, "budgets", budgetTable(figuresOf));
  const plots: Plot[] = [];
  for (const part of SUITE) {
    const figures = figuresOf.get(part.name);
    if (figures === undefined) continue;
    const { markdown, plots: all } = part.render(figures);
    const drawn = all.filter(({ svg }) => svg !== "");
    text = fill(text, part.name, [markdown, ...drawn.map(show)].join("\n\n"));
    plots.push(...drawn);
  }
  return { text, plots };
}

/** Writes the page and the plots. */
export function report({ data, page }: Folders): void {
  mkdirSync(data, { recursive: true });
  const { text, plots } = makePage(data, readFileSync(PUBLISHED.page, "utf8"));
  for (const { file, svg } of plots) writeFileSync(join(data, file), svg);
  writeFileSync(page, text);
}
