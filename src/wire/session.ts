/**
 * One client, from its first byte to its last: start-up, authentication, queries, and the way out. Bytes come
 * in by `receive`, all that is whole is answered at once, and the answers leave at the end of the turn through
 * ClientOutput, which holds back what the log has not made durable. Messages stay in the decoder, and the socket
 * is not read, while the client owes it to itself to read what it was sent. A statement with a long result gives
 * other clients their turn between slices of it; its own client's further messages wait for its end.
 */

import type { DeltatError } from "../errors.ts";
import {
  AUTHENTICATION_TIMEOUT_SECONDS,
  CLOSE_LINGER_SECONDS,
  MAX_WAITING_INPUT_BYTES,
  NOTIFICATION_OUTPUT_BYTES,
  OUTPUT_HIGH_WATER_BYTES,
  WRITE_THROUGH_BYTES,
} from "../limits.ts";
import type { Listener } from "../sql/database.ts";
import { statementTimedOut } from "../sql/session/session-state.ts";
import { Admission } from "./admission.ts";
import { writeAuthenticationOk, writeErrorResponse } from "./backend-messages.ts";
import { BufferAccount } from "./client-memory.ts";
import { ClientTurns } from "./client-turns.ts";
import { Frontend, FrontendDecoder } from "./frontend-decoder.ts";
import { writeGreeting } from "./greeting.ts";
import { NotificationQueue } from "./notification-queue.ts";
import { ClientOutput, type OutputOwner, type Transport } from "./output.ts";
import { QueryProtocol } from "./query-protocol.ts";
import {
  authenticationTimedOut,
  canceledByUser,
  gaveWay,
  holdsTooMuch,
  idledTooLong,
  outcomeUnknown,
  readsNothing,
  serverStopped,
  serverStops,
  shownError,
  slowListener,
} from "./session-errors.ts";
import type { HostedSession, SessionHost } from "./session-host.ts";
import { SessionTimeouts } from "./session-timeouts.ts";
import type { SqlConnection } from "./sql-connection.ts";
import { StallWatch } from "./stall-watch.ts";
import type { SessionRequest } from "./startup.ts";

type Phase = "startup" | "authentication" | "ready" | "closing" | "closed";

export class ClientSession implements Listener, OutputOwner, HostedSession {
  private phase: Phase = "startup";
  private readonly decoder = new FrontendDecoder();
  private readonly output: ClientOutput;
  private readonly notifications: NotificationQueue;
  private readonly admission: Admission;
  private sql: SqlConnection | null = null;
  private queries: QueryProtocol | null = null;
  private lastLsn = 0;
  private processing = false;
  /** The client has too much to read: its messages wait. */
  private outputFull = false;
  private stopping = false;
  /** The client has been sent everything, and that it was the end. */
  private ended = false;
  private flushScheduled = false;
  private sliceScheduled = false;
  private readingPaused = false;
  private readonly timeouts: SessionTimeouts;
  private readonly stall: StallWatch;
  private readonly buffers: BufferAccount;
  private readonly turns: ClientTurns;
  private cancelDeadline: () => void;

  constructor(
    private readonly host: SessionHost,
    private readonly transport: Transport,
    readonly processId: number,
    readonly secret: number,
  ) {
    this.output = new ClientOutput(transport, this);
    this.admission = new Admission(host.access, transport, this.output, this.decoder);
    this.notifications = new NotificationQueue(this.output, host.memory.payloads);
    this.buffers = new BufferAccount(host.memory, this.output, this.decoder, this.notifications, this.shed);
    this.turns = new ClientTurns(host.slices, this.decoder, () => this.process());
    this.stall = new StallWatch(host.timers, this.output, () => this.endWith(readsNothing()));
    this.timeouts = new SessionTimeouts(host.timers, {
      statementTimedOut: () => this.interruptStatement(statementTimedOut()),
      idledTooLong: (inTransaction) => this.endWith(idledTooLong(inTransaction)),
    });
    const patienceMs = AUTHENTICATION_TIMEOUT_SECONDS * 1000;
    this.cancelDeadline = host.timers.after(patienceMs, () => this.endWith(authenticationTimedOut()));
  }

