/** Names of objects to OIDs, and whether a name does without its schema. */

import { fn, type SqlFunction, text } from "../functions/signature.ts";
import { findObject, objectName } from "../parse/object-names.ts";
import {
  BOOL,
  OID,
  type PgType,
  REGCLASS,
  REGNAMESPACE,
  REGPROC,
  REGROLE,
  REGTYPE,
  TEXT,
} from "../values/types.ts";

const LOOK_UPS: readonly (readonly [name: string, type: PgType])[] = [
  ["to_regclass", REGCLASS],
  ["to_regnamespace", REGNAMESPACE],
  ["to_regproc", REGPROC],
  ["to_regrole", REGROLE],
  ["to_regtype", REGTYPE],
];

export const NAME_FUNCTIONS: readonly SqlFunction[] = [
  ...LOOK_UPS.map(([name, type]) => fn(name, [TEXT], type, ([named]) => findObject(type, text(named)))),
  // What must be named with its schema has a dot in its name here: the relations of information_schema.
  fn("pg_table_is_visible", [OID], BOOL, ([oid]) => {
    const name = objectName(REGCLASS, Number(oid));
    return name === String(oid) ? null : name !== null && !name.includes(".");
  }),
];
