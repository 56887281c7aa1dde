/**
 * Who takes long waits in line. A message is answered as soon as it has come, as long as its client's messages are
 * short, be they many. What takes longer is a debt, which is forgotten with time; a client with too high a debt has its
 * messages answered in the queue of slices, one client after the other. So is the rest of a pipeline that has taken a
 * turn's time, and whatever else comes in a turn of the event loop that somebody has taken long in. So however many
 * clients send what takes long (a statement that must be parsed for long or makes no pauses, a transaction with so much
 * staged that it takes long to apply it again), others wait for one or two such messages, not for one of each.
 */

import { MAX_TIME_DEBT_MS, SHORT_WORK_MS, TIME_DEBT_MEMORY_MS, TURN_SLICES_MS } from "../limits.ts";
import type { FrontendDecoder } from "./frontend-decoder.ts";
import type { SliceQueue, WaitingClient } from "./slice-queue.ts";

/** A text takes about so long to be parsed. */
const BYTES_PER_MS = 1000;
const MAX_EXPECTED_MS = 100;

/** How much the last turn counts in what a client's turns usually take. */
const LAST_TURN_WEIGHT = 0.3;

/** What a millisecond of waiting counts against one that the next turn takes. */
const WAITING_WEIGHT = 0.01;

export class ClientTurns implements WaitingClient {
  /** The client's messages wait for their turn. */
  isAwaited = false;
  private hasTurn = false;
  private debtMs = 0;
  /** When the debt was so high. */
  private atMs = 0;
  private beganMs = 0;
  /** -1: with what comes next. */
  private startedMs = -1;
  private awaitedSinceMs = 0;
  private usualMs = 0;

  constructor(
    private readonly queue: SliceQueue,
    private readonly input: FrontendDecoder,
    private readonly answer: () => void,
  ) {}

  /** More of a message that is there in part is about to be copied: that is work, too. */
  starts(): void {
    this.startedMs = this.queue.nowMs();
  }

  /** Messages may be answered now, if there are any; `isAwaited` tells whether they have to wait instead. */
  begin(hasMessages: boolean): void {
    this.beganMs = this.startedMs < 0 ? this.queue.nowMs() : this.startedMs;
    this.startedMs = -1;
    if (!hasMessages || this.hasTurn) return;
    if (this.queue.turnIsOver || this.debtAt(this.beganMs) > MAX_TIME_DEBT_MS) this.await();
  }

  /** A message was answered; more may be there. */
  answered(): void {
    if (this.queue.nowMs() - this.beganMs > TURN_SLICES_MS) this.await();
  }

  /** All were answered that may be. */
  end(): void {
    const nowMs = this.queue.nowMs();
    const tookMs = nowMs - this.beganMs;
    this.usualMs += (tookMs - this.usualMs) * LAST_TURN_WEIGHT;
    this.queue.answered(this, tookMs);
    if (tookMs < SHORT_WORK_MS) return;
    this.debtMs = this.debtAt(nowMs) + tookMs;
    if (!this.hasTurn) this.queue.tookOutOfTurn(tookMs);
  }

  /** What waits is answered now. */
  take(): void {
    if (!this.isAwaited) return;
    this.isAwaited = false;
    this.hasTurn = true;
    this.answer();
    this.hasTurn = false;
  }

  get expectedMs(): number {
    const bySize = Math.min(MAX_EXPECTED_MS, this.input.waitingBytes / BYTES_PER_MS);
    return Math.max(this.usualMs, bySize);
  }

  rankAt(nowMs: number): number {
    return this.expectedMs - (nowMs - this.awaitedSinceMs) * WAITING_WEIGHT;
  }

  private debtAt(nowMs: number): number {
    if (this.debtMs > 0) this.debtMs *= Math.exp((this.atMs - nowMs) / TIME_DEBT_MEMORY_MS);
    this.atMs = nowMs;
    return this.debtMs;
  }

  private await(): void {
    if (this.isAwaited) return;
    this.isAwaited = true;
    this.awaitedSinceMs = this.queue.nowMs();
    this.queue.addClient(this);
  }
}
