/**
 * A run as plain data: what clients ask, what time does, and what breaks, step by step, all from one seed. No step depends
 * on what the steps before it led to, so any of them can be left out.
 */

import { Random } from "../seeded-random.ts";
import type { Of, Operation, Place } from "./operations.ts";
import type { ServerSettings } from "./server-life.ts";

const CLIENTS = 5;
export const DATABASES = ["alpha", "beta"] as const;

const RESOURCES = 6;
const RULES = 16;
const BOOKINGS = 40;
const HOLDS = 10;
/** Bookings lie within so many milliseconds of the base. */
const HORIZON = 50;

type Action =
  | {
      readonly kind: "ask";
      readonly client: number;
      readonly operations: readonly Operation[];
      readonly pipelined: boolean;
    }
  | { readonly kind: "control"; readonly client: number; readonly text: string }
  | { readonly kind: "listen"; readonly client: number; readonly resource: number; readonly on: boolean }
  /** All events, by number. */
  | { readonly kind: "listenToAll"; readonly client: number }
  /** The database's consumer reads on in the table `events`. */
  | { readonly kind: "consume"; readonly client: number; readonly limit: number }
  | { readonly kind: "checkpoint"; readonly client: number }
  | { readonly kind: "drop"; readonly client: number }
  /** The connection breaks in the middle of a message. */
  | { readonly kind: "break"; readonly client: number; readonly operation: Operation }
  | { readonly kind: "stall"; readonly client: number; readonly room: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "jump"; readonly ms: number }
  | { readonly kind: "full"; readonly room: number; readonly refusesOverwriting: boolean }
  | { readonly kind: "room" }
  | { readonly kind: "failSync" }
  | { readonly kind: "failFolderSync" }
  | { readonly kind: "failWrite" }
  | { readonly kind: "syncs"; readonly ms: number }
  /** The machine stops at the so-manieth disk operation from now, and at these once more while it starts again. */
  | {
      readonly kind: "stopAt";
      readonly operations: number;
      readonly again: readonly number[];
      readonly power: boolean;
    }
  | { readonly kind: "crash"; readonly power: boolean }
  | { readonly kind: "restart" }
  | { readonly kind: "flip"; readonly after: "power" | "kill" | "stop" }
  | { readonly kind: "verify" };

export type Step = Action & {
  /** Of all that is random in this step, on the disk for instance. */
  readonly seed: number;
  /** The turn of the event loop ends behind it. */
  readonly endsTurn: boolean;
};

export interface Plan {
  readonly settings: ServerSettings;
  readonly steps: readonly Step[];
}

/** The run of a seed: as many steps as asked, the first of which make some resources. */
export function planOf(seed: number, count: number): Plan {
  const random = new Random(seed);
  const settings: ServerSettings = {
    segmentBytes: random.pick([8192, 16_384, 65_536]),
    snapshotBytes: random.pick([0, 2000, 6000, 20_000]),
    historyBytes: random.pick([0, 0, 20_000]),
    retentionMs: random.pick([null, 50, 2000]),
    blockingSyncLimitMs: random.pick([-1, 2]),
    enforceRulesByDefault: random.chance(0.2),
  };
  const steps: Step[] = [];
  const add = (action: Action): void => {
    steps.push({ ...action, seed: random.below(2 ** 31), endsTurn: random.chance(0.6) });
  };
  for (let client = 0; client < DATABASES.length; client++) {
    for (let id = 0; id < RESOURCES - 1; id++) add(foundation(random, client, id));
    add({
      kind: "ask",
      client,
      pipelined: false,
      operations: [openRule(random, 0, 0), openRule(random, 1, 4)],
    });
  }
  const calm = random.chance(0.15);
  const queues: Action[][] = Array.from({ length: CLIENTS }, () => []);
  while (steps.length < count) {
    // Now and then a client has a whole block in mind, in the midst of which others go on.
    const client = random.below(CLIENTS);
    const queue = queues[client] ?? [];
    const next = random.chance(0.5) ? queue.shift() : undefined;
    const chosen = next ?? action(random, calm);
    // Some end in the midst of it.
    if (chosen.kind === "checkpoint" && !calm && random.chance(0.5)) add(stopSoon(random));
    add(chosen);
    if (random.chance(0.03)) queue.push(...block(random, client));
    if (!calm && random.chance(0.008)) for (const seen of seenTooEarly(random)) add(seen);
  }
  add({ kind: "verify" });
  return { settings, steps };
}

function foundation(random: Random, client: number, id: number): Action {
  const parent = id === 0 || id === 4 ? null : id - 1;
  const operation: Operation = {
    kind: "createResource",
    id,
    parent,
    capacity: 1 + random.below(3),
    buffer: random.pick([0, 0, 1, 4]),
    enforce: random.pick([null, null, null, true, false]),
  };
  return { kind: "ask", client, operations: [operation], pipelined: false };
}

