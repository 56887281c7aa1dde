/** Insertion and removal in a column, held against an array and its `toSpliced`. */

import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { insertAt, insertRowAt, removeAt, removeRowAt } from "../../kernels/sorted.ts";
import { GUARD, guarded } from "./oracle.ts";

const cases = fc.tuple(fc.array(fc.nat(1000), { maxLength: 24 }), fc.nat(24), fc.nat(6), fc.nat(1000));

test("an insert moves the tail up by one and touches nothing else", () => {
  fc.assert(
    fc.property(cases, ([values, place, offset, value]) => {
      const index = Math.min(place, values.length);
      const expected = values.toSpliced(index, 0, value);
      const column = guarded(values, offset, values.length + 1);
      insertAt(column, offset, values.length, index, value);
      expect(column).toEqual(guarded(expected, offset));
      const rows = Uint32Array.from(guarded(values, offset, values.length + 1));
      insertRowAt(rows, offset, values.length, index, value);
      expect(rows).toEqual(Uint32Array.from(guarded(expected, offset)));
    }),
    { numRuns: 400 },
  );
});

test("a removal moves the tail down by one and leaves its last cell as it was", () => {
  fc.assert(
    fc.property(cases, ([values, place, offset]) => {
      fc.pre(values.length > 0);
      const index = Math.min(place, values.length - 1);
      const expected = [...values.toSpliced(index, 1), values.at(-1) ?? GUARD];
      const column = guarded(values, offset);
      removeAt(column, offset, values.length, index);
      expect(column).toEqual(guarded(expected, offset));
      const rows = Uint32Array.from(guarded(values, offset));
      removeRowAt(rows, offset, values.length, index);
      expect(rows).toEqual(Uint32Array.from(guarded(expected, offset)));
    }),
    { numRuns: 400 },
  );
});
