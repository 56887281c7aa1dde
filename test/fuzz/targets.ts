/** All targets, by name. */

import { type AnyTarget, anyTarget } from "./target.ts";
import { copyTarget } from "./targets/copy.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { logTarget } from "./targets/log.ts";
import { openingTarget } from "./targets/opening.ts";
import { recallTarget } from "./targets/recall.ts";
import { regexTarget } from "./targets/regex.ts";
import { scramTarget } from "./targets/scram.ts";
import { sessionTarget } from "./targets/session.ts";
import { snapshotTarget } from "./targets/snapshot.ts";
import { sqlTarget } from "./targets/sql.ts";
import { statementsTarget } from "./targets/statements.ts";
import { valuesTarget } from "./targets/values.ts";

export const TARGETS: readonly AnyTarget[] = [
  anyTarget(copyTarget()),
  anyTarget(decoderTarget()),
  anyTarget(logTarget()),
  anyTarget(openingTarget()),
  anyTarget(recallTarget()),
  anyTarget(regexTarget()),
  anyTarget(scramTarget()),
  anyTarget(sessionTarget()),
  anyTarget(snapshotTarget()),
  anyTarget(sqlTarget()),
  anyTarget(statementsTarget()),
  anyTarget(valuesTarget()),
];

/** Throws an Error that lists the names for one that is none. */
export function targetNamed(name: string): AnyTarget {
  const found = TARGETS.find((target) => target.name === name);
  if (found !== undefined) return found;
  throw new Error(`there is no target ${name}: ${TARGETS.map((target) => target.name).join(", ")}`);
}
