/**
 * What a command did, as row images before and after, and the transaction that gathers such changes. From the
 * images follow the undo, the check that nobody else changed the row meanwhile, and the events.
 */

import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage } from "./command.ts";
import type { ReadSet, RowLock } from "./isolation.ts";

/** One row's change; null before: it was created, null after: it was removed. */
export type Effect =
  | {
      readonly table: "resource";
      readonly before: ResourceImage | null;
      readonly after: ResourceImage | null;
      /** Of a deleted one: what `changedLsn` said, for the undo. */
      readonly changedLsn?: number;
    }
  | { readonly table: "rule"; readonly before: RuleImage | null; readonly after: RuleImage | null }
  | { readonly table: "booking"; readonly before: BookingImage | null; readonly after: BookingImage | null }
  | { readonly table: "hold"; readonly before: HoldImage | null; readonly after: HoldImage | null }
  /** A hold that had already expired when it was placed: it came and went, and no table knows it. */
  | { readonly table: "expiredHold"; readonly hold: HoldImage };

export interface Change {
  readonly command: Command;
  readonly effects: readonly Effect[];
}

/**
 * Changes staged but not committed. While a transaction is *entered* its changes are in the engine's tables;
 * when another enters they are undone, and applied anew at its next turn (see Engine.enter).
 */
export class Transaction {
  changes: Change[] = [];
  /** The earliest expiry among committed holds that the staged changes touch: they hold no longer than that. */
  earliestExpiry = Number.POSITIVE_INFINITY;
  /** Rows locked by SELECT … FOR UPDATE and the like, in order; null: none. */
  locks: RowLock[] | null = null;
  /** What a serializable transaction has read; null: nothing, or nobody asked. */
  reads: ReadSet | null = null;
  /** The version of the tables (see Isolation) that locks and reads were last found to agree with. */
  checkedVersion = -1;
}
