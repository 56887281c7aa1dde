/**
 * SELECT … FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE and FOR KEY SHARE. Nothing waits for a lock: a row that was
 * locked and has changed when the transaction goes on or commits is 40001, and so is a lock that conflicts with one
 * of a transaction that has committed meanwhile. NOWAIT refuses (55P03), and SKIP LOCKED leaves out, a row on which
 * another open transaction holds a conflicting lock.
 */

import { LockStrength } from "../engine/isolation.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { LockingClause, Node } from "./ast.ts";
import type { Execution } from "./execution.ts";
import { characterPosition } from "./parser.ts";
import type { Relation } from "./relation.ts";
import { isStored, type StoredTable } from "./schema.ts";
import { notSupported, refuseOtherFields } from "./unsupported.ts";

/** What the locking clauses of a SELECT ask for, of one relation. */
export interface RowLocks {
  /** As PostgreSQL names the statement: `SELECT FOR UPDATE`. */
  readonly command: string;
  /** The rows that SKIP LOCKED leaves. */
  selectable(rows: readonly number[], execution: Execution): readonly number[];
  /** Locks a row. Throws 55P03, 54000. */
  lock(row: number, execution: Execution): void;
}

interface Clause {
  readonly words: string;
  readonly strength: LockStrength;
}

const CLAUSES: Readonly<Record<string, Clause>> = {
  LCS_FORKEYSHARE: { words: "FOR KEY SHARE", strength: LockStrength.keyShare },
  LCS_FORSHARE: { words: "FOR SHARE", strength: LockStrength.share },
  LCS_FORNOKEYUPDATE: { words: "FOR NO KEY UPDATE", strength: LockStrength.noKeyUpdate },
  LCS_FORUPDATE: { words: "FOR UPDATE", strength: LockStrength.update },
};

const LOCKING_FIELDS = new Set(["lockedRels", "strength", "waitPolicy"]);

/** null where nothing is to be locked. Throws 42P01 for a table after OF that is not in FROM, 0A000. */
export function planRowLocks(
  clauses: readonly Node[] | undefined,
  relation: Relation | null,
  text: string,
): RowLocks | null {
  let strongest: Clause | null = null;
  let policy = "LockWaitBlock";
  for (const node of clauses ?? []) {
    if (!("LockingClause" in node)) continue;
    const { LockingClause: locking } = node;
    refuseOtherFields(locking, LOCKING_FIELDS);
    const clause = CLAUSES[locking.strength ?? ""];
    if (clause === undefined) throw notSupported("this locking clause");
    checkLockedRelations(locking, clause.words, relation, text);
    if (strongest === null || clause.strength > strongest.strength) strongest = clause;
    // As in PostgreSQL, the policy that waits least counts for all.
    if (locking.waitPolicy === "LockWaitError" || policy === "LockWaitBlock") {
      policy = locking.waitPolicy ?? policy;
    }
  }
  if (strongest === null) return null;
  const command = `SELECT ${strongest.words}`;
  if (relation === null) return { command, selectable: (rows) => rows, lock: () => {} };
  if (!isStored(relation.table)) throw notSupported(`${strongest.words} on "${relation.table.name}"`);
  return tableLocks(relation.table, command, strongest.strength, policy);
}

function checkLockedRelations(
  { lockedRels }: LockingClause,
  words: string,
  relation: Relation | null,
  text: string,
): void {
  for (const node of lockedRels ?? []) {
    if (!("RangeVar" in node)) continue;
    const { relname, schemaname, location } = node.RangeVar;
    const position = characterPosition(text, location ?? 0);
    if (schemaname !== undefined) {
      throw new DeltatError(SqlState.syntaxError, `${words} must specify unqualified relation names`, {
        position,
      });
    }
    if (relname === relation?.name) continue;
    throw new DeltatError(
      SqlState.undefinedTable,
      `relation "${relname}" in ${words} clause not found in FROM clause`,
      { position },
    );
  }
}

function tableLocks(table: StoredTable, command: string, strength: LockStrength, policy: string): RowLocks {
  const isTaken = (row: number, { engine, transaction }: Execution): boolean =>
    transaction !== null &&
    engine.isolation.isLocked(transaction, table.locks, table.idAt(engine, row), strength);
  return {
    command,
    selectable: (rows, execution) =>
      policy === "LockWaitSkip" ? rows.filter((row) => !isTaken(row, execution)) : rows,
    lock(row, execution) {
      const { engine, transaction } = execution;
      if (transaction === null) return;
      if (policy === "LockWaitError" && isTaken(row, execution)) {
        throw new DeltatError(
          SqlState.lockNotAvailable,
          `could not obtain lock on row in relation "${table.name}"`,
        );
      }
      engine.isolation.lock(transaction, table.locks, row, strength);
    },
  };
}
