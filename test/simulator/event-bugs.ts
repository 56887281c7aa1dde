/** Deliberate bugs of notifications, of the numbers of events, and of the table `events`. */

import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import type { Change } from "../../src/engine/transaction.ts";
import type { HistoryEvent } from "../../src/sql/event-history.ts";
import type { FileSystem } from "../../src/storage/files.ts";
import { Channels } from "../../src/tenants/channels.ts";
import { History } from "../../src/tenants/history.ts";
import { Tenant } from "../../src/tenants/tenant.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { everyNth, wrapped } from "./replaced-methods.ts";

export const EVENT_BUGS: readonly DeliberateBug[] = [
  {
    name: "notification-lost",
    seed: 5,
    patch: () => {
      const isLost = everyNth(20);
      return wrapped<Channels, [unknown], void>(Channels.prototype, "deliver", (_, original, event) => {
        if (!isLost()) original(event);
      });
    },
  },
  {
    name: "notification-twice",
    seed: 5,
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
  {
    name: "expired-again-after-recovery",
    seed: 2,
    patch: expiredAgain,
  },
  {
    name: "expiries-not-counted-by-recovery",
    seed: 2,
    patch: () =>
      wrapped<Engine, [readonly Command[], number, number | null], void>(
        Engine.prototype,
        "replay",
        (engine, original, commands, at, firstEvent) => {
          const before = engine.eventCount;
          original(commands, at, firstEvent);
          if (commands.length === 0) engine.uncountEvents(engine.eventCount - before);
        },
      ),
  },
  {
    name: "history-passes-over-an-event",
    seed: 1,
    patch: () =>
      wrapped<History, [number | null], Generator<HistoryEvent | null, void>>(
        History.prototype,
        "read",
        function* (_, original, from) {
          for (const event of original(from)) if (event === null || event.seq % 20 !== 0) yield event;
        },
      ),
  },
  {
    name: "history-of-what-is-not-durable",
    seed: 9,
    patch: () =>
      wrapped<Tenant, [FileSystem, string], void>(
        Tenant.prototype,
        "readHistoryIn",
        (tenant, original, ...where) => {
          original(...where);
          const { history } = tenant;
          if (history === null) return;
          const source: object = Reflect.get(history, "source");
          Object.defineProperty(source, "durableLsn", { get: () => tenant.appendedLsn });
        },
      ),
  },
];

/** What replay has expired is logged and told once more. */
function expiredAgain(): () => void {
  let isReplaying = false;
  let expired: unknown[] = [];
  const unpatch = [
    wrapped<Engine, [readonly Command[], number], readonly Change[]>(
      Engine.prototype,
      "execute",
      (engine, original, commands, now) => {
        const changes = original(commands, now);
        const due: unknown = Reflect.get(engine, "expired");
        if (isReplaying && Array.isArray(due)) expired = due;
        return changes;
      },
    ),
    wrapped<Engine, unknown[], void>(Engine.prototype, "replay", (engine, original, ...args) => {
      isReplaying = true;
      original(...args);
      isReplaying = false;
      Reflect.set(engine, "expired", expired);
    }),
  ];
  return () => {
    for (const putBack of unpatch) putBack();
  };
}
