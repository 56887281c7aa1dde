/** The aggregate functions: for which arguments each exists, and how it takes in one value after the other. */

import { DeltatError, SqlState } from "../../errors.ts";
import { canCast, integerOutOfRange } from "../expressions/casts.ts";
import { comparatorOf } from "../expressions/comparison.ts";
import type { Expression } from "../expressions/expression.ts";
import { isUntyped } from "../expressions/untyped.ts";
import { notSupportedAt } from "../parse/unsupported.ts";
import {
  addIntervals,
  formatInterval,
  type Interval,
  intervalOf,
  multiplyInterval,
} from "../time/interval.ts";
import { addDecimals, type Decimal, decimalOf, divideDecimals, formatDecimal } from "../values/numeric.ts";
import { isInRange } from "../values/scalar-text.ts";
import {
  BOOL,
  FLOAT4,
  FLOAT8,
  INT2,
  INT4,
  INT8,
  INTERVAL,
  isFloat,
  isInteger,
  JSON_TYPE,
  JSONB,
  NUMERIC,
  type PgType,
  TEXT,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import { gatherArray, gatherJson, gatherObject, joinTexts } from "./gathering.ts";
import { statisticOfOne, statisticOfPairs } from "./statistics.ts";

export interface Accumulator {
  add(value: Value, second: Value): void;
  /** Takes out what was added first of all that is in, where that is exact: for frames that move. */
  remove?(value: Value): void;
  result(): Value;
}

export interface AggregateFunction {
  readonly type: PgType;
  readonly parameters: readonly PgType[];
  /** Its accumulator grows with every value. */
  readonly gathers?: true;
  create(): Accumulator;
}

/** Throws 42883 if there is no such aggregate for these arguments. */
export function chooseAggregate(
  name: string,
  args: readonly Expression[],
  isStar: boolean,
  position: number,
): AggregateFunction {
  const types = args.map((arg) => (isUntyped(arg) ? TEXT : arg.type));
  const [type, second] = types;
  const chosen = isStar
    ? name === "count"
      ? count([])
      : null
    : args.length === 1 && type !== undefined
      ? ofOne(name, type)
      : args.length === 2 && type !== undefined && second !== undefined
        ? ofTwo(name, type, second)
        : null;
  if (chosen !== null) return chosen;
  const shown = isStar ? "*" : args.map((arg) => arg.type.name).join(", ");
  if (name === "array_agg" && args.length === 1 && type !== undefined) {
    throw notSupportedAt(`an array of ${type.name} is`, position);
  }
  // Without a type, any of its types of numbers would do.
  if (!isStar && args.length === 1 && args.every(isUntyped) && ofOne(name, NUMERIC) !== null) {
    throw new DeltatError(SqlState.ambiguousFunction, `function ${name}(unknown) is not unique`, {
      hint: "Could not choose a best candidate function. You might need to add explicit type casts.",
      position,
    });
  }
  throw new DeltatError(
    SqlState.undefinedFunction,
    `function ${name}(${isStar ? "" : shown}) does not exist`,
    {
      hint: "No function matches the given name and argument types. You might need to add explicit type casts.",
      position,
    },
  );
}

function ofOne(name: string, type: PgType): AggregateFunction | null {
  switch (name) {
    case "count":
      return count([type]);
    case "sum":
      return sum(type);
    case "avg":
      return average(type);
    case "min":
    case "max":
      return extreme(type, name === "max" ? 1 : -1);
    case "bool_and":
    case "every":
      return type === BOOL ? truth(false) : null;
    case "bool_or":
      return type === BOOL ? truth(true) : null;
    case "array_agg":
      return gatherArray(type);
    case "json_agg":
    case "jsonb_agg":
      return gatherJson(type, name === "jsonb_agg" ? JSONB : JSON_TYPE);
    default:
      return statisticOfOne(name, type);
  }
}

function ofTwo(name: string, type: PgType, second: PgType): AggregateFunction | null {
  switch (name) {
    case "string_agg":
      return canCast(type, TEXT, "implicit") && canCast(second, TEXT, "implicit") ? joinTexts() : null;
    case "json_object_agg":
    case "jsonb_object_agg":
      return gatherObject(type, second, name === "jsonb_object_agg" ? JSONB : JSON_TYPE);
    default:
      return canCast(type, FLOAT8, "implicit") && canCast(second, FLOAT8, "implicit")
        ? statisticOfPairs(name)
        : null;
  }
}

function count(parameters: readonly PgType[]): AggregateFunction {
  return {
    type: INT8,
    parameters,
    create: () => {
      let n = 0;
      return {
        add: (value) => {
          if (value !== null || parameters.length === 0) n++;
        },
        remove: (value) => {
          if (value !== null || parameters.length === 0) n--;
        },
        result: () => n,
      };
    },
  };
}

/** Exact whole-number sums: a double while it is exact, then a BigInt. */
function wholeSum() {
  let small = 0;
  let big = 0n;
  let n = 0;
  const put = (value: number | bigint): void => {
    const next = typeof value === "bigint" ? Number.NaN : small + value;
    if (Number.isSafeInteger(next)) small = next;
    else {
      big += BigInt(small) + BigInt(value);
      small = 0;
    }
  };
  return {
    add: (value: Value) => {
      if (value === null) return;
      n++;
      put(value as number | bigint);
    },
    remove: (value: Value) => {
      if (value === null) return;
      n--;
      put(-(value as number | bigint));
    },
    total: () => big + BigInt(small),
    count: () => n,
  };
}

function sum(type: PgType): AggregateFunction | null {
  if (isInteger(type)) {
    const result = type === INT8 ? NUMERIC : INT8;
    return {
      type: result,
      parameters: [type],
      create: () => {
        const state = wholeSum();
        return {
          add: state.add,
          remove: state.remove,
          result: () => {
            if (state.count() === 0) return null;
            const total = state.total();
            if (result === NUMERIC) return String(total);
            if (!isInRange(INT8, total)) throw integerOutOfRange(INT8);
            return integerValue(total);
          },
        };
      },
    };
  }
  if (isFloat(type)) return floatSum(type);
  if (type === INTERVAL) return intervalSum((total) => total);
  if (type !== NUMERIC) return null;
  return { type: NUMERIC, parameters: [NUMERIC], create: () => decimalSum((total) => formatDecimal(total)) };
}

function floatSum(type: PgType): AggregateFunction {
  return {
    type,
    parameters: [type],
    create: () => {
      let total: number | null = null;
      return {
        add: (value) => {
          if (value === null) return;
          total = (total ?? 0) + (value as number);
          if (type === FLOAT4) total = Math.fround(total);
        },
        result: () => total,
      };
    },
  };
}

function intervalSum(finish: (total: Interval, n: number) => Interval): AggregateFunction {
  return {
    type: INTERVAL,
    parameters: [INTERVAL],
    create: () => {
      let total: Interval | null = null;
      let n = 0;
      return {
        add: (value) => {
          if (value === null) return;
          n++;
          total = total === null ? intervalOf(value) : addIntervals(total, intervalOf(value));
        },
        result: () => (total === null ? null : formatInterval(finish(total, n))),
      };
    },
  };
}

function decimalSum(finish: (total: Decimal, n: number) => Value): Accumulator {
  let total: Decimal | null = null;
  let n = 0;
  return {
    add: (value) => {
      if (value === null) return;
      n++;
      const next = decimalOf(String(value));
      total = total === null ? next : addDecimals(total, next);
    },
    result: () => (total === null ? null : finish(total, n)),
  };
}

function average(type: PgType): AggregateFunction | null {
  if (isFloat(type)) {
    return {
      type: FLOAT8,
      parameters: [type],
      create: () => {
        let total = 0;
        let n = 0;
        return {
          add: (value) => {
            if (value === null) return;
            n++;
            total += value as number;
          },
          result: () => (n === 0 ? null : total / n),
        };
      },
    };
  }
  if (type === INTERVAL) return intervalSum((total, n) => multiplyInterval(total, 1 / n));
  const mean = (total: Decimal, n: number): Value =>
    formatDecimal(divideDecimals(total, { digits: BigInt(n), scale: 0 }));
  if (type === NUMERIC) return { type: NUMERIC, parameters: [NUMERIC], create: () => decimalSum(mean) };
  if (type !== INT2 && type !== INT4 && type !== INT8) return null;
  return {
    type: NUMERIC,
    parameters: [type],
    create: () => {
      const state = wholeSum();
      return {
        add: state.add,
        remove: state.remove,
        result: () => (state.count() === 0 ? null : mean({ digits: state.total(), scale: 0 }, state.count())),
      };
    },
  };
}

function extreme(type: PgType, sign: 1 | -1): AggregateFunction | null {
  const compare = comparatorOf(type);
  // PostgreSQL has neither for booleans and records.
  if (compare === null || type === BOOL || type.fields !== undefined) return null;
  const result = type.typname === "varchar" || type.typname === "name" ? TEXT : type;
  return {
    type: result,
    parameters: [result],
    create: () => {
      let best: Value = null;
      return {
        add: (value) => {
          if (value !== null && (best === null || compare(value, best) * sign > 0)) best = value;
        },
        result: () => best,
      };
    },
  };
}

/** bool_or is decided by a true, bool_and by a false; NULLs do not count. */
function truth(deciding: boolean): AggregateFunction {
  return {
    type: BOOL,
    parameters: [BOOL],
    create: () => {
      let answer: Value = null;
      return {
        add: (value) => {
          if (value !== null && answer !== deciding) answer = value;
        },
        result: () => answer,
      };
    },
  };
}
