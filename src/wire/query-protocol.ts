/**
 * What a client may send once its session is open: simple and extended queries. A failed extended message makes
 * everything up to the next Sync be skipped; every simple query and every Sync is answered by ReadyForQuery.
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { writeErrorResponse, writeReadyForQuery } from "./backend-messages.ts";
import { ExtendedQuery } from "./extended-query.ts";
import { Frontend } from "./frontend-decoder.ts";
import type { MessageReader } from "./message-reader.ts";
import { writeNotices, writeParameterChanges } from "./notices.ts";
import { runSimpleQuery } from "./simple-query.ts";
import type { SqlConnection } from "./sql-connection.ts";

export interface QueryObserver {
  /** ReadyForQuery is about to be written, outside any transaction: the moment for notifications. */
  beforeIdle(): void;
  /** What was thrown was no DeltatError: a bug. */
  internalError(error: unknown): void;
}

export class QueryProtocol {
  /** An extended query has begun and its Sync has not come. */
  private cycleOpen = false;
  private skipping = false;
  private readonly extended: ExtendedQuery;

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
    private readonly observer: QueryObserver,
  ) {
    this.extended = new ExtendedQuery(sql, out);
  }

  /** Whether nothing is begun: no transaction, implicit or not. */
  get isIdle(): boolean {
    return !this.cycleOpen && this.sql.transactionStatus === "I";
  }

  /** Answers one message; a client's errors become ErrorResponses. */
  handle(type: number, message: MessageReader): void {
    if (type === Frontend.sync) this.sync(message);
    else if (this.skipping) return;
    else if (type === Frontend.query) this.simpleQuery(message);
    else if (type === Frontend.functionCall) this.functionCall();
    else this.extendedMessage(type, message);
  }

  private simpleQuery(message: MessageReader): void {
    this.extended.closeUnnamed();
    try {
      const text = message.cstring();
      message.expectEnd();
      runSimpleQuery(this.sql, text, this.out);
    } catch (error) {
      this.fail(error);
    }
    this.ready();
  }

  private functionCall(): void {
    this.fail(new DeltatError(SqlState.featureNotSupported, "function calls by message are not supported"));
    this.ready();
  }

  private extendedMessage(type: number, message: MessageReader): void {
    if (type !== Frontend.flush) this.cycleOpen = true;
    try {
      this.dispatch(type, message);
    } catch (error) {
      this.skipping = true;
      this.cycleOpen = true;
      this.fail(error);
    }
  }

  private dispatch(type: number, message: MessageReader): void {
    switch (type) {
      case Frontend.parse:
        this.extended.parse(message);
        break;
      case Frontend.bind:
        this.extended.bind(message);
        break;
      case Frontend.describe:
        this.extended.describe(message);
        break;
      case Frontend.execute:
        this.execute(message);
        break;
      case Frontend.close:
        this.extended.close(message);
        break;
      case Frontend.flush:
        // Output leaves at the end of each turn anyway.
        message.expectEnd();
        break;
      default:
        // The rest of a COPY that has failed: to be ignored, as the protocol asks.
        break;
    }
  }

  private execute(message: MessageReader): void {
    const before = this.sql.transactionStatus;
    this.extended.execute(message);
    if (before !== "I" && this.sql.transactionStatus === "I") this.extended.closePortals();
  }

  private sync(message: MessageReader): void {
    try {
      message.expectEnd();
      if (!this.skipping) this.sql.commitImplicit();
    } catch (error) {
      this.fail(error);
    }
    this.ready();
  }

  private ready(): void {
    this.cycleOpen = false;
    this.skipping = false;
    const status = this.sql.transactionStatus;
    if (status === "I") this.extended.closePortals();
    writeNotices(this.sql, this.out);
    writeParameterChanges(this.sql, this.out);
    if (status === "I") this.observer.beforeIdle();
    writeReadyForQuery(this.out, status);
  }

  private fail(error: unknown): void {
    const shown = this.shownError(error);
    this.sql.abort();
    this.extended.closePortals();
    writeNotices(this.sql, this.out);
    writeErrorResponse(this.out, "ERROR", shown.sqlState, shown.message, shown.fields);
  }

  private shownError(error: unknown): DeltatError {
    if (error instanceof DeltatError) return error;
    this.observer.internalError(error);
    return new DeltatError(SqlState.internalError, "internal error");
  }
}
