/** Slices take turns: as many as fit into one, then the next. */

import { expect, test } from "bun:test";
import { TURN_SLICES_MS } from "../../src/limits.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import { ManualTimers } from "./scripted-sql.ts";

function queueWith(sliceMs: number) {
  const timers = new ManualTimers();
  let nowMs = 0;
  const queue = new SliceQueue(timers, () => nowMs);
  const ran: string[] = [];
  const add = (name: string, slices: number): void =>
    queue.add(() => {
      ran.push(name);
      nowMs += sliceMs;
      if (slices > 1) add(name, slices - 1);
    });
  const turn = () => {
    timers.turn();
    return ran.splice(0).join("");
  };
  return { timers, add, turn };
}

test("in one turn run as many slices as fit into its time, everybody's in turn", () => {
  const { add, turn, timers } = queueWith(TURN_SLICES_MS / 2);
  for (const name of ["a", "b", "c"]) add(name, 2);
  expect([turn(), turn(), turn(), turn()]).toEqual(["ab", "ca", "bc", ""]);
  expect(timers.turn()).toBe(false);
});

test("a long slice is the only one of its turn, and short ones are many", () => {
  const long = queueWith(10 * TURN_SLICES_MS);
  for (const name of ["a", "b"]) long.add(name, 1);
  expect([long.turn(), long.turn()]).toEqual(["a", "b"]);
  const short = queueWith(TURN_SLICES_MS / 100);
  for (let i = 0; i < 250; i++) short.add("x", 1);
  expect([short.turn().length, short.turn().length, short.turn().length]).toEqual([100, 100, 50]);
});
