/** deltat beside PostgreSQL in one table: rates, their ratio and percentiles, by what grows. */

import type { Figures, Metric } from "../harness/figures.ts";
import { count, number, table } from "./table.ts";

const RIVALS = ["deltat", "PostgreSQL"] as const;

/**
 * @param grows what the abscissa is
 * @param rate what happens per second
 * @param won what of it succeeds per second, where that is told
 */
export function comparison(
  figures: Figures,
  work: string,
  grows: string,
  rate: string,
  won?: string,
): string {
  const both = (at: number, metric: Metric): string[] =>
    RIVALS.map((server) => count(Math.round(figures.middle(work, server, at, metric))));
  const times = (server: string, at: number): string =>
    (["p50Us", "p99Us", "p999Us"] satisfies Metric[])
      .map((metric) => number(figures.middle(work, server, at, metric) / 1000))
      .join(" / ");
  const rows = figures
    .abscissas()
    .map((at) => [
      count(at),
      ...both(at, "perSecond"),
      number(figures.ratio(work, RIVALS, at, "perSecond")),
      ...(won === undefined ? [] : both(at, "wonPerSecond")),
      ...RIVALS.map((server) => times(server, at)),
    ]);
  const named = (what: string): string[] => RIVALS.map((server) => `${server}, ${what}`);
  const head = [
    grows,
    ...named(rate),
    "ratio",
    ...(won === undefined ? [] : named(won)),
    ...named("p50 / p99 / p99.9 ms"),
  ];
  return table(head, rows);
}
