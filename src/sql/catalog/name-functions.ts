/** Names of objects to OIDs, and whether a name does without its schema. */

import type { SqlFunction } from "../functions/signature.ts";
import { findObject, objectName } from "../object-names.ts";
import { BOOL, OID, type PgType, REGCLASS, REGNAMESPACE, REGPROC, REGROLE, REGTYPE, TEXT } from "../types.ts";

function fn(name: string, parameter: PgType, result: PgType, body: SqlFunction["body"]): SqlFunction {
  return { name, parameters: [parameter], result, body, isStrict: true, isVariadic: false };
}

const LOOK_UPS: readonly (readonly [name: string, type: PgType])[] = [
  ["to_regclass", REGCLASS],
  ["to_regnamespace", REGNAMESPACE],
  ["to_regproc", REGPROC],
  ["to_regrole", REGROLE],
  ["to_regtype", REGTYPE],
];

export const NAME_FUNCTIONS: readonly SqlFunction[] = [
  ...LOOK_UPS.map(([name, type]) => fn(name, TEXT, type, ([text]) => findObject(type, String(text)))),
  // What must be named with its schema has a dot in its name here: the relations of information_schema.
  fn("pg_table_is_visible", OID, BOOL, ([oid]) => {
    const name = objectName(REGCLASS, Number(oid));
    return name === String(oid) ? null : name !== null && !name.includes(".");
  }),
];
