/**
 * Random stories for the engine: commands over a few ids and some sixty instants, so that rows meet, collide
 * and refuse each other often. Nothing in a story depends on the state it will meet, so fast-check can shrink it.
 */

import fc from "fast-check";
import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage } from "../../src/engine/command.ts";
import type { Id } from "../../src/id.ts";
import { MAX_INSTANT_MS } from "../../src/limits.ts";

/** Instants of a story lie in `[base, base + HORIZON)`, give or take a little. */
export const HORIZON = 60;

/** The clock of a story starts here. */
export const CLOCK_START = 5_000;

/** Holds expire within this many milliseconds of the story's start. */
const CLOCK_RANGE = 40;

const RESOURCES = 6;
const RULES = 6;
const BOOKINGS = 16;
const HOLDS = 6;

/** The n-th id of a table; the words differ in all their bits, as those of real ids do. */
export function idOf(table: number, n: number): Id {
  const seed = table * 1_000_003 + n * 7919 + 1;
  const word = (salt: number) => Math.imul(seed ^ salt, 0x9e3779b1) >>> 0;
  return { w0: word(0x51) >>> 3, w1: word(0x1234), w2: word(0x777777), w3: n };
}

export const resourceId = (n: number): Id => idOf(1, n);
export const ruleId = (n: number): Id => idOf(2, n);
export const bookingId = (n: number): Id => idOf(3, n);
export const holdId = (n: number): Id => idOf(4, n);

export const allResourceIds: readonly Id[] = Array.from({ length: RESOURCES }, (_, n) => resourceId(n));

/** One transaction of a story: the clock moves (it may try to go back), then all the commands or none. */
interface Step {
  readonly advanceMs: number;
  readonly commands: readonly Command[];
}

export interface Story {
  /** Where time starts: 0, an ordinary instant, or the last instants that are valid. */
  readonly base: number;
  readonly enforceRulesByDefault: boolean;
  readonly steps: readonly Step[];
}

/** Where a story's time may lie: both ends of the valid range, and in between. */
export const bases: fc.Arbitrary<number> = fc.constantFrom(0, 1_000, MAX_INSTANT_MS - HORIZON);

/** A span of ordinary length within the horizon. */
export function validSpans(base: number, longest = 16): fc.Arbitrary<{ start: number; end: number }> {
  return fc
    .record({ start: fc.nat({ max: HORIZON - 1 }), length: fc.integer({ min: 1, max: longest }) })
    .map(({ start, length }) => ({ start: base + start, end: base + Math.min(start + length, HORIZON) }));
}

/** Mostly valid spans, some empty, inverted, or beyond the valid instants when `base` is at an end of time. */
function spans(base: number): fc.Arbitrary<{ start: number; end: number }> {
  const wild = fc
    .record({ start: fc.integer({ min: -2, max: HORIZON }), length: fc.integer({ min: -1, max: 4 }) })
    .map(({ start, length }) => ({ start: base + start, end: base + start + length }));
  const long = fc
    .record({ start: fc.nat({ max: 15 }), end: fc.integer({ min: 40, max: HORIZON }) })
    .map(({ start, end }) => ({ start: base + start, end: base + end }));
  return fc.oneof(
    { weight: 12, arbitrary: validSpans(base) },
    { weight: 3, arbitrary: long },
    { weight: 1, arbitrary: wild },
  );
}

const someResource = fc.nat({ max: RESOURCES - 1 }).map(resourceId);

/** The first three resources are the busy ones, so that allocations collide often. */
const busyResource = fc.oneof(
  { weight: 12, arbitrary: fc.nat({ max: 2 }).map(resourceId) },
  { weight: 1, arbitrary: someResource },
);

const resourceImages: fc.Arbitrary<ResourceImage> = fc.record({
  id: someResource,
  parentId: fc.option(someResource, { freq: 4 }),
  name: fc.option(fc.constantFrom("room", "Größe", ""), { freq: 2 }),
  capacity: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 3 }) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 0 }) },
  ),
  bufferAfterMs: fc.oneof(
    { weight: 6, arbitrary: fc.constant(0) },
    { weight: 6, arbitrary: fc.integer({ min: 1, max: 5 }) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 5 }) },
  ),
  enforceRules: fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.boolean() }),
});

function ruleImages(base: number): fc.Arbitrary<RuleImage> {
  return fc
    .record({
      id: fc.nat({ max: RULES - 1 }).map(ruleId),
      resourceId: someResource,
      span: spans(base),
      blocking: fc.boolean(),
    })
    .map(({ id, resourceId, span, blocking }) => ({ id, resourceId, blocking, ...span }));
}

/** Anywhere, or at the n-th allocation's own place or span, so that updates often change all but those. */
function places(base: number, n: number): fc.Arbitrary<{ resourceId: Id; start: number; end: number }> {
  const start = base + ((n * 7) % (HORIZON - 6));
  const own = { start, end: start + 4 };
  const anywhere = fc.record({ resourceId: busyResource, span: spans(base) });
  return fc.oneof(
    { weight: 4, arbitrary: anywhere.map(({ resourceId, span }) => ({ resourceId, ...span })) },
    { weight: 1, arbitrary: busyResource.map((resourceId) => ({ resourceId, ...own })) },
    { weight: 1, arbitrary: fc.constant({ resourceId: resourceId(n % 3), ...own }) },
  );
}

