/** What happened since the log was last cut short, as the SQL layer asks for it; src/tenants/ provides it. */

/** One event, as a row of the table `events`. */
export interface HistoryEvent {
  /** 1 for the first event of the database, then one more for each, for ever. */
  readonly seq: number;
  /** Instant of its commit, Unix milliseconds. */
  readonly at: number;
  readonly kind: string;
  readonly resourceId: string;
  readonly id: string;
  /** What listeners were told. */
  readonly payload: string;
}

/** In place of an event: nothing is there yet, ask again; others may have their turn before. */
export const NOT_YET = null;

export interface EventHistory {
  /** `seq` of the last event of all commits, durable or not. */
  readonly lastSeq: number;

  /**
   * The durable events from `from` on (null: from the oldest that is kept), in order. Throws DeltatError 55000, naming
   * the oldest, when the one at `from` is no longer kept; XX001 for damage, 58030 where the log cannot be read.
   */
  read(from: number | null): Iterator<HistoryEvent | typeof NOT_YET, void>;
}
