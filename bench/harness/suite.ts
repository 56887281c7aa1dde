/** All parts, in the order in which they run and are reported. */

import { ceiling } from "../parts/ceiling.ts";
import { contention } from "../parts/contention.ts";
import { copy } from "../parts/copy.ts";
import { cores } from "../parts/cores.ts";
import { engine } from "../parts/engine.ts";
import { fanOut } from "../parts/fan-out.ts";
import { kernels } from "../parts/kernels.ts";
import { memory } from "../parts/memory.ts";
import { postgres } from "../parts/postgres.ts";
import { relational } from "../parts/relational.ts";
import { retention } from "../parts/retention.ts";
import { snapshot } from "../parts/snapshot.ts";
import { start } from "../parts/start.ts";
import { tools } from "../parts/tools.ts";
import type { Part } from "./part.ts";

export const SUITE: readonly Part[] = [
  ceiling,
  postgres,
  contention,
  fanOut,
  kernels,
  engine,
  memory,
  start,
  snapshot,
  retention,
  relational,
  copy,
  tools,
  cores,
];
