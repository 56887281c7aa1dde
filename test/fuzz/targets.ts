/** All targets, by name. */

import { type AnyTarget, anyTarget } from "./target.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { logTarget } from "./targets/log.ts";
import { sqlTarget } from "./targets/sql.ts";
import { statementsTarget } from "./targets/statements.ts";

export const TARGETS: readonly AnyTarget[] = [
  anyTarget(decoderTarget()),
  anyTarget(logTarget()),
  anyTarget(sqlTarget()),
  anyTarget(statementsTarget()),
];

/** Throws an Error that lists the names for one that is none. */
export function targetNamed(name: string): AnyTarget {
  const found = TARGETS.find((target) => target.name === name);
  if (found !== undefined) return found;
  throw new Error(`there is no target ${name}: ${TARGETS.map((target) => target.name).join(", ")}`);
}
