/**
 * What one client has still to be sent: one buffer with two borders in it. Bytes up to `sent` are with the
 * socket; up to `released` they may go there, as the socket takes them; behind that they are held, because they
 * tell of changes that the log has not made durable yet (guarantee 1: no reply before its changes are durable).
 *
 * One wait at a time is enough. While bytes are held more may be written behind them; when the wait ends, what
 * stood in the buffer at its beginning is released, and the rest begins a wait of its own.
 */

import { ByteWriter } from "../bytes.ts";
import type { DurabilityWaiter } from "../sql/database.ts";
import type { Durability } from "./sql-connection.ts";

/** A socket as a session needs it. */
export interface Transport {
  /** Bytes go through TLS. */
  readonly encrypted: boolean;
  /** What comes and goes from now on is TLS. */
  startTls(): void;
  /** Hands over `bytes[start, end)`; returns how many were taken. What was not is offered again once it drains. */
  write(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number;
  pauseReading(): void;
  resumeReading(): void;
  /** Tells the client that nothing more will come; goes on reading, so that it can read what was sent. */
  end(): void;
  /** Cuts the connection. */
  terminate(): void;
}

export interface OutputOwner {
  /** The socket took less than it was offered. */
  outputBlocked(): void;
  /** Less is unsent than before. */
  outputProgressed(): void;
  /** The log failed: what was held has been dropped, and nobody knows whether it is durable. */
  outputFailed(): void;
}

/** A buffer larger than this is given back once it is empty. */
const KEPT_BUFFER_BYTES = 64 * 1024;

export class ClientOutput implements DurabilityWaiter {
  readonly writer = new ByteWriter(1024);
  /** A message is being written: nothing may move in the buffer. The session sets it around each message. */
  busy = false;

  private log: Durability | null = null;
  private sent = 0;
  private released = 0;
  /** Length of what waits for the log; meaningful while `waiting`. */
  private awaitedLength = 0;
  private waiting = false;
  /** What the bytes behind `awaitedLength` wait for. */
  private lastLsn = 0;
  /** The socket took less than it was offered: it will say when it takes more. */
  private blocked = false;
  private failed = false;
  private taken = 0;

  constructor(
    private readonly transport: Transport,
    private readonly owner: OutputOwner,
  ) {}

  /** Tells which log the output depends on, once the client has chosen its database. */
  dependOn(log: Durability): void {
    this.log = log;
  }

  get unsentBytes(): number {
    return this.writer.length - this.sent;
  }

  /** Of the buffer, be it full or not. */
  get heldBytes(): number {
    return this.writer.bytes.length;
  }

  get isBlocked(): boolean {
    return this.blocked;
  }

  /** All that the socket has ever taken. */
  get takenBytes(): number {
    return this.taken;
  }

  /** Sends all that was written, as soon as everything up to `lsn` is durable. */
  submit(lsn: number): void {
    this.lastLsn = lsn;
    this.settle();
  }

  /** The socket takes bytes again. */
  drained(): void {
    this.blocked = false;
    this.flush();
    this.owner.outputProgressed();
  }

  onDurable(failure: Error | null): void {
    if (!this.waiting) return;
    this.waiting = false;
    if (failure === null) this.released = this.awaitedLength;
    else this.failed = true;
    // In the middle of a message nothing may move: the session submits when it has written it.
    if (this.busy) return;
    this.settle();
    this.owner.outputProgressed();
  }

  /** Forgets everything: the client is gone. */
  discard(): void {
    this.waiting = false;
    this.sent = 0;
    this.released = 0;
    this.writer.clear(0);
  }

  private settle(): void {
    if (this.failed) {
      // What comes now is the session's last word, which depends on no change.
      this.failed = false;
      this.log = null;
      this.writer.length = this.released;
      this.owner.outputFailed();
      return;
    }
    if (!this.waiting) this.releaseOrWait();
    this.flush();
  }

  private releaseOrWait(): void {
    const { log } = this;
    if (this.released === this.writer.length) return;
    if (log === null || this.lastLsn <= log.durableLsn) {
      this.released = this.writer.length;
      return;
    }
    this.waiting = true;
    this.awaitedLength = this.writer.length;
    log.whenDurable(this.lastLsn, this);
  }

  private flush(): void {
    const { writer } = this;
    while (!this.blocked && this.sent < this.released) {
      const count = this.transport.write(writer.bytes, this.sent, this.released);
      this.sent += count;
      this.taken += count;
      this.blocked = this.sent < this.released;
      if (this.blocked) this.owner.outputBlocked();
    }
    if (this.sent === 0) return;
    if (this.sent === writer.length) {
      writer.clear(KEPT_BUFFER_BYTES);
      this.sent = 0;
      this.released = 0;
      this.awaitedLength = 0;
    } else if (this.sent > writer.length / 2) {
      this.dropSent();
    }
  }

  /** Moves what is unsent to the front: as fewer bytes move than were sent, a byte moves once on average. */
  private dropSent(): void {
    const { writer, sent } = this;
    writer.bytes.copyWithin(0, sent, writer.length);
    writer.length -= sent;
    this.released -= sent;
    this.awaitedLength -= sent;
    this.sent = 0;
  }
}
