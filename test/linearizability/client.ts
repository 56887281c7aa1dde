/** One client of a group: makes attempts one after the other and records what it was told, and when. */

import type { ServerProcess } from "../server/harness.ts";
import { errorCode, RawClient, type Reply, serialize, statement } from "../server/raw-client.ts";
import type { Choices } from "./choices.ts";
import type { Attempt, Ending } from "./history.ts";
import type { Action, Outcome } from "./model.ts";
import { type Ids, outcomesOf, sqlOf } from "./statement.ts";

const RACE_LOST = "40001";

/** What is still open when a client's server dies. */
interface OpenAttempt {
  readonly actions: readonly Action[];
  readonly outcomes: readonly Outcome[];
  readonly ending: Ending;
  readonly invokedAt: number;
}

export class Client {
  readonly attempts: Attempt[] = [];
  /** Asked for and never answered: they may happen while the server lives. */
  private readonly unanswered: OpenAttempt[] = [];

  constructor(
    private readonly number: number,
    private readonly choices: Choices,
    private readonly ids: Ids,
    private readonly now: () => number,
  ) {}

  /** Makes attempts until `isOver`, or until the server has gone. */
  async run(server: ServerProcess, isOver: () => boolean, mayAbandon: () => boolean): Promise<void> {
    const dial = (): Promise<RawClient | null> => RawClient.connect(server).catch(() => null);
    let connection = await dial();
    while (connection !== null && !isOver()) {
      const kind = this.choices.random.below(100);
      if (kind === 0 && mayAbandon()) {
        this.abandon(connection);
        connection = await dial();
        continue;
      }
      const isServed =
        kind < 70
          ? await this.together(connection, [this.choices.action()])
          : kind < 85
            ? await this.together(connection, this.several(2 + this.choices.random.below(3)))
            : await this.transaction(connection, this.choices.random.chance(0.6));
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

  private several(count: number, changesOnly = false): Action[] {
    return Array.from({ length: count }, () => this.choices.action(changesOnly));
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
    const message = this.choices.random.chance(0.5)
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
    // A race that was lost says nothing about the statement it fell on.
    const outcomes = outcomesOf(replies, actions, this.ids).filter((outcome) => !isLostRace(outcome));
    if (!isRefused && outcomes.length !== actions.length)
      throw new Error(`${actions.length} statements have ${outcomes.length} answers`);
    this.record(
      {
        actions: actions.slice(0, outcomes.length),
        outcomes,
        ending: isRefused ? "aborted" : "committed",
        invokedAt,
      },
      answeredAt,
    );
    return true;
  }

  /**
   * BEGIN, one statement after the other, COMMIT. What a serializable one has read holds at its commit as well; of one at
   * the default level only what it changed does, so it only changes single rows, and what found nothing to change is not
   * looked at.
   */
  private async transaction(connection: RawClient, isSerializable: boolean): Promise<boolean> {
    const invokedAt = this.now();
    const begun = await connection.query(
      isSerializable ? "BEGIN ISOLATION LEVEL SERIALIZABLE" : "BEGIN ISOLATION LEVEL READ COMMITTED",
    );
    if (!isComplete(begun)) return false;
    const actions: Action[] = [];
    const outcomes: Outcome[] = [];
    let answeredAt = invokedAt;
    for (const action of this.several(1 + this.choices.random.below(3), !isSerializable)) {
      if (action.kind === "clear" && !isSerializable) continue;
      const replies = await connection.query(this.sql(action));
      const [outcome] = outcomesOf(replies, [action], this.ids);
      if (!isComplete(replies) || outcome === undefined) {
        this.record({ actions, outcomes, ending: "aborted", invokedAt }, answeredAt);
        return false;
      }
      const isLooked = isSerializable || outcome.kind !== "done" || outcome.count > 0;
      if (!isLostRace(outcome) && isLooked) {
        actions.push(action);
        outcomes.push(outcome);
        answeredAt = this.now();
      }
      if (outcome.kind !== "refused") continue;
      this.record({ actions, outcomes, ending: "aborted", invokedAt }, answeredAt);
      return isComplete(await connection.query("ROLLBACK"));
    }
    return await this.commit(connection, { actions, outcomes, ending: "committed", invokedAt }, answeredAt);
  }

  private async commit(connection: RawClient, attempt: OpenAttempt, lastAnswerAt: number): Promise<boolean> {
    const isRollback = this.choices.random.chance(0.1);
    const replies = await connection.query(isRollback ? "ROLLBACK" : "COMMIT");
    const code = errorCode(replies);
    if (code !== null && code !== RACE_LOST) throw new Error(`COMMIT was refused with ${code}`);
    if (isRollback || code === RACE_LOST) this.record({ ...attempt, ending: "aborted" }, lastAnswerAt);
    else if (isComplete(replies)) this.record(attempt, this.now());
    else this.unanswered.push({ ...attempt, ending: "unknown" });
    return isComplete(replies);
  }
}

function isLostRace(outcome: Outcome): boolean {
  return outcome.kind === "refused" && outcome.code === RACE_LOST;
}

function isComplete(replies: readonly Reply[]): boolean {
  return replies.at(-1)?.name === "readyForQuery";
}
