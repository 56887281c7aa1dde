/**
 * What a client may send once its session is open: simple and extended queries. A failed extended message makes
 * everything up to the next Sync be skipped; every simple query and every Sync is answered by ReadyForQuery. A
 * message with a long result is answered in slices: while it is paused no other message may be handled, and it
 * can be interrupted.
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { writeErrorResponse, writeReadyForQuery } from "./backend-messages.ts";
import { ExtendedQuery } from "./extended-query.ts";
import { Frontend } from "./frontend-decoder.ts";
import { type MessageReader, protocolViolation } from "./message-reader.ts";
import { writeNotices, writeParameterChanges } from "./notices.ts";
import { shownError } from "./session-errors.ts";
import { SimpleQuery } from "./simple-query.ts";
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
  private readonly simple: SimpleQuery;
  private readonly extended: ExtendedQuery;
  private paused: SimpleQuery | ExtendedQuery | null = null;
  /** Whose COPY FROM waits for its data: no message but those of COPY may come. */
  private copying: SimpleQuery | ExtendedQuery | null = null;

  constructor(
    private readonly sql: SqlConnection,
    private readonly out: ByteWriter,
    private readonly observer: QueryObserver,
  ) {
    this.simple = new SimpleQuery(sql, out);
    this.extended = new ExtendedQuery(sql, out);
  }

  /** Whether nothing is begun: no transaction, implicit or not. */
  get isIdle(): boolean {
    return this.isWaiting && this.sql.transactionStatus === "I";
  }

  /** Whether the client was told that it may send a query, and has sent none. */
  get isWaiting(): boolean {
    return !this.cycleOpen && this.paused === null && this.copying === null;
  }

  /** Whether a COPY FROM waits for its data. */
  get isCopying(): boolean {
    return this.copying !== null;
  }

  /** Whether a message is answered in part: `resume` goes on with it. */
  get isPaused(): boolean {
    return this.paused !== null;
  }

  /** What the paused statement waits for; undefined: its turn. */
  get waitsFor(): Promise<void> | undefined {
    return this.paused?.waitsFor;
  }

  /** Writes one more slice of what has paused. */
  resume(): void {
    const { paused } = this;
    if (paused === null) return;
    this.sql.resumes();
    try {
      if (!paused.resume()) {
        this.hold(paused);
        return;
      }
      this.paused = null;
    } catch (error) {
      this.interrupt(error);
      return;
    }
    if (paused === this.simple) this.ready();
  }

  /** What has paused, or waits for data, fails with this error, as if it had come upon it itself. */
  interrupt(error: unknown): void {
    const held = this.paused ?? this.copying;
    if (held === null) return;
    this.paused = null;
    this.copying = null;
    if (held === this.simple) this.simple.close();
    else this.extended.interrupt();
    if (held !== this.simple) this.skipping = true;
    this.fail(error);
    if (held === this.simple) this.ready();
  }

  /** `by` has not come to its end: it has paused, or waits for data. */
  private hold(by: SimpleQuery | ExtendedQuery): void {
    const isCopying = by.copyIn !== null;
    this.copying = isCopying ? by : null;
    this.paused = isCopying ? null : by;
  }

  /** Answers one message; a client's errors become ErrorResponses. */
  handle(type: number, message: MessageReader): void {
    if (this.copying !== null) this.copyMessage(this.copying, type, message);
    else if (type === Frontend.sync) this.sync(message);
    else if (this.skipping) return;
    else if (type === Frontend.query) this.simpleQuery(message);
    else if (type === Frontend.functionCall) this.functionCall();
    else if (isOfCopy(type)) return;
    else this.extendedMessage(type, message);
  }

  /** A message while a COPY FROM waits for its data. */
  private copyMessage(by: SimpleQuery | ExtendedQuery, type: number, message: MessageReader): void {
    try {
      if (type === Frontend.copyData) by.copyIn?.receive(message.raw(message.remaining));
      else if (type === Frontend.copyDone) this.finishCopy(by);
      else if (type === Frontend.copyFail) throw copyFailed(message.cstring());
      // A client that sent Execute and Sync together will send another Sync.
      else if (type !== Frontend.sync && type !== Frontend.flush) throw unexpectedMessage(type);
    } catch (error) {
      this.copying = by;
      this.interrupt(error);
    }
  }

  private finishCopy(by: SimpleQuery | ExtendedQuery): void {
    const isDone = by.finishCopy();
    this.copying = null;
    if (!isDone) this.hold(by);
    else if (by === this.simple) this.ready();
  }

  private simpleQuery(message: MessageReader): void {
    this.extended.closeUnnamed();
    try {
      if (!this.simple.start(message)) {
        this.hold(this.simple);
        return;
      }
    } catch (error) {
      this.simple.close();
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
      this.extended.interrupt();
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
        if (!this.extended.execute(message)) this.hold(this.extended);
        break;
      case Frontend.close:
        this.extended.close(message);
        break;
      case Frontend.flush:
        // Output leaves at the end of each turn anyway.
        message.expectEnd();
        break;
    }
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
    writeNotices(this.sql, this.out);
    writeParameterChanges(this.sql, this.out);
    if (status === "I") this.observer.beforeIdle();
    writeReadyForQuery(this.out, status);
  }

  private fail(error: unknown): void {
    const shown = shownError(error, this.observer.internalError);
    this.sql.abort(error);
    writeNotices(this.sql, this.out);
    writeErrorResponse(this.out, "ERROR", shown.sqlState, shown.message, shown.fields);
  }
}

/** Outside of COPY such a message is the rest of one that has failed: to be ignored, as the protocol asks. */
function isOfCopy(type: number): boolean {
  return type === Frontend.copyData || type === Frontend.copyDone || type === Frontend.copyFail;
}

function copyFailed(reason: string): DeltatError {
  return new DeltatError(SqlState.queryCanceled, `COPY from stdin failed: ${reason}`);
}

function unexpectedMessage(type: number): DeltatError {
  const code = type.toString(16).toUpperCase().padStart(2, "0");
  return protocolViolation(`unexpected message type 0x${code} during COPY from stdin`);
}