function openRule(random: Random, id: number, resource: number): Operation {
  const start = -3 * HORIZON - random.below(20);
  return { kind: "addRule", id, resource, blocking: false, start, length: 400 * HORIZON };
}

function action(random: Random, calm: boolean): Action {
  const at = random.below(1000);
  const client = random.below(CLIENTS);
  if (at < 657) return ask(random, client);
  if (at < 707) return control(random, client);
  if (at < 737) return { kind: "listen", client, resource: random.below(RESOURCES), on: random.chance(0.8) };
  if (at < 742) return { kind: "listenToAll", client };
  if (at < 762) return { kind: "consume", client, limit: random.pick([1, 5, 1000]) };
  if (at < 857) return { kind: "pass", ms: random.pick([0, 1, 1, 3, 5, 20, 60]) };
  if (at < 867) return { kind: "pass", ms: random.pick([300, 2000, 11_000]) };
  if (at < 875) return { kind: "jump", ms: (random.below(4000) - 2000) * random.pick([1, 1, 1, 50_000]) };
  if (at < 881) return { kind: "verify" };
  if (at < 889) return { kind: "checkpoint", client };
  if (at < 898) return { kind: "drop", client };
  if (at < 902) return { kind: "break", client, operation: anyOperation(random) };
  if (at < 912) return { kind: "stall", client, room: random.pick([0, 1, 7, 40, 1_000_000]) };
  if (at < 924) return { kind: "syncs", ms: random.pick([0.1, 1, 5, 30]) };
  return calm ? { kind: "pass", ms: random.below(5) } : trouble(random);
}

function trouble(random: Random): Action {
  const at = random.below(100);
  const power = random.chance(0.55);
  if (at < 14) {
    const room = random.pick([0, 100, 5000, 9000, 30_000]);
    return { kind: "full", room, refusesOverwriting: random.chance(0.4) };
  }
  if (at < 34) return { kind: "room" };
  if (at < 39) return { kind: "failSync" };
  if (at < 41) return { kind: "failFolderSync" };
  if (at < 43) return { kind: "failWrite" };
  if (at < 72) {
    const again = Array.from({ length: random.below(3) }, () => random.below(60));
    return { kind: "stopAt", operations: random.pick([0, 1, 2, 3, 5, 9, 20, 60, 150]), again, power };
  }
  if (at < 86) return { kind: "crash", power };
  if (at < 96) return { kind: "restart" };
  return { kind: "flip", after: random.pick(["power", "kill", "stop"]) };
}

/** One changes something, another asks about it at once, and the power goes: who was told what that undoes? */
function seenTooEarly(random: Random): Action[] {
  const client = random.below(CLIENTS - DATABASES.length);
  // Of the same database.
  const other = client + DATABASES.length;
  const { resource, start, length } = place(random);
  const ask = (by: number, operation: Operation): Action => {
    return { kind: "ask", client: by, operations: [operation], pipelined: false };
  };
  const at = { resource, start: start + 2 * HORIZON + 12 * random.below(40), length };
  const change: Operation = random.pick<Operation>([
    { kind: "book", rows: [{ id: random.below(BOOKINGS), ...at }], onConflict: "replace" },
    { kind: "addRule", id: random.below(RULES), blocking: random.chance(0.8), ...at },
    { kind: "cancel", id: random.below(BOOKINGS) },
  ]);
  const below = random.chance(0.5) ? resource : Math.min(resource + 1, RESOURCES - 1);
  const question: Operation = random.pick<Operation>([
    { kind: "bookings", resource, copied: false },
    { ...availability(random), resources: [below], from: at.start - 5, minAvailable: null },
    { kind: "book", rows: [{ id: random.below(BOOKINGS), ...at }], onConflict: "fail" },
  ]);
  return [ask(client, change), ask(other, question), { kind: "crash", power: true }];
}

function stopSoon(random: Random): Action {
  return { kind: "stopAt", operations: random.below(30), again: [], power: random.chance(0.7) };
}

function ask(random: Random, client: number): Action {
  const count = random.chance(0.85) ? 1 : 2 + random.below(3);
  const operations = Array.from({ length: count }, () => anyOperation(random));
  // What is copied in comes behind its query, by itself.
  const copy = operations.find(({ kind }) => kind === "copyIn");
  if (copy !== undefined) return { kind: "ask", client, operations: [copy], pipelined: false };
  return { kind: "ask", client, operations, pipelined: random.chance(0.3) };
}

