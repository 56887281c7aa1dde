/** Deliberate bugs of durability and recovery: what is told too early, and what a start finds or forgets. */

import { Engine } from "../../src/engine/engine.ts";
import type { Change } from "../../src/engine/transaction.ts";
import { SessionState } from "../../src/sql/session/session-state.ts";
import { SqlSession } from "../../src/sql/session.ts";
import { FrameReader } from "../../src/storage/frame.ts";
import { SegmentLog } from "../../src/storage/segment-log.ts";
import { Tenant } from "../../src/tenants/tenant.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { replaced, wrapped } from "./replaced-methods.ts";

export const DURABILITY_BUGS: readonly DeliberateBug[] = [
  {
    name: "acknowledge-before-sync",
    seed: 1,
    patch: () =>
      replaced(Tenant.prototype, "durableLsn", {
        get(this: Tenant) {
          return this.appendedLsn;
        },
      }),
  },
  {
    name: "errors-do-not-wait",
    seed: 15,
    patch: () => {
      const unpatch = [
        wrapped<SqlSession, [unknown], void>(SqlSession.prototype, "abort", (session) => {
          const state: unknown = Reflect.get(session, "state");
          if (state instanceof SessionState) state.fail();
        }),
        wrapped<SessionState, [string | null], unknown>(
          SessionState.prototype,
          "enterEngine",
          (state, original, writes) => {
            const { dependsOnLsn } = state;
            const transaction = original(writes);
            state.dependsOnLsn = dependsOnLsn;
            return transaction;
          },
        ),
      ];
      return () => {
        for (const putBack of unpatch) putBack();
      };
    },
  },
  {
    name: "reads-do-not-wait",
    seed: 2,
    patch: () => wrapped<Engine, [number], number>(Engine.prototype, "changedLsn", () => 0),
  },
  {
    name: "availability-does-not-wait-for-ancestors",
    seed: 32,
    patch: () =>
      wrapped<Engine, [number], number>(Engine.prototype, "availabilityLsn", (engine, _, row) =>
        row < 0 ? 0 : engine.changedLsn(row),
      ),
  },
  {
    name: "checksum-not-checked",
    seed: 2,
    patch: () =>
      wrapped<FrameReader, [number], boolean>(FrameReader.prototype, "isFrame", (reader, _, offset) => {
        const room = reader.bytes.length - offset;
        return room >= 32 && reader.length(offset) >= 32 && reader.length(offset) <= room;
      }),
  },
  {
    name: "expiry-not-pinned",
    seed: 2,
    patch: () =>
      wrapped<Tenant, [], void>(Tenant.prototype, "recordExpiries", (tenant) => {
        tenant.engine.takeExpired();
      }),
  },
  {
    name: "last-frame-without-checksum",
    seed: 2,
    patch: () =>
      wrapped<FrameReader, [number], boolean>(
        FrameReader.prototype,
        "isFrame",
        (reader, original, offset) => original(offset) || isLastFrame(reader, offset),
      ),
  },
  {
    name: "expiry-forgotten-after-recovery",
    seed: 6,
    patch: () => {
      const armed = new WeakSet<Tenant>();
      return wrapped<Tenant, [], void>(Tenant.prototype, "armExpiry", (tenant, original) => {
        if (armed.has(tenant)) original();
        armed.add(tenant);
      });
    },
  },
  {
    name: "removes-a-segment-too-many",
    seed: 4,
    patch: () =>
      wrapped<SegmentLog, [number, number, AbortSignal], Promise<void>>(
        SegmentLog.prototype,
        "removeThrough",
        (_, original, number, keptBytes, unwanted) => original(number + 1, keptBytes, unwanted),
      ),
  },
  {
    name: "failed-log-keeps-what-is-not-durable",
    seed: 14,
    patch: () =>
      wrapped<Engine, [readonly Change[], number], void>(Engine.prototype, "takeBack", () => undefined),
  },
];

/** Whether what lies at `offset` looks like a frame behind which nothing was written. */
function isLastFrame(reader: FrameReader, offset: number): boolean {
  const room = reader.bytes.length - offset;
  if (room < 32) return false;
  const length = reader.length(offset);
  return length >= 32 && length <= room && reader.bytes.subarray(offset + length).every((byte) => byte === 0);
}
