/** The JSON of one part: what was measured, when, how long it took, and on what. */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Figure, Metrics } from "./figures.ts";
import { describeMachine, versions } from "./machine.ts";

export interface Result {
  readonly part: string;
  readonly measuredAt: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly figures: readonly Figure[];
}

const file = (folder: string, part: string): string => join(folder, `${part}.json`);

/** Four figures are more than any of these measurements can tell. */
function rounded(metrics: Metrics): Metrics {
  return Object.fromEntries(
    Object.entries(metrics).map(([name, value]) => [name, Number(value.toPrecision(4))]),
  );
}

/** One line for each figure, so that a diff shows what changed. */
export function writeResult(
  folder: string,
  measured: Pick<Result, "part" | "seconds" | "quick" | "figures">,
): void {
  mkdirSync(folder, { recursive: true });
  const { figures, ...head } = measured;
  const about = {
    ...head,
    measuredAt: new Date().toISOString(),
    machine: describeMachine(),
    versions: versions(),
  };
  const lines = figures.map((figure) =>
    JSON.stringify({ ...figure, rounds: figure.rounds.map((round) => rounded(round)) }),
  );
  const text = JSON.stringify(about, null, 2).replace(/\n}$/, ',\n  "figures": [\n    ');
  writeFileSync(file(folder, measured.part), `${text}${lines.join(",\n    ")}\n  ]\n}\n`);
}

/** null where the part has not been run. */
export function readResult(folder: string, part: string): Result | null {
  const path = file(folder, part);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Result) : null;
}
