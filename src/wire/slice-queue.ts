/**
 * What takes long takes turns, whoever it belongs to: slices of statements with long results, and the messages of
 * clients that have lately taken much time. In each turn of the event loop only as much of it runs as fits into
 * TURN_SLICES_MS, and then what has come from everybody else is answered first. So however many long statements there
 * are, a short one waits for a slice or two, not for one of each. Slices come in order; of
 * the clients, the one comes first whose turn is likely to be the shortest, so that whoever got in line by the doing of
 * others is not behind all of them.
 */

import { stopwatchMs, type Timers } from "../clock.ts";
import { MAX_REST_MS, REST_SHARE, TURN_SLICES_MS } from "../limits.ts";

/** A client whose messages wait. */
export interface WaitingClient {
  /** What its next turn is likely to take, milliseconds. */
  readonly expectedMs: number;
  /** The one with the lowest has the next turn. */
  rankAt(nowMs: number): number;
  /** Its messages are answered now, as many as fit into a turn. */
  take(): void;
}

export class SliceQueue {
  private waiting: (() => void)[] = [];
  private first = 0;
  private readonly clients: WaitingClient[] = [];
  private isClientNext = false;
  private isScheduled = false;
  /** What messages that did not wait have taken in this turn, of those that took long. */
  private outOfTurnMs = 0;
  /** Until then whoever is likely to take `restsFromMs` or more waits. */
  private restsUntilMs = 0;
  private restsFromMs = 0;
  private restScheduled = false;
  /** The shortest answer since the last rest, and whose it was. */
  private shortestMs = Number.POSITIVE_INFINITY;
  private shortestOf: WaitingClient | null = null;

  constructor(
    private readonly timers: Timers,
    /** Milliseconds since some fixed moment. */
    readonly nowMs: () => number = stopwatchMs,
  ) {}

  /** Runs `slice` once, in its turn. */
  add(slice: () => void): void {
    this.waiting.push(slice);
    this.schedule();
  }

  /** Lets `client` answer its messages once, in its turn. */
  addClient(client: WaitingClient): void {
    this.clients.push(client);
    this.schedule();
  }

  /** Whether this turn of the event loop has lasted so long that what comes next has to wait. */
  get turnIsOver(): boolean {
    return this.outOfTurnMs > TURN_SLICES_MS;
  }

  /** A message that took long was answered as it came. */
  tookOutOfTurn(tookMs: number): void {
    this.outOfTurnMs += tookMs;
    this.schedule();
  }

  /** A client's messages were answered, in its turn or as they came. */
  answered(client: WaitingClient, tookMs: number): void {
    if (tookMs >= this.shortestMs) return;
    this.shortestMs = tookMs;
    this.shortestOf = client;
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.timers.soon(this.run);
  }

  private readonly run = (): void => {
    this.isScheduled = false;
    this.outOfTurnMs = 0;
    if (this.waiting.length > 0 || this.clients.length > 0) this.runTurn();
  };

  private runTurn(): void {
    const endMs = this.nowMs() + TURN_SLICES_MS;
    // What is added meanwhile has its turn in the next one.
    let slices = this.waiting.length - this.first;
    let clients = this.clients.length;
    do {
      const client = clients > 0 && (this.isClientNext || slices === 0) ? this.nextClient() : null;
      this.isClientNext = client === null && clients > 0;
      if (client !== null) {
        clients--;
        this.giveTurn(client);
      } else if (slices > 0) {
        slices--;
        (this.waiting[this.first++] as () => void)();
      } else break;
    } while (slices + clients > 0 && this.nowMs() < endMs);
    this.forgetRun();
    if (this.waiting.length > 0) this.schedule();
    else if (this.clients.length > 0) this.scheduleClients();
  }

  private giveTurn(client: WaitingClient): void {
    const beganMs = this.nowMs();
    client.take();
    const nowMs = this.nowMs();
    const tookMs = nowMs - beganMs;
    if (this.shortestOf === client || this.shortestMs > tookMs / 4) return;
    this.restsUntilMs = nowMs + Math.min(MAX_REST_MS, tookMs * REST_SHARE);
    this.restsFromMs = tookMs / 4;
    this.shortestMs = Number.POSITIVE_INFINITY;
    this.shortestOf = null;
  }

  /** Removes it from those that wait; null: all those have to wait on. */
  private nextClient(): WaitingClient | null {
    const { clients } = this;
    const nowMs = this.nowMs();
    let lowest = -1;
    let lowestRank = Number.POSITIVE_INFINITY;
    for (const [at, client] of clients.entries()) {
      if (nowMs < this.restsUntilMs && client.expectedMs >= this.restsFromMs) continue;
      const rank = client.rankAt(nowMs);
      if (rank >= lowestRank) continue;
      lowest = at;
      lowestRank = rank;
    }
    if (lowest < 0) return null;
    const [client] = clients.splice(lowest, 1);
    return client as WaitingClient;
  }

  private scheduleClients(): void {
    const restMs = this.restsUntilMs - this.nowMs();
    if (restMs <= 0) this.schedule();
    else if (!this.restScheduled) {
      this.restScheduled = true;
      this.timers.after(Math.ceil(restMs), this.endRest);
    }
  }

  private readonly endRest = (): void => {
    this.restScheduled = false;
    this.schedule();
  };

  private forgetRun(): void {
    if (this.first >= this.waiting.length) this.waiting = [];
    else if (this.first > this.waiting.length / 2) this.waiting = this.waiting.slice(this.first);
    else return;
    this.first = 0;
  }
}
