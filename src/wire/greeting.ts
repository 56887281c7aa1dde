/** What a client is told when its session is open, up to the first ReadyForQuery. */

import type { ByteWriter } from "../bytes.ts";
import { writeBackendKeyData, writeReadyForQuery } from "./backend-messages.ts";
import { writeNotices, writeParameterChanges } from "./notices.ts";
import type { SqlConnection } from "./sql-connection.ts";

/** @param secret what a cancel request for this session has to know */
export function writeGreeting(sql: SqlConnection, processId: number, secret: number, out: ByteWriter): void {
  writeParameterChanges(sql, out);
  writeBackendKeyData(out, processId, secret);
  writeNotices(sql, out);
  writeReadyForQuery(out, sql.transactionStatus);
}
