/**
 * Events against the contract: which are sent for a commit, what they say, and to whose channels they go. The
 * wanted ones are worked out from the oracle's rows before and after, not from what the engine says it did.
 */

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Command, Span } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { eventsOf } from "../../src/engine/events.ts";
import { formatId, type Id } from "../../src/id.ts";
import { errorOf } from "./comparison.ts";
import { Oracle } from "./oracle.ts";
import { CLOCK_START, stories } from "./stories.ts";

interface Wanted {
  readonly kind: string;
  readonly fields: Record<string, unknown>;
  /** Channels that must carry it: its resource and each ancestor. */
  readonly resourceIds: readonly string[];
}

function lineOf(oracle: Oracle, id: Id): string[] {
  return oracle.lineOf(id).map(formatId);
}

const spanOf = ({ start, end }: Span) => ({ start, end });

/** Rows that left one of the tables below a resource, and rows that came, as events; an update is both. */
function rowEvents(before: Oracle, after: Oracle): Wanted[] {
  const wanted: Wanted[] = [];
  const add = (state: Oracle, kind: string, row: { id: Id; resourceId: Id }, rest: object) => {
    const fields = { id: formatId(row.id), resource_id: formatId(row.resourceId), ...rest };
    wanted.push({ kind, fields, resourceIds: lineOf(state, row.resourceId) });
  };
  for (const [key, row] of before.rules) if (!after.rules.has(key)) add(before, "RuleRemoved", row, {});
  for (const [key, row] of after.rules) {
    const old = before.rules.get(key);
    const kind = old === undefined ? "RuleAdded" : "RuleUpdated";
    if (old !== row) add(after, kind, row, { span: spanOf(row), blocking: row.blocking });
  }
  for (const [key, row] of before.bookings) {
    if (after.bookings.get(key) !== row) add(before, "BookingCancelled", row, {});
  }
  for (const [key, row] of after.bookings) {
    if (before.bookings.get(key) === row) continue;
    add(after, "BookingConfirmed", row, { span: spanOf(row), label: row.label });
  }
  for (const [key, row] of before.holds)
    if (after.holds.get(key) !== row) add(before, "HoldReleased", row, {});
  for (const [key, row] of after.holds) {
    if (before.holds.get(key) === row) continue;
    add(after, "HoldPlaced", row, { span: spanOf(row), expires_at: row.expiresAt });
  }
  return wanted;
}

function resourceEvents(before: Oracle, after: Oracle): Wanted[] {
  const wanted: Wanted[] = [];
  for (const [key, row] of before.resources) {
    if (after.resources.has(key)) continue;
    wanted.push({ kind: "ResourceDeleted", fields: { id: key }, resourceIds: lineOf(before, row.id) });
  }
  for (const [key, row] of after.resources) {
    const old = before.resources.get(key);
    if (old === row) continue;
    const fields = {
      id: key,
      parent_id: row.parentId === null ? null : formatId(row.parentId),
      name: row.name,
      capacity: row.capacity,
      buffer_after: row.bufferAfterMs,
    };
    const kind = old === undefined ? "ResourceCreated" : "ResourceUpdated";
    wanted.push({ kind, fields, resourceIds: lineOf(after, row.id) });
  }
  return wanted;
}

describe("events", () => {
  test("say of every single change what the contract says, to its resource and each ancestor", () => {
    fc.assert(
      fc.property(stories(), (story) => {
        const engine = new Engine({ enforceRulesByDefault: story.enforceRulesByDefault });
        const oracle = new Oracle(story.enforceRulesByDefault);
        const commands = story.steps.flatMap((step): readonly Command[] => step.commands);
        commands.forEach((command, n) => {
          oracle.advance(CLOCK_START + (n >> 1));
          const before = oracle.clone();
          if (oracle.judge(command).length > 0) return;
          oracle.apply(command);
          const dead = command.kind === "placeHold" && command.hold.expiresAt <= oracle.now;
          const changes = engine.execute([command], oracle.now);
          // What comes and goes in the same moment leaves no trace in the rows to work the events out from.
          if (dead || command.kind === "changeHold") return;
          const events = eventsOf(engine.resources, changes);
          // Of what is dropped for its age nobody is told.
          const isTold = command.kind !== "forgetBooking";
          const wanted = isTold ? [...rowEvents(before, oracle), ...resourceEvents(before, oracle)] : [];
          const told = events.map(({ payload, resourceIds }) => ({
            payload: JSON.parse(payload),
            resourceIds,
          }));
          expect(told.map(({ payload }) => JSON.stringify(payload)).sort()).toEqual(
            wanted.map(({ kind, fields }) => JSON.stringify({ [kind]: fields })).sort(),
          );
          for (const { kind, fields, resourceIds } of wanted) {
            const match = told.find(({ payload }) => Bun.deepEquals(payload, { [kind]: fields }));
            expect(match?.resourceIds).toEqual(expect.arrayContaining([...resourceIds]));
          }
        });
      }),
      { numRuns: 100 },
    );
  }, 30_000);

  test("of a move are BookingCancelled, then BookingConfirmed, each to its own resource's line", () => {
    const [from, to, root] = [4, 5, 6].map((n): Id => ({ w0: 1, w1: 2, w2: 3, w3: n })) as [Id, Id, Id];
    const id: Id = { w0: 7, w1: 7, w2: 7, w3: 7 };
    const shape = { name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null };
    const engine = new Engine({});
    engine.execute(
      [
        { kind: "createResource", resource: { id: root, parentId: null, ...shape } },
        { kind: "createResource", resource: { id: from, parentId: root, ...shape } },
        { kind: "createResource", resource: { id: to, parentId: null, ...shape } },
        { kind: "placeBooking", booking: { id, resourceId: from, start: 1, end: 2, label: null } },
      ],
      CLOCK_START,
    );
    const booking = { id, resourceId: to, start: 3, end: 4, label: "x" };
    const changes = engine.execute([{ kind: "moveBooking", booking }], CLOCK_START);
    const events = eventsOf(engine.resources, changes);
    expect(events.map(({ payload }) => Object.keys(JSON.parse(payload))[0])).toEqual([
      "BookingCancelled",
      "BookingConfirmed",
    ]);
    expect(events.map(({ resourceIds }) => [...resourceIds])).toEqual([
      [formatId(from), formatId(root)],
      [formatId(to)],
    ]);
    const { BookingConfirmed } = JSON.parse(events[1]?.payload ?? "{}");
    expect(JSON.stringify(BookingConfirmed)).toBe(
      `{"id":"${formatId(id)}","resource_id":"${formatId(to)}","span":{"start":3,"end":4},"label":"x"}`,
    );
  });

  test("of an expired hold are HoldReleased; a commit that failed has none", () => {
    const id: Id = { w0: 1, w1: 1, w2: 1, w3: 1 };
    const resource = { id, parentId: null, name: null, capacity: 1, bufferAfterMs: 0, enforceRules: null };
    const engine = new Engine({});
    engine.execute(
      [
        { kind: "createResource", resource },
        { kind: "placeHold", hold: { id, resourceId: id, start: 1, end: 2, expiresAt: 200 } },
      ],
      100,
    );
    expect(errorOf(() => engine.execute([{ kind: "releaseHold", id }], 200))?.sqlState).toBe("23503");
    const events = eventsOf(engine.resources, engine.takeExpired());
    const text = formatId(id);
    expect(events).toEqual([
      { payload: `{"HoldReleased":{"id":"${text}","resource_id":"${text}"}}`, resourceIds: [text] },
    ]);
    expect(engine.takeExpired()).toEqual([]);
  });
});
