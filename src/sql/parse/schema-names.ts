/** The schemas that there are. */

import { DeltatError, SqlState } from "../../errors.ts";

const SCHEMAS: ReadonlySet<string> = new Set(["public", "pg_catalog", "information_schema", "pg_toast"]);

/** Throws 3F000 where a qualified name names a schema that does not exist. */
export function checkSchema(parts: readonly string[], position: number): void {
  const schema = parts.at(-2);
  if (schema === undefined || SCHEMAS.has(schema)) return;
  throw new DeltatError(SqlState.invalidSchemaName, `schema "${schema}" does not exist`, { position });
}
