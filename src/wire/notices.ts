/** What a statement has to tell besides its result. */

import type { ByteWriter } from "../bytes.ts";
import { writeNoticeResponse, writeParameterStatus } from "./backend-messages.ts";
import type { SqlConnection } from "./sql-connection.ts";

export function writeNotices(sql: SqlConnection, out: ByteWriter): void {
  const notices = sql.takeNotices();
  if (notices.length === 0) return;
  for (const notice of notices) writeNoticeResponse(out, notice);
}

export function writeParameterChanges(sql: SqlConnection, out: ByteWriter): void {
  const changes = sql.takeParameterChanges();
  if (changes.length === 0) return;
  for (const [name, value] of changes) writeParameterStatus(out, name, value);
}
