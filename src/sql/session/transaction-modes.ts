/**
 * What BEGIN, SET TRANSACTION and SET SESSION CHARACTERISTICS may ask for, and when a transaction may still be asked.
 * READ COMMITTED (and READ UNCOMMITTED) sees at each statement what is committed then. REPEATABLE READ and
 * SERIALIZABLE are both serializable: what was read is compared at each statement and at COMMIT (40001).
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Node } from "../parse/ast.ts";
import { constantText } from "../parse/grammar-constants.ts";
import { notSupported } from "../parse/unsupported.ts";
import type { Settings } from "./settings.ts";

/** null: not said. */
export interface TransactionModes {
  readonly isolation: string | null;
  readonly readOnly: boolean | null;
  /** Without effect: nothing here makes a serializable transaction that only reads safer by waiting. */
  readonly deferrable: boolean | null;
}

/** Modes from the DefElem nodes that the grammar makes of them. */
export function transactionModes(options: readonly Node[]): TransactionModes {
  let isolation: string | null = null;
  let readOnly: boolean | null = null;
  let deferrable: boolean | null = null;
  for (const option of options) {
    if (!("DefElem" in option)) throw notSupported("this transaction mode");
    const { defname, arg } = option.DefElem;
    const value = arg === undefined ? "" : constantText(arg);
    if (defname === "transaction_isolation") isolation = value;
    else if (defname === "transaction_read_only") readOnly = value === "1";
    else if (defname === "transaction_deferrable") deferrable = value === "1";
    else throw notSupported(defname ?? "this transaction mode");
  }
  return { isolation, readOnly, deferrable };
}

/** Sets what `modes` say: of this transaction, or of all to come. */
export function applyModes(
  settings: Settings,
  modes: TransactionModes,
  scope: "transaction" | "session",
): void {
  const prefix = scope === "session" ? "default_transaction" : "transaction";
  const { isolation, readOnly, deferrable } = modes;
  const isLocal = scope === "transaction";
  if (isolation !== null) settings.set(`${prefix}_isolation`, isolation, isLocal);
  if (readOnly !== null) settings.set(`${prefix}_read_only`, readOnly ? "on" : "off", isLocal);
  if (deferrable !== null) settings.set(`${prefix}_deferrable`, deferrable ? "on" : "off", isLocal);
}

/** How far a transaction has got. */
export interface TransactionProgress {
  readonly hasQueried: boolean;
  readonly inSavepoint: boolean;
}

/**
 * Throws 25001 where it is too late to set a transaction_… setting to `value` (PostgreSQL: variable.c), whichever
 * statement wants to.
 */
export function checkModeChange(
  settings: Settings,
  name: string,
  value: string,
  { hasQueried, inSavepoint }: TransactionProgress,
): void {
  switch (name.toLowerCase()) {
    case "transaction_isolation":
      if (value.toLowerCase() === settings.get(name)) return;
      if (hasQueried) throw tooLate("SET TRANSACTION ISOLATION LEVEL must be called before any query");
      if (inSavepoint)
        throw tooLate("SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
      return;
    case "transaction_read_only":
      if (!settings.isReadOnly || /^(on|true|yes|1)$/i.test(value)) return;
      if (inSavepoint) throw tooLate("cannot set transaction read-write mode inside a read-only transaction");
      if (hasQueried) throw tooLate("transaction read-write mode must be set before any query");
      return;
    case "transaction_deferrable":
      if (inSavepoint)
        throw tooLate("SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction");
      if (hasQueried) throw tooLate("SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
      return;
    default:
  }
}

function tooLate(message: string): DeltatError {
  return new DeltatError(SqlState.activeSqlTransaction, message);
}
