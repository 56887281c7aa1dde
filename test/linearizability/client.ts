/** One client of a group: makes attempts one after the other and records what it was told, and when. */

import type { ServerProcess } from "../server/harness.ts";
import { errorCode, RawClient, type Reply, serialize, statement } from "../server/raw-client.ts";
import type { Choices } from "./choices.ts";
import type { Attempt, Ending } from "./history.ts";
import type { Action, Outcome } from "./model.ts";
import { type Ids, lockOf, outcomesOf, sqlOf } from "./statement.ts";

const LONGEST_TRANSACTION_MS = 2000;

const RACE_LOST = "40001";

/** What is still open when a client's server dies. */
interface OpenAttempt {
  readonly actions: readonly Action[];
  readonly outcomes: readonly Outcome[];
  readonly ending: Ending;
  readonly invokedAt: number;
}

/**
 * The transactions of a serializable client, also those that do not say so, read what holds at their commit. At the default
 * level each statement sees what is committed when it runs: there only what changed single rows says something about the
 * commit, so a transaction of several statements does nothing else, and what found nothing to change is not looked at. One
 * that has locked all resources FOR UPDATE reads what holds at its commit at any level.
 */
export class Client {
  readonly attempts: Attempt[] = [];
  /** Asked for and never answered: they may happen while the server lives. */
  private readonly unanswered: OpenAttempt[] = [];

  constructor(
    private readonly number: number,
    private readonly isSerializable: boolean,
    private readonly choices: Choices,
    private readonly ids: Ids,
    private readonly now: () => number,
  ) {}

  /** Makes attempts until `isOver`, or until the server has gone. */
  async run(server: ServerProcess, isOver: () => boolean, mayAbandon: () => boolean): Promise<void> {
    let connection = await this.dial(server);
    while (connection !== null && !isOver()) {
      const kind = this.choices.random.below(100);
      if (kind === 0 && mayAbandon()) {
        this.abandon(connection);
        connection = await this.dial(server);
        continue;
      }
      const isServed =
        kind < 70
          ? await this.together(connection, [this.choices.action()])
          : kind < 85
            ? await this.together(
                connection,
                this.several(2 + this.choices.random.below(3), this.isSerializable),
              )
            : await this.transaction(connection);
      if (!isServed) return;
    }
    await connection?.end();
  }

  /** All that was recorded; what was never answered can have happened until `deadAt`. Begins anew. */
  take(deadAt: number): Attempt[] {
    const open = this.unanswered.map((attempt) => ({
      ...attempt,
      client: this.number,
      answeredAt: deadAt,
    }));
    this.unanswered.length = 0;
    return [...this.attempts.splice(0), ...open];
  }

  private async dial(server: ServerProcess): Promise<RawClient | null> {
    const connection = await RawClient.connect(server).catch(() => null);
    const level = this.isSerializable ? "serializable" : "read committed";
    const replies = await connection?.query(`SET default_transaction_isolation = '${level}'`);
    return replies !== undefined && isComplete(replies) ? connection : null;
  }

  private several(count: number, readsHold: boolean): Action[] {
    const actions = Array.from({ length: count }, () => this.outlasting(this.choices.action(!readsHold)));
    return readsHold ? actions : actions.filter(({ kind }) => kind !== "clear");
  }

  /**
   * Time goes on within a transaction: what it read before a hold of its own has expired, and what it did thereafter, hold
   * at no one moment. So its holds live for longer than it does.
   */
  private outlasting(action: Action): Action {
    const expires = "expiresAt" in action && action.expiresAt > this.now();
    return expires ? { ...action, expiresAt: action.expiresAt + LONGEST_TRANSACTION_MS } : action;
  }

  /** What an attempt says: its actions with their outcomes, but for what does not hold at its commit. */
  private tellsOf(
    actions: readonly Action[],
    outcomes: readonly Outcome[],
    readsHold: boolean,
  ): { readonly actions: readonly Action[]; readonly outcomes: readonly Outcome[] } {
    const isLooked = outcomes.map(
      (outcome) =>
        !isLostRace(outcome) &&
        (readsHold || actions.length === 1 || outcome.kind !== "done" || outcome.count > 0),
    );
    return {
      actions: actions.filter((_, n) => isLooked[n] === true),
      outcomes: outcomes.filter((_, n) => isLooked[n] === true),
    };
  }

  private sql(action: Action): string {
    return sqlOf(action, this.ids, this.choices.resources);
  }

