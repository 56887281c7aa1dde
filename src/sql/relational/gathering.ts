/** Aggregates that keep all they are given: arrays, JSON, joined texts. */

import { DeltatError, SqlState } from "../../errors.ts";
import { normaliseJson, toJson } from "../json/to-json.ts";
import { arrayTypeOf, JSONB, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Accumulator, AggregateFunction } from "./accumulators.ts";

export function gatherArray(type: PgType): AggregateFunction | null {
  const array = arrayTypeOf(type);
  if (array === undefined) return null;
  return { type: array, parameters: [type], gathers: true, create: () => gathering((items) => items) };
}

export function gatherJson(type: PgType, result: PgType): AggregateFunction {
  return {
    type: result,
    parameters: [type],
    gathers: true,
    create: () =>
      gathering((items) => {
        // PostgreSQL begins a line for each object or array but the first.
        const isStructured = type.fields !== undefined || type.arrayOf !== undefined;
        const text = items
          .map((item, at) => (isStructured && at > 0 && item !== null ? "\n " : "") + toJson(type, item))
          .join(", ");
        return result === JSONB ? normaliseJson(`[${text}]`) : `[${text}]`;
      }),
  };
}

/** NULL of no rows. */
function gathering(finish: (items: readonly Value[]) => Value): Accumulator {
  const items: Value[] = [];
  return {
    add: (value) => {
      items.push(value);
    },
    result: () => (items.length === 0 ? null : finish(items.slice())),
  };
}

/** The delimiter that comes with a value goes in front of it, unless it is the first. */
export function joinTexts(): AggregateFunction {
  return {
    type: TEXT,
    parameters: [TEXT, TEXT],
    gathers: true,
    create: () => {
      let joined: string | null = null;
      return {
        add: (value, delimiter) => {
          if (value === null) return;
          joined = joined === null ? String(value) : joined + String(delimiter ?? "") + String(value);
        },
        result: () => joined,
      };
    },
  };
}

export function gatherObject(keyType: PgType, valueType: PgType, result: PgType): AggregateFunction {
  return {
    type: result,
    parameters: [keyType, valueType],
    gathers: true,
    create: () => {
      const parts: string[] = [];
      return {
        add: (key, value) => {
          if (key === null) {
            throw new DeltatError(SqlState.invalidParameterValue, "field name must not be null");
          }
          const name =
            keyType.category === "string" ? String(key) : toJson(keyType, key).replace(/^"|"$/g, "");
          parts.push(`${JSON.stringify(name)} : ${toJson(valueType, value)}`);
        },
        result: () => {
          if (parts.length === 0) return null;
          const text = `{ ${parts.join(", ")} }`;
          return result === JSONB ? normaliseJson(text) : text;
        },
      };
    },
  };
}
