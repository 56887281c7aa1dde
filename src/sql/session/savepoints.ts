/**
 * The savepoints of one transaction: under each name, how far everything that a transaction stages had got. Of
 * several with one name the latest counts, as in PostgreSQL.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_SAVEPOINTS } from "../../limits.ts";

interface Savepoint<State> {
  readonly name: string;
  readonly state: State;
}

export class Savepoints<State> {
  private readonly open: Savepoint<State>[] = [];

  get isEmpty(): boolean {
    return this.open.length === 0;
  }

  /** What the innermost savepoint remembers, if there is one. */
  get innermost(): State | undefined {
    return this.open.at(-1)?.state;
  }

  /** Throws 54000 past MAX_SAVEPOINTS. */
  set(name: string, state: State): void {
    if (this.open.length >= MAX_SAVEPOINTS) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: savepoints of one transaction (at most ${MAX_SAVEPOINTS})`,
      );
    }
    this.open.push({ name, state });
  }

  /** Forgets a savepoint and those set after it. Throws 3B001. */
  release(name: string): void {
    this.open.length = this.find(name);
  }

  /** What the savepoint remembers; it stays, those set after it go. Throws 3B001. */
  returnTo(name: string): State {
    const at = this.find(name);
    this.open.length = at + 1;
    return (this.open[at] as Savepoint<State>).state;
  }

  clear(): void {
    // At the end of every transaction, most of which set none.
    if (this.open.length > 0) this.open.length = 0;
  }

  private find(name: string): number {
    const at = this.open.findLastIndex((savepoint) => savepoint.name === name);
    if (at >= 0) return at;
    throw new DeltatError(SqlState.invalidSavepointSpecification, `savepoint "${name}" does not exist`);
  }
}
