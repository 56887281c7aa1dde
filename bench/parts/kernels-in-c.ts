/** The kernels of kernels.c, compiled by `cc -O3` where there is a compiler, to be called with the arrays of the others. */

import { dlopen } from "bun:ffi";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { skip } from "../harness/part.ts";

/** All but the first return what the TypeScript beside them adds up, too. */
const SYMBOLS = {
  run_windows: { args: ["i32", "ptr", "ptr", "i32", "i32", "i32", "f64", "f64", "ptr"], returns: "f64" },
  lower_bounds: { args: ["ptr", "i32", "ptr", "i32"], returns: "f64" },
  peaks: { args: ["ptr", "ptr", "i32", "i32"], returns: "f64" },
  page_changes: { args: ["ptr", "ptr", "i32", "i32", "i32"], returns: "f64" },
  prefix_sums: { args: ["ptr", "i32"], returns: "f64" },
  span_pairs: { args: ["i32", "ptr", "i32", "i32", "ptr"], returns: "f64" },
  k_of_n: { args: ["ptr", "ptr", "i32", "i32", "ptr", "ptr", "ptr"], returns: "f64" },
} as const;

function open(library: string) {
  return dlopen(library, SYMBOLS).symbols;
}

export type KernelsInC = ReturnType<typeof open>;

/** null, said aloud, where it cannot be made. */
export function compileC(): KernelsInC | null {
  const compiler = Bun.which("cc");
  if (compiler === null) {
    skip("kernels against C", "there is no C compiler (cc) on PATH");
    return null;
  }
  const folder = mkdtempSync(join(tmpdir(), "deltat-bench-"));
  try {
    const library = join(folder, "kernels.so");
    const source = join(import.meta.dir, "kernels.c");
    const built = Bun.spawnSync([compiler, "-O3", "-shared", "-fPIC", "-o", library, source]);
    if (built.success) return open(library);
    skip("kernels against C", `cc failed: ${built.stderr.toString()}`);
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