  /** Sends a change and goes without waiting for the answer. */
  private abandon(connection: RawClient): void {
    const action = this.choices.action(true);
    this.unanswered.push({ actions: [action], outcomes: [], ending: "unknown", invokedAt: this.now() });
    connection.send(serialize.query(this.sql(action)));
    connection.destroy();
  }

  private record(attempt: OpenAttempt, answeredAt: number): void {
    if (attempt.actions.length > 0) this.attempts.push({ ...attempt, client: this.number, answeredAt });
  }

  /** Actions that are one transaction without saying so: one text, or one pipeline. Returns whether the server is there. */
  private async together(connection: RawClient, actions: readonly Action[]): Promise<boolean> {
    const texts = actions.map((action) => this.sql(action));
    // A pipeline commits at its Sync, a message of its own: a busy server may serve others between that and the statement,
    // and at READ COMMITTED what they book meanwhile is not among the rows that a DELETE of many has found.
    const hasPhantoms = !this.isSerializable && actions.some(({ kind }) => kind === "clear");
    const isText = this.choices.random.chance(0.5);
    const message =
      isText || hasPhantoms
        ? serialize.query(texts.join("; "))
        : Buffer.concat([...texts.map((text) => statement(text)), serialize.sync()]);
    const invokedAt = this.now();
    connection.send(message);
    const replies = await connection.cycle();
    const answeredAt = this.now();
    if (!isComplete(replies)) {
      this.unanswered.push({ actions, outcomes: [], ending: "unknown", invokedAt });
      return false;
    }
    const isRefused = errorCode(replies) !== null;
    const outcomes = outcomesOf(replies, actions, this.ids);
    if (!isRefused && outcomes.length !== actions.length)
      throw new Error(`${actions.length} statements have ${outcomes.length} answers`);
    const ending = isRefused ? "aborted" : "committed";
    this.record({ ...this.tellsOf(actions, outcomes, this.isSerializable), ending, invokedAt }, answeredAt);
    return true;
  }

  /** BEGIN, perhaps a lock, one statement after the other, COMMIT. */
  private async transaction(connection: RawClient): Promise<boolean> {
    const { random, resources } = this.choices;
    const isLocking = random.chance(0.3);
    const readsHold = this.isSerializable || isLocking;
    const invokedAt = this.now();
    if (!isComplete(await connection.query("BEGIN"))) return false;
    if (isLocking) {
      const replies = await connection.query(lockOf(this.ids, resources));
      if (errorCode(replies) !== null) throw new Error(`the lock was refused with ${errorCode(replies)}`);
      if (!isComplete(replies)) return false;
    }
    const actions = this.several(1 + random.below(3), readsHold);
    const outcomes: Outcome[] = [];
    let answeredAt = invokedAt;
    const attempt = (ending: Ending): OpenAttempt => ({
      ...this.tellsOf(actions, outcomes, readsHold),
      ending,
      invokedAt,
    });
    for (const action of actions) {
      const replies = await connection.query(this.sql(action));
      const [outcome] = outcomesOf(replies, [action], this.ids);
      if (outcome !== undefined && isComplete(replies)) outcomes.push(outcome);
      if (outcome?.kind === "done" || outcome?.kind === "rows") {
        answeredAt = this.now();
        continue;
      }
      // A race that was lost says nothing of the moment at which it was.
      if (outcome !== undefined && !isLostRace(outcome)) answeredAt = this.now();
      this.record(attempt("aborted"), answeredAt);
      return isComplete(replies) && isComplete(await connection.query("ROLLBACK"));
    }
    return await this.commit(connection, attempt, answeredAt);
  }

  private async commit(
    connection: RawClient,
    attempt: (ending: Ending) => OpenAttempt,
    lastAnswerAt: number,
  ): Promise<boolean> {
    const isRollback = this.choices.random.chance(0.1);
    const replies = await connection.query(isRollback ? "ROLLBACK" : "COMMIT");
    const code = errorCode(replies);
    if (code !== null && code !== RACE_LOST) throw new Error(`COMMIT was refused with ${code}`);
    if (isRollback || code === RACE_LOST) this.record(attempt("aborted"), lastAnswerAt);
    else if (isComplete(replies)) this.record(attempt("committed"), this.now());
    else this.unanswered.push(attempt("unknown"));
    return isComplete(replies);
  }
}

function isLostRace(outcome: Outcome): boolean {
  return outcome.kind === "refused" && outcome.code === RACE_LOST;
}

function isComplete(replies: readonly Reply[]): boolean {
  return replies.at(-1)?.name === "readyForQuery";
}
