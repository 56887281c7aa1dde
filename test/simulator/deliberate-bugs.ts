/**
 * Bugs that are put into the server on purpose, one at a time, to see that the simulator finds them. None of them is known
 * to the server: they stand between it and the disk, or in the place of one of its functions while a run lasts.
 */

import type { DeliberateBug } from "./deliberate-bug.ts";
import { DURABILITY_BUGS } from "./durability-bugs.ts";
import { ENGINE_BUGS } from "./engine-bugs.ts";
import { EVENT_BUGS } from "./event-bugs.ts";
import { FAULTY_FILES } from "./faulty-files.ts";

export const DELIBERATE_BUGS: readonly DeliberateBug[] = [
  ...DURABILITY_BUGS,
  ...FAULTY_FILES,
  ...ENGINE_BUGS,
  ...EVENT_BUGS,
];
