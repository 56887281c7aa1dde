/** What stands behind a value: `array[n]`, `array[from:to]`, `(record).field`, one after the other. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { A_Indices, Node } from "../parse/ast.ts";
import { firstSubscript, INT4 } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { tryCast } from "./casts.ts";
import type { Expression } from "./expression.ts";

/** Throws 42804 for what has no elements, 42809 and 42703 for what has no such field, 0A000. */
export function compileIndirection(
  base: Expression,
  steps: readonly Node[],
  compileIndex: (node: Node) => Expression,
  position: number,
  positionOf: (node: Node) => number = () => position,
): Expression {
  let value = base;
  for (const step of steps) {
    if ("A_Indices" in step) value = subscript(value, step.A_Indices, compileIndex, position, positionOf);
    else {
      const name = "String" in step ? step.String.sval : undefined;
      if (name === undefined) {
        throw new DeltatError(SqlState.featureNotSupported, "row expansion via .* is not supported here", {
          position,
        });
      }
      value = fieldOf(value, name, position);
    }
  }
  return value;
}

function fieldOf(record: Expression, name: string, position: number): Expression {
  const { fields } = record.type;
  if (fields === undefined) {
    throw new DeltatError(
      SqlState.wrongObjectType,
      `column notation .${name} applied to type ${record.type.name}, which is not a composite type`,
      { position },
    );
  }
  const at = fields.findIndex((field) => field.name === name);
  const field = fields[at];
  if (field === undefined) {
    throw new DeltatError(
      SqlState.undefinedColumn,
      `could not identify column "${name}" in record data type`,
      { position },
    );
  }
  return {
    type: field.type,
    evaluate: (frame): Value => {
      const parts = record.evaluate(frame) as readonly Value[] | null;
      return parts === null ? null : (parts[at] ?? null);
    },
  };
}

/** Elements count from 1, those of vectors from 0; NULL outside. */
function subscript(
  array: Expression,
  indices: A_Indices,
  compileIndex: (node: Node) => Expression,
  position: number,
  positionOf: (node: Node) => number,
): Expression {
  const element = array.type.arrayOf;
  if (element === undefined) {
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `cannot subscript type ${array.type.name} because it does not support subscripting`,
      { position },
    );
  }
  const first = firstSubscript(array.type);
  const bound = (node: Node | undefined): Expression | null => {
    if (node === undefined) return null;
    const index = tryCast(compileIndex(node), INT4, "assignment");
    if (index !== null) return index;
    throw new DeltatError(SqlState.datatypeMismatch, "array subscript must have type integer", {
      position: positionOf(node),
    });
  };
  const upper = bound(indices.uidx);
  if (indices.is_slice === true) return slice(array, bound(indices.lidx), upper, first);
  if (upper === null) throw new DeltatError(SqlState.internalError, "subscript without index");
  return {
    type: element,
    evaluate: (frame): Value => {
      const items = array.evaluate(frame) as readonly Value[] | null;
      const n = upper.evaluate(frame) as number | null;
      return items === null || n === null ? null : (items[n - first] ?? null);
    },
  };
}

function slice(
  array: Expression,
  lower: Expression | null,
  upper: Expression | null,
  first: number,
): Expression {
  return {
    type: array.type,
    evaluate: (frame): Value => {
      const items = array.evaluate(frame) as readonly Value[] | null;
      const from = lower === null ? first : (lower.evaluate(frame) as number | null);
      const to = upper === null ? Number.POSITIVE_INFINITY : (upper.evaluate(frame) as number | null);
      if (items === null || from === null || to === null) return null;
      return items.slice(Math.max(0, from - first), Math.max(0, to - first + 1));
    },
  };
}
