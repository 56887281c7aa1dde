/** What a client's session and the server around it want of each other. */

import type { Timers } from "../clock.ts";
import type { AccessPolicy } from "./access-policy.ts";
import type { ClientMemory } from "./client-memory.ts";
import type { SliceQueue } from "./slice-queue.ts";
import type { FindDatabase } from "./sql-connection.ts";

/** A session, as its host knows it by. */
export interface HostedSession {
  readonly processId: number;
  /** Ends it as soon as nothing of it is in flight: the server stops. */
  requestStop(): void;
  /** Ends it for a newcomer, who gets its socket. */
  giveWay(): void;
  /** A cancel request has named it. */
  cancelStatement(): void;
  /** What a cancel request has to know. */
  readonly secret: number;
  /** Cuts the connection. */
  cut(): void;
}

/** What a session needs of the server around it. */
export interface SessionHost {
  readonly access: AccessPolicy;
  readonly findDatabase: FindDatabase;
  readonly timers: Timers;
  readonly memory: ClientMemory;
  readonly slices: SliceQueue;
  /** Throws DeltatError 53300 when there is no place for a session. */
  expectPlace(): void;
  /** Takes one of the places, for a client that has proved who it is. Throws DeltatError 53300 when there is none. */
  admit(session: HostedSession): void;
  cancel(processId: number, secret: number): void;
  internalError(error: unknown): void;
  /** All was sent; the client has yet to close its side. */
  ended(session: HostedSession): void;
  /** The connection is closed and everything it held is given back. */
  closed(session: HostedSession): void;
}
