/**
 * Whether a value is among many: `IN (…)` and `= ANY (array)`. Beyond a few values these become a set of keys, made once
 * per run (for an array: once per array), so that the time of a scan does not grow with the list.
 */

import { type Node, nameParts } from "../parse/ast.ts";
import { type Key, type KeyOf, keyOf } from "../relational/row-key.ts";
import { BOOL, isInteger, isOid, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Expression, Frame } from "./expression.ts";

/** Up to so many values, comparing one after the other is faster. */
const FEW_VALUES = 8;

interface Members {
  readonly keys: ReadonlySet<Key>;
  readonly hasNull: boolean;
}

/** First part of a name that stands for an expression already compiled that has one value for a run. */
export const BOUND_CONSTANT = "\0constant";

/** Whether a node has one value for a whole run: constants, parameters, and casts and arrays of them. */
export function isRunConstant(node: Node | undefined): boolean {
  if (node === undefined) return false;
  if ("A_Const" in node || "ParamRef" in node) return true;
  if ("ColumnRef" in node) return nameParts(node.ColumnRef.fields)[0] === BOUND_CONSTANT;
  if ("TypeCast" in node) return isRunConstant(node.TypeCast.arg);
  if ("A_ArrayExpr" in node) return (node.A_ArrayExpr.elements ?? []).every(isRunConstant);
  return false;
}

/** The same expression, evaluated once per run. For what has one value there. */
export function oncePerRun(expression: Expression): Expression {
  const values = new WeakMap<Frame, { readonly value: Value }>();
  return {
    type: expression.type,
    evaluate: (frame) => {
      const known = values.get(frame);
      if (known !== undefined) return known.value;
      const value = expression.evaluate(frame);
      values.set(frame, { value });
      return value;
    },
  };
}

/**
 * `left` IN `items`, all typed and comparable with it; null if a set is not worth its making or the types do not share
 * their keys. The items must be constant for a run.
 */
export function memberOf(left: Expression, items: readonly Expression[]): Expression | null {
  const key = items.length > FEW_VALUES ? sharedKey(left.type, items) : null;
  if (key === null) return null;
  const made = new WeakMap<Frame, Members>();
  return {
    type: BOOL,
    evaluate: (frame) => {
      let members = made.get(frame);
      if (members === undefined) {
        members = membersOf(
          items.map((item) => item.evaluate(frame)),
          key,
        );
        made.set(frame, members);
      }
      return isMember(left.evaluate(frame), members, key);
    },
  };
}

function sharedKey(type: PgType, items: readonly Expression[]): KeyOf | null {
  const types = new Set(items.map((item) => item.type));
  const [only] = types;
  if (only === undefined) return null;
  const areWhole = [type, ...types].every((each) => isInteger(each) || isOid(each));
  return types.size === 1 || areWhole ? keyOf(type, only) : null;
}

/** Looks values up in arrays of `element`; null if the types have no keys. An array is known again by its identity. */
export function arrayMembership(
  type: PgType,
  element: PgType,
): ((value: Value, items: readonly Value[]) => boolean | null) | null {
  const key = keyOf(type, element);
  if (key === null) return null;
  const made = new WeakMap<readonly Value[], Members>();
  return (value, items) => {
    let members = made.get(items);
    if (members === undefined) {
      members = membersOf(items, key);
      made.set(items, members);
    }
    return isMember(value, members, key);
  };
}

/** Whether an array is long enough for `arrayMembership`. */
export function isLong(items: readonly Value[]): boolean {
  return items.length > FEW_VALUES;
}

function membersOf(values: readonly Value[], key: KeyOf): Members {
  const keys = new Set<Key>();
  let hasNull = false;
  for (const value of values) {
    if (value === null) hasNull = true;
    else keys.add(key(value));
  }
  return { keys, hasNull };
}

/** A value that is not there is unknown where it may equal a NULL. */
function isMember(value: Value, { keys, hasNull }: Members, key: KeyOf): boolean | null {
  if (value === null) return null;
  if (keys.has(key(value))) return true;
  return hasNull ? null : false;
}