  /** Bytes have come. `chunk` is not used after the call. */
  receive(chunk: Uint8Array): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    if (this.decoder.hasInput) this.turns.starts();
    this.decoder.push(chunk);
    this.process();
  }

  /** The socket takes bytes again. */
  drained(): void {
    if (this.phase !== "closed") this.output.drained();
  }

  /** The connection is gone. */
  connectionClosed(): void {
    if (this.phase === "closed") return;
    this.phase = "closed";
    this.cancelDeadline();
    this.timeouts.cancel();
    this.closeSql();
    this.stall.stop();
    this.output.discard();
    this.decoder.discard();
    this.notifications.clear();
    this.buffers.recount();
    this.host.closed(this);
  }

  /** The server stops: ends the session as soon as nothing of it is in flight. */
  requestStop(): void {
    if (this.phase === "ready") {
      this.stopping = true;
      this.endTurn();
    } else {
      this.endWith(serverStopped());
    }
  }

  /** A newcomer gets this client's socket. */
  giveWay(): void {
    this.endWith(gaveWay());
    this.cut();
  }

  /** Cuts the connection. */
  cut(): void {
    this.transport.terminate();
  }

  /** Another session has ended this one. */
  disconnect(error: DeltatError): void {
    this.endWith(error);
  }

  /**
   * A cancel request has named this session. Whatever is not paused runs to its end within one turn anyway; what waits for
   * its turn is begun, as if it had not had to.
   */
  cancelStatement(): void {
    if (this.queries?.isCopying === false) this.turns.take();
    this.interruptStatement(canceledByUser());
  }

  private interruptStatement(error: DeltatError): void {
    const { queries } = this;
    if (queries === null || !(queries.isPaused || queries.isCopying)) return;
    queries.interrupt(error);
    this.timeouts.statementEnds();
    this.process();
  }

  notify(channel: string, payload: string, processId = this.processId): void {
    if (this.phase !== "ready" || this.notifications.isOverfull) return;
    this.notifications.add(processId, channel, payload);
    // Within a message they only wait; the end of the turn sees to them.
    if (this.processing || this.flushScheduled) return;
    this.flushScheduled = true;
    queueMicrotask(this.flushNotifications);
  }

  /** What one commit tells a listener leaves in one write. */
  private readonly flushNotifications = (): void => {
    this.flushScheduled = false;
    this.endTurn();
  };

  /** All clients hold too much, and this one the most. */
  private readonly shed = (): void => {
    this.endWith(holdsTooMuch(this.buffers.bufferedBytes));
    this.cut();
    this.connectionClosed();
  };

  outputBlocked(): void {
    if (this.phase === "ready") this.stall.watch();
  }

  outputProgressed(): void {
    if (this.outputFull && this.output.unsentBytes < OUTPUT_HIGH_WATER_BYTES / 2) {
      this.outputFull = false;
      this.process();
    } else if (this.notifications.isEmpty) {
      this.endIfSent();
    } else {
      this.endTurn();
    }
  }

  outputFailed(): void {
    const error = outcomeUnknown();
    // A session on its way out has lost its last words with the rest.
    if (this.phase === "closing") this.writeFatal(error);
    else this.fatal(error);
    this.endTurn();
  }

  private process(): void {
    if (this.processing) return;
    this.processing = true;
    this.turns.begin(this.decoder.hasInput && this.mayProcess());
    try {
      while (this.mayProcess() && this.decoder.next()) {
        this.output.busy = true;
        this.handleMessage();
        this.output.busy = false;
        if (this.mayWaitNow()) this.turns.answered();
        if (this.output.unsentBytes >= WRITE_THROUGH_BYTES) this.relieveOutput();
      }
      if (this.queries?.isPaused === true) this.scheduleSlice();
      else if (this.sql !== null)
        this.timeouts.copyWaits(this.queries?.isCopying === true, this.sql.statementDeadlineMs);
    } catch (error) {
      this.fatal(shownError(error, (bug) => this.host.internalError(bug)));
    }
    this.output.busy = false;
    this.processing = false;
    this.turns.end();
    this.decoder.keep();
    this.endTurn();
  }

  /**
   * Whether others may have their turn before what else has come. A statement and the Sync that commits it are not taken
   * apart: what others commit meanwhile would make a collision of a statement by itself a lost race, 40001.
   */
  private mayWaitNow(): boolean {
    const { type, nextType } = this.decoder;
    if (nextType === Frontend.close) return type !== Frontend.execute;
    if (nextType === Frontend.sync) return this.queries?.isIdle !== false;
    return nextType !== 0;
  }

  private mayProcess(): boolean {
    return (
      !this.outputFull &&
      !this.turns.isAwaited &&
      this.phase !== "closing" &&
      this.phase !== "closed" &&
      this.queries?.isPaused !== true
    );
  }

  /** The next slice of the statement that has paused comes when others had their turn, or its client has read. */
  private scheduleSlice(): void {
    if (this.sql !== null) this.timeouts.statementRuns(this.sql.statementDeadlineMs);
    if (this.sliceScheduled || this.outputFull) return;
    this.sliceScheduled = true;
    const waitsFor = this.queries?.waitsFor;
    if (waitsFor === undefined) this.host.slices.add(this.continueStatement);
    else void waitsFor.then(this.continueStatement);
  }

  private readonly continueStatement = (): void => {
    this.sliceScheduled = false;
    const { queries } = this;
    if (queries === null || this.outputFull || !queries.isPaused) return;
    this.output.busy = true;
    queries.resume();
    this.output.busy = false;
    if (!queries.isPaused) this.timeouts.statementEnds();
    if (this.output.unsentBytes >= WRITE_THROUGH_BYTES) this.relieveOutput();
    this.process();
  };

  /** More input is read unless its client has too much to read, or too many messages wait. */
  private settleReading(): void {
    const isWaiting = this.turns.isAwaited || this.queries?.isPaused === true;
    const hasTooMuch = isWaiting && this.decoder.waitingBytes > MAX_WAITING_INPUT_BYTES;
    const mustWait = this.outputFull || hasTooMuch;
    if (mustWait === this.readingPaused) return;
    this.readingPaused = mustWait;
    if (mustWait) this.transport.pauseReading();
    else this.transport.resumeReading();
  }

  private relieveOutput(): void {
    this.output.submit(this.dependsOnLsn());
    if (this.output.unsentBytes < OUTPUT_HIGH_WATER_BYTES) return;
    this.outputFull = true;
  }

  private handleMessage(): void {
    const { type } = this.decoder;
    if (this.phase === "startup") this.handleStartupPacket();
    else if (type === Frontend.terminate) this.close();
    else if (this.phase === "authentication") this.handleAuthentication();
    else this.queries?.handle(type, this.decoder.message);
  }

  private handleStartupPacket(): void {
    const step = this.admission.start(() => this.host.expectPlace());
    if (step === "authentication") {
      this.phase = "authentication";
      this.decoder.mode = "authentication";
    } else if (step !== "startup") {
      this.host.cancel(step.processId, step.secret);
      this.close();
    }
  }

  private handleAuthentication(): void {
    const request = this.admission.prove();
    if (request === null) return;
    this.host.admit(this);
    this.open(request);
    this.cancelDeadline();
    this.phase = "ready";
    this.decoder.mode = "ready";
  }

  private open(request: SessionRequest): void {
    const out = this.output.writer;
    writeAuthenticationOk(out);
    const database = this.host.findDatabase(request.database);
    this.output.dependOn(database.log);
    const client = { user: request.user, processId: this.processId, startupOptions: request.options };
    this.sql = database.connect(client, this);
    this.queries = new QueryProtocol(this.sql, out, {
      beforeIdle: () => this.notifications.deliver(OUTPUT_HIGH_WATER_BYTES),
      internalError: (error) => this.host.internalError(error),
    });
    writeGreeting(this.sql, this.processId, this.secret, out);
  }

  /** All that can be done now is done: what was written may go, and the session may be over. */
  private endTurn(): void {
    if (this.processing || this.phase === "closed") return;
    if (this.phase === "ready") this.settleReady();
    this.settleReading();
    this.output.submit(this.dependsOnLsn());
    this.buffers.recount();
    this.endIfSent();
  }

  private settleReady(): void {
    const { sql, queries } = this;
    if (sql === null || queries === null) return;
    const isWaiting = queries.isWaiting;
    if (this.notifications.isOverfull) this.fatal(slowListener());
    else if (!this.notifications.isEmpty && queries.isIdle) this.deliverNotifications();
    if (this.stopping && isWaiting && !this.decoder.hasInput) this.fatal(serverStops());
    if (this.phase !== "ready") return;
    const idleMs = isWaiting && !this.turns.isAwaited ? sql.idleTimeoutMs : 0;
    if (idleMs > 0 || this.timeouts.isIdling) this.timeouts.idle(idleMs, sql.transactionStatus !== "I");
  }

  /** As many as the client reads; the others stay where they are shared. */
  private deliverNotifications(): void {
    while (this.notifications.deliver(NOTIFICATION_OUTPUT_BYTES)) this.output.submit(this.dependsOnLsn());
  }

  private endWith(error: DeltatError): void {
    this.fatal(error);
    this.endTurn();
  }

  private dependsOnLsn(): number {
    if (this.sql !== null) this.lastLsn = this.sql.dependsOnLsn;
    return this.lastLsn;
  }

  private fatal(error: DeltatError): void {
    if (this.phase === "closing" || this.phase === "closed") return;
    this.writeFatal(error);
    this.close();
  }

  private writeFatal(error: DeltatError): void {
    writeErrorResponse(this.output.writer, "FATAL", error.sqlState, error.message, error.fields);
  }

  /** Nothing more is read; what was written is sent, and then the connection ends. */
  private close(): void {
    this.phase = "closing";
    this.timeouts.cancel();
    this.stall.stop();
    this.closeSql();
    this.notifications.clear();
    this.linger(this.output.unsentBytes);
    this.outputFull = false;
  }

  /** Cuts the connection once a while has passed in which the client read nothing. */
  private linger(unsentBytes: number): void {
    this.cancelDeadline();
    this.cancelDeadline = this.host.timers.after(CLOSE_LINGER_SECONDS * 1000, () => {
      if (this.output.unsentBytes < unsentBytes) this.linger(this.output.unsentBytes);
      else this.cut();
    });
  }

  private endIfSent(): void {
    if (this.phase !== "closing" || this.ended || this.output.unsentBytes > 0) return;
    this.ended = true;
    this.transport.end();
    this.linger(0);
    this.host.ended(this);
  }

  private closeSql(): void {
    if (this.sql === null) return;
    this.dependsOnLsn();
    const { sql } = this;
    this.sql = null;
    this.queries = null;
    try {
      sql.close();
    } catch (error) {
      this.host.internalError(error);
    }
  }
}
