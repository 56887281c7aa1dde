/**
 * Portals: statements with their parameters, ready to give rows. Bind makes them and so does DECLARE CURSOR, in
 * one namespace: Execute takes rows of a cursor, FETCH those of a portal that Execute has begun.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_PREPARED_PER_CONNECTION } from "../../limits.ts";
import type { Statement } from "../planned-statement.ts";
import type { RowStream } from "../rows/row-stream.ts";
import type { Value } from "../values/value.ts";

export class Portal {
  /** ready: not run yet. open: it has rows in `stream`. done: nothing is left of it. */
  state: "ready" | "open" | "done" = "ready";
  stream: RowStream | null = null;
  /** Once it is done: the tag of a further Execute. */
  tag = "";
  /** Rows taken so far. */
  position = 0;
  /** How many portals its session had ever added when it was. */
  addedAt = 0;

  /**
   * @param formats one per column, or empty: all are text
   * @param isHeld it stays when its transaction commits
   */
  constructor(
    readonly statement: Statement,
    readonly parameters: readonly Value[],
    readonly formats: readonly number[],
    public isHeld = false,
  ) {}

  open(stream: RowStream): RowStream {
    this.stream = stream;
    this.state = "open";
    return stream;
  }

  finish(tag: string): void {
    this.tag = tag;
    this.state = "done";
    this.close();
  }

  close(): void {
    this.stream?.close();
    this.stream = null;
  }
}

/** The portals of one session. */
export class PortalTable {
  private readonly named = new Map<string, Portal>();
  /** The one without a name, which most clients use for everything. */
  private unnamed: Portal | null = null;
  /** How many have ever been added. */
  private added = 0;
  /** Held cursors that the open transaction has made: they go if it fails. */
  private newlyHeld: string[] = [];

  /** To be given to `rollbackTo`. */
  get mark(): number {
    return this.added;
  }

  find(name: string): Portal | undefined {
    return name === "" ? (this.unnamed ?? undefined) : this.named.get(name);
  }

  /** Throws 42P03 if the name is taken, 54000 if there are too many. A new unnamed portal replaces the old one. */
  add(name: string, portal: Portal): void {
    if (name === "") this.close(name);
    else if (this.named.has(name)) {
      throw new DeltatError(SqlState.duplicateCursor, `cursor "${name}" already exists`);
    }
    const count = this.named.size + (this.unnamed === null ? 0 : 1);
    if (count >= MAX_PREPARED_PER_CONNECTION) {
      throw new DeltatError(
        SqlState.programLimitExceeded,
        `limit exceeded: portals of one connection, at most ${MAX_PREPARED_PER_CONNECTION} are kept`,
      );
    }
    portal.addedAt = ++this.added;
    if (name === "") this.unnamed = portal;
    else this.named.set(name, portal);
    if (portal.isHeld) this.newlyHeld.push(name);
  }

  /** Whether there was one. */
  close(name: string): boolean {
    const portal = this.find(name);
    if (portal === undefined) return false;
    portal.close();
    if (name === "") this.unnamed = null;
    else this.named.delete(name);
    return true;
  }

  /** Closes those that run `statement`. */
  closeOf(statement: Statement): void {
    this.closeWhere((portal) => portal.statement === statement);
  }

  closeAll(): void {
    this.closeWhere(() => true);
    this.newlyHeld = [];
  }

  /** Closes those added since `mark`, held or not: the savepoint's part of the transaction is taken back. */
  rollbackTo(mark: number): void {
    if (this.added === mark) return;
    this.closeWhere((portal) => portal.addedAt > mark);
  }

  /** The transaction that they belong to is over: only held cursors stay, of this one only if it has committed. */
  endTransaction(hasCommitted: boolean): void {
    if (this.unnamed?.isHeld === false) this.close("");
    if (this.named.size === 0) return;
    if (!hasCommitted) for (const name of this.newlyHeld) this.close(name);
    this.newlyHeld = [];
    this.closeWhere((portal) => !portal.isHeld);
  }

  private closeWhere(isMeant: (portal: Portal) => boolean): void {
    if (this.unnamed !== null && isMeant(this.unnamed)) this.close("");
    for (const [name, portal] of this.named) if (isMeant(portal)) this.close(name);
  }
}
