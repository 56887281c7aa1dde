/** What functions such as `current_user` or `now()` may ask of the session that executes them. */

import type { Cluster } from "../cluster.ts";

export interface SessionContext {
  readonly user: string;
  readonly database: string;
  readonly processId: number;
  /** The setting TimeZone. */
  readonly timeZone: string;
  /** Unix milliseconds of the transaction's start: `now()`. */
  readonly transactionNowMs: number;
  /** Unix milliseconds of the statement's arrival. */
  readonly statementNowMs: number;
  /** Unix milliseconds at this moment. */
  clockNowMs(): number;
  /** A setting as SHOW prints it, or null if there is none of that name. */
  getSetting(name: string): string | null;
  warn(sqlState: string, message: string): void;
  /** The server's databases and sessions. */
  readonly cluster: Cluster;
  /** `seq` of the last event there is; the answer waits until it is durable. */
  lastEventSeq(): number;
  /** As NOTIFY: told once the transaction has committed. Throws 22023, 54000. */
  notify(channel: string, payload: string): void;
  /** Sets as `SET` or, if `isLocal`, `SET LOCAL` would, and returns the value as SHOW prints it. */
  setSetting(name: string, value: string, isLocal: boolean): string;
}
