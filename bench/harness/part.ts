/** A part of the suite: measures when it is run, and tells what it found when it is reported. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Figure, Figures } from "./figures.ts";

export interface Course {
  /** A short run: fewer sizes, rounds and combinations, for a look and not for publication. */
  readonly quick: boolean;
  /** Rounds that count; null: the part's own number. */
  readonly rounds: number | null;
  /** Sizes of data; null: the part's own. */
  readonly sizes: readonly number[] | null;
  /** Only works whose name holds this; "": all. */
  readonly only: string;
  /** Leave a CPU profile of deltat in bench/results, where a part offers it. */
  readonly profile: boolean;
}

export interface Plot {
  /** Name of the file, without folder. */
  readonly file: string;
  readonly svg: string;
}

/** What a part makes of its figures: tables as Markdown, and plots that the Markdown does not name yet. */
export interface Rendering {
  readonly markdown: string;
  readonly plots: readonly Plot[];
}

export interface Part {
  readonly name: string;
  /** One line: what it measures. */
  readonly about: string;
  run(course: Course): Promise<readonly Figure[]>;
  render(figures: Figures): Rendering;
}

/** Of runs that are not published; not kept. */
export const RESULTS = join(import.meta.dir, "..", "results");

/** Runs with a folder on the disk of the checkout (a temporary folder of the system may be memory). */
export async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  mkdirSync(RESULTS, { recursive: true });
  const folder = mkdtempSync(join(RESULTS, "run-"));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Says aloud what is not measured, and why. */
export function skip(what: string, why: string): void {
  console.log(`SKIPPED: ${what}: ${why}`);
}
