/** Deliberate bugs of the engine: of bookings, holds, transactions, time and availability. */

import { SystemClock } from "../../src/clock.ts";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { ExpiryHeap } from "../../src/engine/expiry-heap.ts";
import type { Change, Transaction } from "../../src/engine/transaction.ts";
import { CopyLoad } from "../../src/sql/copy/load.ts";
import { Retention } from "../../src/tenants/retention.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { changedCell, wrapped } from "./replaced-methods.ts";

/** While a booking is moved, a column of its resource says something else. */
function whileMoving(change: (engine: Engine, row: number) => () => void): () => void {
  return wrapped<Engine, [Transaction, Command], void>(
    Engine.prototype,
    "applyUnbounded",
    (engine, original, transaction, command) => {
      const row = command.kind === "moveBooking" ? engine.resources.find(command.booking.resourceId) : -1;
      if (row < 0) return original(transaction, command);
      const restore = change(engine, row);
      try {
        return original(transaction, command);
      } finally {
        restore();
      }
    },
  );
}

export const ENGINE_BUGS: readonly DeliberateBug[] = [
  {
    name: "buffer-forgotten-by-moves",
    seed: 19,
    patch: () => whileMoving(({ resources }, row) => changedCell(resources.bufferAfterMs, row, 0)),
  },
  {
    name: "capacity-off-by-one-for-moves",
    seed: 19,
    patch: () =>
      whileMoving(({ resources }, row) =>
        changedCell(resources.capacity, row, (resources.capacity[row] ?? 0) + 1),
      ),
  },
  {
    name: "half-a-batch",
    seed: 1,
    patch: () =>
      wrapped<Engine, [Transaction], readonly Change[]>(
        Engine.prototype,
        "commit",
        (_, original, transaction) => {
          const changes = original(transaction);
          return changes.length < 2 ? changes : changes.slice(0, Math.ceil(changes.length / 2));
        },
      ),
  },
  {
    name: "savepoint-keeps-a-change",
    seed: 6,
    patch: () =>
      wrapped<Engine, [Transaction, number], void>(
        Engine.prototype,
        "rollbackTo",
        (_, original, transaction, mark) => original(transaction, mark > 0 ? mark + 1 : 0),
      ),
  },
  {
    name: "staged-changes-are-seen-by-others",
    seed: 1,
    patch: () => wrapped<Engine, [], void>(Engine.prototype, "leave", () => undefined),
  },
  {
    name: "hold-lives-a-millisecond-too-long",
    seed: 3,
    patch: () =>
      wrapped<ExpiryHeap, [], number>(ExpiryHeap.prototype, "nextAt", (_, original) => original() + 1),
  },
  {
    name: "retention-drops-what-is-live",
    seed: 1,
    patch: () =>
      wrapped<Retention, [], boolean>(Retention.prototype, "step", (retention, original) => {
        const retentionMs = Number(Reflect.get(retention, "retentionMs"));
        Reflect.set(retention, "retentionMs", retentionMs - 10_000);
        try {
          return original();
        } finally {
          Reflect.set(retention, "retentionMs", retentionMs);
        }
      }),
  },
  {
    name: "buffer-forgotten-by-availability",
    seed: 3,
    patch: () =>
      wrapped<Engine, [number, number, number, number], unknown>(
        Engine.prototype,
        "availabilityOf",
        (engine, original, row, ...window) => {
          if (row < 0) return original(row, ...window);
          const restore = changedCell(engine.resources.bufferAfterMs, row, 0);
          try {
            return original(row, ...window);
          } finally {
            restore();
          }
        },
      ),
  },
  {
    name: "min-duration-off-by-one",
    seed: 1,
    patch: () =>
      wrapped<Engine, [number, number, number, number], unknown>(
        Engine.prototype,
        "availabilityOf",
        (_, original, row, from, to, minDurationMs) =>
          original(row, from, to, minDurationMs === 0 ? 0 : minDurationMs + 1),
      ),
  },
  {
    name: "window-of-availability-off-by-one",
    seed: 1,
    patch: () =>
      wrapped<Engine, [readonly number[], number, number, number, number], unknown>(
        Engine.prototype,
        "availability",
        (_, original, rows, from, to, ...rest) => original(rows, from, to - 1, ...rest),
      ),
  },
  {
    name: "one-fewer-than-min-available",
    seed: 4,
    patch: () =>
      wrapped<Engine, [readonly number[], number, number, number, number], unknown>(
        Engine.prototype,
        "availability",
        (_, original, rows, from, to, minDurationMs, minAvailable) =>
          original(rows, from, to, minDurationMs, minAvailable > 1 ? minAvailable - 1 : minAvailable),
      ),
  },
  {
    name: "rollback-to-is-lost",
    seed: 6,
    patch: () =>
      wrapped<Engine, [Transaction, number], void>(
        Engine.prototype,
        "rollbackTo",
        (_, original, transaction, mark) => {
          if (mark === 0) original(transaction, mark);
        },
      ),
  },
  {
    name: "time-goes-back-with-the-clock",
    seed: 1,
    patch: timeGoesBack,
  },
  {
    name: "last-row-copied-is-lost",
    seed: 5,
    patch: () =>
      wrapped<CopyLoad, [], void>(CopyLoad.prototype, "place", (load, original) => {
        const count = Number(Reflect.get(load, "count"));
        Reflect.set(load, "count", count > 1 ? count - 1 : count);
        original();
        Reflect.set(load, "count", count);
      }),
  },
];

function timeGoesBack(): () => void {
  const unpatch = [
    wrapped<SystemClock, [], number>(SystemClock.prototype, "now", (clock) => {
      const wallClock: unknown = Reflect.get(clock, "wallClock");
      return typeof wallClock === "function" ? Math.floor(wallClock()) : 0;
    }),
    wrapped<Engine, [number], void>(Engine.prototype, "advance", (engine, original, now) => {
      const state: object = Reflect.get(engine, "state");
      if (now < engine.now) Reflect.set(state, "now", now);
      original(now);
    }),
  ];
  return () => {
    for (const putBack of unpatch) putBack();
  };
}