function block(random: Random, client: number): Action[] {
  const control = (text: string): Action => ({ kind: "control", client, text });
  const asks = (most: number): Action[] =>
    Array.from({ length: 1 + random.below(most) }, () =>
      random.chance(0.4)
        ? ask(random, client)
        : { kind: "ask", client, operations: [likelyChange(random)], pipelined: false },
    );
  const ends = control(random.chance(0.8) ? "COMMIT" : "ROLLBACK");
  if (random.chance(0.4)) return [control("BEGIN"), ...asks(4), ends];
  const returns = random.chance(0.6) ? [control("ROLLBACK TO a"), ...asks(2)] : [];
  return [control("BEGIN"), ...asks(2), control("SAVEPOINT a"), ...asks(3), ...returns, ends];
}

/** One that is hardly ever refused. */
function likelyChange(random: Random): Operation {
  const id = random.below(BOOKINGS);
  if (random.chance(0.3)) return { kind: "cancel", id };
  const start = 2 * HORIZON + 12 * random.below(40);
  const rows = [{ id, resource: random.below(RESOURCES - 1), start, length: 1 + random.below(10) }];
  return { kind: "book", rows, onConflict: random.pick(["fail", "skip", "replace"]) };
}

function control(random: Random, client: number): Action {
  const name = random.pick(["a", "b"]);
  const text = random.pick([
    "BEGIN",
    "BEGIN",
    "BEGIN",
    "COMMIT",
    "COMMIT",
    "COMMIT",
    "ROLLBACK",
    `SAVEPOINT ${name}`,
    `SAVEPOINT ${name}`,
    `ROLLBACK TO ${name}`,
    `RELEASE ${name}`,
  ]);
  return { kind: "control", client, text };
}

function place(random: Random): Place {
  // The first resources are the busy ones, so that allocations meet.
  const resource = random.chance(0.8) ? random.below(3) : random.below(RESOURCES);
  return { resource, start: random.below(2 * HORIZON) - HORIZON, length: 1 + random.below(10) };
}

function anyOperation(random: Random): Operation {
  const at = random.below(100);
  const booking = random.below(BOOKINGS);
  const holding = random.below(HOLDS);
  const ttlMs = random.pick([-1, 0, 1, 3, 10, 40, 300]);
  if (at < 24) return book(random);
  if (at < 33) return { kind: "cancel", id: booking };
  if (at < 42) return { kind: "move", id: booking, ...place(random) };
  if (at < 58) return { kind: "hold", id: holding, ttlMs, extends: random.chance(0.2), ...place(random) };
  if (at < 57) return { kind: "changeHold", id: holding, ttlMs, ...place(random) };
  if (at < 60) return { kind: "release", id: holding };
  if (at < 66) return { kind: "confirm", booking, hold: holding };
  if (at < 80) return resourceOperation(random);
  if (at < 84) return { kind: "bookings", resource: random.below(RESOURCES), copied: random.chance(0.3) };
  if (at < 88) return { kind: "holds", resource: random.below(RESOURCES) };
  if (at < 89) return { kind: "resources" };
  return availability(random);
}

function book(random: Random): Operation {
  const count = random.chance(0.8) ? 1 : 2 + random.below(3);
  const rows = Array.from({ length: count }, () => ({ id: random.below(BOOKINGS), ...place(random) }));
  if (random.chance(0.15)) return { kind: "copyIn", rows, fails: random.chance(0.15) };
  return { kind: "book", rows, onConflict: random.pick(["fail", "fail", "fail", "skip", "replace"]) };
}

function resourceOperation(random: Random): Operation {
  const id = random.below(RESOURCES);
  const rule = random.below(RULES);
  const at = random.below(12);
  const capacity = 1 + random.below(3);
  const buffer = random.pick([0, 0, 1, 4, 9]);
  const parent = random.chance(0.3) ? null : random.below(RESOURCES);
  if (at < 3) return { kind: "resize", id, capacity, buffer };
  if (at < 4) return { kind: "adopt", id, parent };
  if (at < 5)
    return {
      kind: "createResource",
      id,
      parent,
      capacity,
      buffer,
      enforce: random.pick([null, null, false]),
    };
  if (at < 6) return { kind: "deleteResource", id };
  if (at < 9) return { kind: "addRule", id: rule, blocking: random.chance(0.8), ...place(random) };
  if (at < 10) return { kind: "moveRule", id: rule, ...place(random) };
  return { kind: "removeRule", id: rule };
}

function availability(random: Random): Of<"availability"> {
  const count = random.pick([1, 1, 2, 3]);
  const resources = Array.from({ length: count }, () => random.below(random.chance(0.6) ? 3 : RESOURCES));
  return {
    kind: "availability",
    resources,
    from: random.below(2 * HORIZON) - HORIZON,
    length: random.below(50),
    minDuration: random.pick([0, 0, 3]),
    minAvailable: random.chance(0.5) ? null : 1 + random.below(3),
    perResource: random.chance(0.15),
  };
}