function bookingImages(base: number): fc.Arbitrary<BookingImage> {
  const labels = fc.option(fc.constantFrom("Ada", "", "naïve ✓"), { freq: 2 });
  return fc.nat({ max: BOOKINGS - 1 }).chain((n) =>
    fc.record({ place: places(base, n), label: labels }).map(({ place, label }) => {
      return { id: bookingId(n), label, ...place };
    }),
  );
}

function holdImages(base: number): fc.Arbitrary<HoldImage> {
  const expiries = fc.integer({ min: CLOCK_START - 1, max: CLOCK_START + CLOCK_RANGE });
  return fc.nat({ max: HOLDS - 1 }).chain((n) =>
    fc.record({ place: places(base, n), expiresAt: expiries }).map(({ place, expiresAt }) => {
      return { id: holdId(n), expiresAt, ...place };
    }),
  );
}

/** One command of any of the thirteen kinds. */
export function commands(base: number): fc.Arbitrary<Command> {
  const resource = resourceImages;
  const rule = ruleImages(base);
  const booking = bookingImages(base);
  const hold = holdImages(base);
  const aBooking = fc.nat({ max: BOOKINGS - 1 }).map(bookingId);
  const aHold = fc.nat({ max: HOLDS - 1 }).map(holdId);
  const labels = fc.option(fc.constantFrom("Bob", "x"), { freq: 1 });
  const kinds: { weight: number; arbitrary: fc.Arbitrary<Command> }[] = [
    { weight: 4, arbitrary: resource.map((it) => ({ kind: "createResource", resource: it })) },
    { weight: 10, arbitrary: resource.map((it) => ({ kind: "updateResource", resource: it })) },
    { weight: 1, arbitrary: someResource.map((id) => ({ kind: "deleteResource", id })) },
    { weight: 6, arbitrary: rule.map((it) => ({ kind: "addRule", rule: it })) },
    { weight: 6, arbitrary: rule.map((it) => ({ kind: "updateRule", rule: it })) },
    { weight: 1, arbitrary: fc.nat({ max: RULES - 1 }).map((n) => ({ kind: "removeRule", id: ruleId(n) })) },
    { weight: 28, arbitrary: booking.map((it) => ({ kind: "placeBooking", booking: it })) },
    { weight: 14, arbitrary: booking.map((it) => ({ kind: "moveBooking", booking: it })) },
    { weight: 3, arbitrary: aBooking.map((id) => ({ kind: "cancelBooking", id })) },
    { weight: 1, arbitrary: aBooking.map((id) => ({ kind: "forgetBooking", id })) },
    { weight: 16, arbitrary: hold.map((it) => ({ kind: "placeHold", hold: it })) },
    { weight: 8, arbitrary: hold.map((it) => ({ kind: "changeHold", hold: it })) },
    { weight: 1, arbitrary: aHold.map((id) => ({ kind: "releaseHold", id })) },
    {
      weight: 8,
      arbitrary: fc
        .record({ bookingId: aBooking, holdId: aHold, label: labels })
        .map((it) => ({ kind: "confirmHold", ...it })),
    },
  ];
  return fc.oneof(...kinds);
}

/** The same resources in most stories: a chain of four, R3 below R2 below R1 below R0, and a root beside it. */
function foundation(base: number): fc.Arbitrary<Step> {
  const row = fc.record({
    capacity: fc.integer({ min: 1, max: 3 }),
    bufferAfterMs: fc.constantFrom(0, 0, 1, 4),
    enforceRules: fc.constantFrom(null, null, null, true, false),
  });
  return fc.array(row, { minLength: 5, maxLength: 5 }).map((rows) => {
    const resources = rows.map((it, n): Command => {
      const parentId = n === 0 || n === 4 ? null : resourceId(n - 1);
      return { kind: "createResource", resource: { id: resourceId(n), parentId, name: null, ...it } };
    });
    const span = { start: base, end: base + HORIZON };
    const open = [0, 4].map((n): Command => {
      return {
        kind: "addRule",
        rule: { id: ruleId(n), resourceId: resourceId(n), blocking: false, ...span },
      };
    });
    return { advanceMs: 0, commands: [...resources, ...open] };
  });
}

function stepsFrom(base: number, longestBatch: number): fc.Arbitrary<Step> {
  const advances = fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.nat({ max: 4 }) },
    { weight: 1, arbitrary: fc.integer({ min: -5, max: -1 }) },
  );
  return fc.record({
    advanceMs: advances,
    commands: fc.oneof(
      { weight: 6, arbitrary: fc.array(commands(base), { minLength: 1, maxLength: 1 }) },
      { weight: 1, arbitrary: fc.array(commands(base), { minLength: 1, maxLength: longestBatch }) },
    ),
  });
}

export function stories(longest = 60, longestBatch = 4): fc.Arbitrary<Story> {
  return bases.chain((base) => {
    const steps = fc.array(stepsFrom(base, longestBatch), { minLength: 1, maxLength: longest, size: "max" });
    return fc
      .record({
        first: fc.option(foundation(base), { freq: 8 }),
        steps,
        enforce: fc.constantFrom(false, false, true),
      })
      .map(({ first, steps, enforce }) => ({
        base,
        enforceRulesByDefault: enforce,
        steps: first === null ? steps : [first, ...steps],
      }));
  });
}
