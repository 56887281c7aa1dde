/** Tables as Markdown, and numbers as people read them. */

import type { Figures, Metric } from "../harness/figures.ts";

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, i) => (i === 0 ? "---" : "---:"));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** With separators of thousands, at most three figures behind them; a dash for what was not measured. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export const count = (value: number): string => (Number.isFinite(value) ? value.toLocaleString("en") : "–");

/** A time given in nanoseconds, in the unit that keeps it short. */
export function duration(ns: number): string {
  if (!Number.isFinite(ns)) return "–";
  if (ns >= 1e9) return `${number(ns / 1e9)} s`;
  if (ns >= 1e6) return `${number(ns / 1e6)} ms`;
  if (ns >= 1e4) return `${number(ns / 1e3)} µs`;
  return `${ns >= 10 ? count(Math.round(ns)) : number(ns)} ns`;
}

/** One row per work, one column per abscissa, of one subject. */
export function byAbscissa(
  figures: Figures,
  subject: string,
  works: readonly string[],
  metric: Metric,
  show: (value: number) => string = number,
): string {
  const columns = figures.abscissas();
  const rows = works.map((work) => [
    work,
    ...columns.map((at) => show(figures.middle(work, subject, at, metric))),
  ]);
  return table(["", ...columns.map(count)], rows);
}
