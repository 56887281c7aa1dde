/**
 * SELECT … FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE and FOR KEY SHARE. Nothing waits for a lock: a row that was
 * locked and has changed when the transaction goes on or commits is 40001, and so is a lock that conflicts with one
 * of a transaction that has committed meanwhile. NOWAIT refuses (55P03), and SKIP LOCKED leaves out, a row on which
 * another open transaction holds a conflicting lock.
 */

import { LockStrength } from "../../engine/isolation.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import type { LockingClause as LockingNode, Node } from "../parse/ast.ts";
import { characterPosition } from "../parse/parser.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import type { Relation } from "../tables/relation.ts";
import { isStored, type StoredTable } from "../tables/schema.ts";

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

const FOR_UPDATE: Clause = { words: "FOR UPDATE", strength: LockStrength.update };

const CLAUSES: Readonly<Record<string, Clause>> = {
  LCS_FORKEYSHARE: { words: "FOR KEY SHARE", strength: LockStrength.keyShare },
  LCS_FORSHARE: { words: "FOR SHARE", strength: LockStrength.share },
  LCS_FORNOKEYUPDATE: { words: "FOR NO KEY UPDATE", strength: LockStrength.noKeyUpdate },
  LCS_FORUPDATE: FOR_UPDATE,
};

const LOCKING_FIELDS = new Set(["lockedRels", "strength", "waitPolicy"]);

/** One locking clause of a query. */
export interface LockingClause extends Clause {
  readonly policy: string;
  /** The tables after OF; null: all. */
  readonly of: readonly { readonly name: string; readonly position: number }[] | null;
  readonly node: LockingNode;
}

/** Throws 42601 for a qualified name after OF, 0A000. */
export function parseLocking(clauses: readonly Node[] | undefined, text: string): LockingClause[] {
  return (clauses ?? []).flatMap((node) => {
    if (!("LockingClause" in node)) return [];
    const { LockingClause: locking } = node;
    refuseOtherFields(locking, LOCKING_FIELDS);
    const clause = CLAUSES[locking.strength ?? ""];
    if (clause === undefined) throw notSupported("this locking clause");
    const of = locking.lockedRels?.flatMap((item) => {
      if (!("RangeVar" in item)) return [];
      const { relname = "", schemaname, location } = item.RangeVar;
      const position = characterPosition(text, location ?? 0);
      if (schemaname === undefined) return [{ name: relname, position }];
      throw new DeltatError(SqlState.syntaxError, `${clause.words} must specify unqualified relation names`, {
        position,
      });
    });
    return [{ ...clause, policy: locking.waitPolicy ?? "LockWaitBlock", of: of ?? null, node: locking }];
  });
}

/** The strongest of several clauses, as PostgreSQL names a statement by it; null for none. */
export function strongestOf(clauses: readonly LockingClause[]): Clause | null {
  return clauses.reduce<Clause | null>(
    (best, clause) => (best === null || clause.strength > best.strength ? clause : best),
    null,
  );
}

/** What several clauses, one at least, ask for of one table: as in PostgreSQL, the policy that waits least counts. */
export function locksOf(table: StoredTable, clauses: readonly LockingClause[]): RowLocks {
  const { words, strength } = strongestOf(clauses) ?? FOR_UPDATE;
  const policy =
    ["LockWaitError", "LockWaitSkip"].find((each) => clauses.some((clause) => clause.policy === each)) ??
    "LockWaitBlock";
  return tableLocks(table, `SELECT ${words}`, strength, policy);
}

/** null where nothing is to be locked. Throws 42P01 for a table after OF that is not in FROM, 0A000. */
export function planRowLocks(
  nodes: readonly Node[] | undefined,
  relation: Relation | null,
  text: string,
): RowLocks | null {
  const clauses = parseLocking(nodes, text);
  const strongest = strongestOf(clauses);
  if (strongest === null) return null;
  for (const { of, words } of clauses) {
    for (const { name, position } of of ?? []) {
      if (name === relation?.name) continue;
      throw new DeltatError(
        SqlState.undefinedTable,
        `relation "${name}" in ${words} clause not found in FROM clause`,
        { position },
      );
    }
  }
  if (relation === null)
    return { command: `SELECT ${strongest.words}`, selectable: (rows) => rows, lock: () => {} };
  if (!isStored(relation.table)) throw notSupported(`${strongest.words} on "${relation.table.name}"`);
  return locksOf(relation.table, clauses);
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
