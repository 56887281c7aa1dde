/**
 * The simple query: a text of any number of statements, all of them one implicit transaction. It commits before
 * the last statement is called complete, so that a commit that fails is that statement's error.
 */

import type { ByteWriter } from "../bytes.ts";
import { writeCommandComplete, writeEmptyQueryResponse, writeRowDescription } from "./backend-messages.ts";
import { writeNotices } from "./notices.ts";
import type { SqlConnection, Statement } from "./sql-connection.ts";

const NO_PARAMETERS: readonly never[] = [];
/** All columns as text. */
const TEXT_FORMATS: readonly number[] = [];

/**
 * Runs `text` and writes its replies, ReadyForQuery excepted. When it throws, the replies of the statement that
 * failed have been taken back from `out`.
 */
export function runSimpleQuery(sql: SqlConnection, text: string, out: ByteWriter): void {
  const script = sql.parseScript(text);
  const last = script.length - 1;
  if (last < 0) {
    sql.commitImplicit();
    writeEmptyQueryResponse(out);
    return;
  }
  for (let i = 0; i <= last; i++) {
    const statement = sql.plan(script[i]);
    const mark = out.length;
    try {
      runStatement(sql, statement, i === last, out);
    } catch (error) {
      out.length = mark;
      throw error;
    }
  }
}

function runStatement(sql: SqlConnection, statement: Statement, isLast: boolean, out: ByteWriter): void {
  if (statement.columns !== null) writeRowDescription(out, statement.columns, TEXT_FORMATS);
  const tag = sql.execute(statement, NO_PARAMETERS, TEXT_FORMATS, out);
  if (isLast) sql.commitImplicit();
  writeNotices(sql, out);
  writeCommandComplete(out, tag);
}
