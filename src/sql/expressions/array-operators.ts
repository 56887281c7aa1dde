/** `@>`, `<@` and `&&`: arrays as sets, in which NULL equals nothing. */

import { BOOL, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { BinaryOperation } from "./arithmetic.ts";
import { comparisonTest } from "./comparison.ts";

type Items = readonly Value[];

/** null if there is no such operator for these types. */
export function setOperation(operator: string, left: PgType, right: PgType): BinaryOperation | null {
  const element = left.arrayOf;
  if (element === undefined || left !== right) return null;
  const same = comparisonTest("=", element, element);
  if (same === null) return null;
  const has = (array: Items, wanted: Value): boolean =>
    wanted !== null && array.some((item) => item !== null && same(item, wanted));
  const contains = (outer: Items, inner: Items): boolean => inner.every((item) => has(outer, item));
  switch (operator) {
    case "@>":
      return { type: BOOL, apply: (a, b) => contains(a as Items, b as Items) };
    case "<@":
      return { type: BOOL, apply: (a, b) => contains(b as Items, a as Items) };
    case "&&":
      return { type: BOOL, apply: (a, b) => (a as Items).some((item) => has(b as Items, item)) };
    default:
      return null;
  }
}
