/**
 * Bugs that are put into the server on purpose, one at a time, to see that the simulator finds them. None of them is known
 * to the server: they stand between it and the disk, or in the place of one of its functions while a run lasts.
 */

import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { ExpiryHeap } from "../../src/engine/expiry-heap.ts";
import type { Change, Transaction } from "../../src/engine/transaction.ts";
import { SqlSession } from "../../src/sql/session.ts";
import { SessionState } from "../../src/sql/session-state.ts";
import { FrameReader } from "../../src/storage/frame.ts";
import { Channels } from "../../src/tenants/channels.ts";
import { Retention } from "../../src/tenants/retention.ts";
import { Tenant } from "../../src/tenants/tenant.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { FAULTY_FILES } from "./faulty-files.ts";

/** Puts another property in the place of one of a prototype's; returns what puts it back. */
function replaced(prototype: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  if (before === undefined) throw new Error(`there is no ${name} to replace`);
  Object.defineProperty(prototype, name, { ...property, configurable: true });
  return () => {
    Object.defineProperty(prototype, name, before);
  };
}

/** Puts a method in the place of another, which it may call. */
function wrapped<Self extends object, Args extends unknown[], Result>(
  prototype: Self,
  name: string,
  method: (self: Self, original: (...args: Args) => Result, ...args: Args) => Result,
): () => void {
  const original: unknown = Reflect.get(prototype, name);
  if (typeof original !== "function") throw new Error(`there is no method ${name}`);
  return replaced(prototype, name, {
    value(this: Self, ...args: Args): Result {
      return method(this, (...passed) => original.apply(this, passed), ...args);
    },
    writable: true,
  });
}

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

function changedCell(column: { [row: number]: number }, row: number, value: number): () => void {
  const before = column[row] ?? 0;
  column[row] = value;
  return () => {
    column[row] = before;
  };
}

/** Every so-manieth call is another. */
function everyNth(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}

const OF_THE_ENGINE: readonly DeliberateBug[] = [
  {
    name: "buffer-forgotten-by-moves",
    seed: 31,
    patch: () => whileMoving(({ resources }, row) => changedCell(resources.bufferAfterMs, row, 0)),
  },
  {
    name: "capacity-off-by-one-for-moves",
    seed: 4,
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
    seed: 47,
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
    seed: 1,
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
];

const OF_DURABILITY: readonly DeliberateBug[] = [
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
    seed: 12,
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
    seed: 34,
    patch: () => wrapped<Engine, [number], number>(Engine.prototype, "changedLsn", () => 0),
  },
  {
    name: "availability-does-not-wait-for-ancestors",
    seed: 30,
    patch: () =>
      wrapped<Engine, [number], number>(Engine.prototype, "availabilityLsn", (engine, _, row) =>
        row < 0 ? 0 : engine.changedLsn(row),
      ),
  },
  {
    name: "checksum-not-checked",
    seed: 1,
    patch: () =>
      wrapped<FrameReader, [number], boolean>(FrameReader.prototype, "isFrame", (reader, _, offset) => {
        const room = reader.bytes.length - offset;
        return room >= 32 && reader.length(offset) >= 32 && reader.length(offset) <= room;
      }),
  },
  {
    name: "expiry-not-pinned",
    seed: 1,
    patch: () =>
      wrapped<Tenant, [], void>(Tenant.prototype, "recordExpiries", (tenant) => {
        tenant.engine.takeExpired();
      }),
  },
  {
    name: "snapshot-of-what-is-not-durable",
    seed: 167,
    patch: () => wrapped<Tenant, [number], Promise<void>>(Tenant.prototype, "durable", async () => undefined),
  },
];

const OF_NOTIFICATIONS: readonly DeliberateBug[] = [
  {
    name: "notification-lost",
    seed: 3,
    patch: () => {
      const isLost = everyNth(20);
      return wrapped<Channels, [unknown], void>(Channels.prototype, "deliver", (_, original, event) => {
        if (!isLost()) original(event);
      });
    },
  },
  {
    name: "notification-twice",
    seed: 3,
    patch: () => {
      const isTwice = everyNth(20);
      return wrapped<Channels, [unknown], void>(Channels.prototype, "deliver", (_, original, event) => {
        original(event);
        if (isTwice()) original(event);
      });
    },
  },
  {
    name: "notified-before-durable",
    seed: 7,
    patch: () =>
      wrapped<Tenant, unknown[], void>(Tenant.prototype, "publish", (tenant, original, ...published) => {
        original(...published);
        const log: unknown = Reflect.get(tenant, "log");
        const deliver: unknown = Reflect.get(tenant, "deliverPending");
        if (typeof deliver !== "function") throw new Error("there is no deliverPending");
        Reflect.set(tenant, "log", { durableLsn: Number.POSITIVE_INFINITY });
        deliver.call(tenant);
        Reflect.set(tenant, "log", log);
      }),
  },
];

export const DELIBERATE_BUGS: readonly DeliberateBug[] = [
  ...OF_DURABILITY,
  ...FAULTY_FILES,
  ...OF_THE_ENGINE,
  ...OF_NOTIFICATIONS,
];
