/**
 * Makes docs/benchmarks.md anew from docs/benchmarks/*.json: `bun run bench:report`. With `--quick` it makes a page of
 * the last quick run, in bench/results/quick.
 */

import { PUBLISHED, QUICK, report } from "./report.ts";

report(process.argv.includes("--quick") ? QUICK : PUBLISHED);
