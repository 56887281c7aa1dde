/** What a statement has to tell besides its result. */

import type { ByteWriter } from "../bytes.ts";
import { writeNoticeResponse, writeParameterStatus } from "./backend-messages.ts";
import type { SqlConnection } from "./sql-connection.ts";

export function writeNotices(sql: SqlConnection, out: ByteWriter): void {
  for (const notice of sql.takeNotices()) writeNoticeResponse(out, notice);
}

export function writeParameterChanges(sql: SqlConnection, out: ByteWriter): void {
  for (const [name, value] of sql.takeParameterChanges()) writeParameterStatus(out, name, value);
}
