/** Functions that give rows: generate_series, unnest, and any scalar function as a relation of one row. */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_FUNCTION_ROWS } from "../../limits.ts";
import { tryCast } from "../expressions/casts.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import { compileCall } from "../expressions/function-call.ts";
import { isUntyped, resolveUntyped } from "../expressions/untyped.ts";
import { regexOf, splitByRegex } from "../regex/regex.ts";
import type { Micros } from "../time/calendar.ts";
import { addToLocal, comparableMicros, intervalOf } from "../time/interval.ts";
import { moveInstant } from "../time/operators.ts";
import { addDecimals, compareDecimals, decimalOf, formatDecimal } from "../values/numeric.ts";
import {
  firstSubscript,
  INT4,
  INT8,
  INTERVAL,
  isInteger,
  isTimeType,
  NUMERIC,
  type PgType,
  REGCLASS,
  TEXT,
  TIMESTAMP,
  TIMESTAMPTZ,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import { isSetFunction } from "./aggregate-calls.ts";
import { isJsonSet, planJsonSet } from "./json-sets.ts";

/** Rows by position, made when they are asked for where that is possible. An array is one. */
export interface RowList {
  readonly length: number;
  at(index: number): readonly Value[] | undefined;
}

export interface SetFunction {
  /** Names are those that the relation's alias does not replace; null: the function's own. */
  readonly columns: readonly { readonly name: string | null; readonly type: PgType }[];
  rows(frame: Frame): RowList;
}

/** The rows that a call gives. Throws 42883 for arguments it does not take. */
export function planSetFunction(
  name: string,
  args: readonly Expression[],
  position: number,
  /** Those that the statement lists for it. */
  columns: SetFunction["columns"] | null = null,
): SetFunction {
  const planned = isJsonSet(name)
    ? planJsonSet(name, args, columns)
    : isSetFunction(name)
      ? plan(name, args)
      : scalarFunction(name, args, position);
  if (planned !== null) return planned;
  if (name === "unnest" && args.length === 1 && args.every(isUntyped)) {
    throw new DeltatError(SqlState.ambiguousFunction, "function unnest(unknown) is not unique", {
      hint: "Could not choose a best candidate function. You might need to add explicit type casts.",
      position,
    });
  }
  throw new DeltatError(
    SqlState.undefinedFunction,
    `function ${name}(${args.map((arg) => arg.type.name).join(", ")}) does not exist`,
    {
      hint: "No function matches the given name and argument types. You might need to add explicit type casts.",
      position,
    },
  );
}

function plan(name: string, args: readonly Expression[]): SetFunction | null {
  switch (name) {
    case "generate_series":
      return generateSeries(args);
    case "information_schema._pg_expandarray":
      return expandArray(args);
    case "unnest":
      return unnest(args);
    case "pg_partition_ancestors":
      // No table here is a partition of another.
      return { columns: [{ name: "relid", type: REGCLASS }], rows: () => [] };
    case "generate_subscripts":
      return subscripts(args);
    default:
      return splitText(name, args);
  }
}

function scalarFunction(name: string, args: readonly Expression[], position: number): SetFunction {
  const call = compileCall(name, args, position);
  // A function that gives an array of records is a relation of its own; any other has one row.
  const fields = call.type.arrayOf?.fields;
  if (fields !== undefined) {
    return {
      columns: fields,
      rows: (frame) => (call.evaluate(frame) ?? []) as readonly (readonly Value[])[],
    };
  }
  return { columns: [{ name: null, type: call.type }], rows: (frame) => [[call.evaluate(frame)]] };
}

function castAll(args: readonly Expression[], type: PgType): Expression[] | null {
  const cast = args.map((arg) => tryCast(arg, type, "implicit"));
  return cast.includes(null) ? null : (cast as Expression[]);
}

function generateSeries(args: readonly Expression[]): SetFunction | null {
  if (args.length < 2 || args.length > 3) return null;
  const typed = args.filter((arg) => !isUntyped(arg));
  if (typed.some((arg) => isTimeType(arg.type))) return timeSeries(args);
  const isWhole = typed.every((arg) => isInteger(arg.type));
  const type = !isWhole ? NUMERIC : typed.some((arg) => arg.type === INT8) ? INT8 : INT4;
  const cast = castAll(args, type);
  if (cast === null) return null;
  const series = type === NUMERIC ? decimalSeries : wholeSeries;
  return {
    columns: [{ name: null, type }],
    rows: (frame) => {
      const [first, last, step = type === NUMERIC ? "1" : 1] = cast.map((arg) => arg.evaluate(frame));
      if (first == null || last == null || step === null) return [];
      return series(first, last, step);
    },
  };
}

/** From one instant to another by an interval; dates are taken as timestamptz, as PostgreSQL does. */
function timeSeries(args: readonly Expression[]): SetFunction | null {
  const isLocal = args.slice(0, 2).every((arg) => isUntyped(arg) || arg.type === TIMESTAMP);
  const type = isLocal ? TIMESTAMP : TIMESTAMPTZ;
  const [first, last, step] = args.map((arg, at) => tryCast(arg, at < 2 ? type : INTERVAL, "implicit"));
  if (first == null || last == null || step == null) return null;
  return {
    columns: [{ name: null, type }],
    rows: (frame) => {
      const from = first.evaluate(frame) as Micros | null;
      const to = last.evaluate(frame) as Micros | null;
      const by = step.evaluate(frame);
      if (from === null || to === null || by === null) return [];
      const interval = intervalOf(by);
      const direction = comparableMicros(interval);
      if (direction === 0n) throw zeroStep();
      const values: (readonly Value[])[] = [];
      for (let at = from; direction > 0n ? at <= to : at >= to; ) {
        values.push([at]);
        checkLength(values.length);
        at = isLocal ? addToLocal(at, interval) : moveInstant(at, interval);
      }
      return values;
    },
  };
}

function zeroStep(): DeltatError {
  return new DeltatError(SqlState.invalidParameterValue, "step size cannot equal zero");
}

function wholeSeries(first: Value, last: Value, step: Value): RowList {
  const by = BigInt(step as number);
  if (by === 0n) throw zeroStep();
  const start = BigInt(first as number);
  const steps = (BigInt(last as number) - start) / by;
  const isEmpty = by > 0n ? BigInt(last as number) < start : BigInt(last as number) > start;
  const length = isEmpty ? 0 : Number(steps) + 1;
  checkLength(length);
  const isSmall = [start, by, start + by * steps].every((value) => Number.isSafeInteger(Number(value)));
  const [from, increment] = [Number(start), Number(by)];
  return {
    length,
    at: (index) => {
      if (index >= length) return undefined;
      return [isSmall ? from + index * increment : integerValue(start + BigInt(index) * by)];
    },
  };
}

function decimalSeries(first: Value, last: Value, step: Value): RowList {
  const by = decimalOf(String(step));
  if (by.digits === 0n) throw zeroStep();
  const end = decimalOf(String(last));
  const values: (readonly Value[])[] = [];
  for (let at = decimalOf(String(first)); ; at = addDecimals(at, by)) {
    const order = compareDecimals(at, end);
    if (by.digits > 0n ? order > 0 : order < 0) return values;
    values.push([formatDecimal(at)]);
    checkLength(values.length);
  }
}

function checkLength(length: number): void {
  if (length <= MAX_FUNCTION_ROWS) return;
  throw new DeltatError(SqlState.programLimitExceeded, "limit exceeded: rows of a function", {
    detail: `A function may give ${MAX_FUNCTION_ROWS} rows.`,
  });
}

/** Several arrays side by side, the shorter ones filled with NULL. */
function unnest(args: readonly Expression[]): SetFunction | null {
  if (args.length === 0 || args.some((arg) => arg.type.arrayOf === undefined)) return null;
  const columns = args.map((arg) => ({ name: null, type: arg.type.arrayOf as PgType }));
  return {
    columns,
    rows: (frame) => {
      const arrays = args.map((arg) => (arg.evaluate(frame) ?? []) as readonly Value[]);
      const length = Math.max(...arrays.map((array) => array.length));
      return Array.from({ length }, (_, at) => arrays.map((array) => array[at] ?? null));
    },
  };
}

/** Elements and their places from 1: information_schema's own helper, which drivers use on keys. */
function expandArray([array]: readonly Expression[]): SetFunction | null {
  const element = array?.type.arrayOf;
  if (array === undefined || element === undefined) return null;
  return {
    columns: [
      { name: "x", type: element },
      { name: "n", type: INT4 },
    ],
    rows: (frame) => ((array.evaluate(frame) ?? []) as readonly Value[]).map((item, at) => [item, at + 1]),
  };
}

function subscripts(args: readonly Expression[]): SetFunction | null {
  const [array, dimension] = args;
  if (array?.type.arrayOf === undefined || dimension === undefined) return null;
  const first = firstSubscript(array.type);
  return {
    columns: [{ name: null, type: INT4 }],
    rows: (frame) => {
      const items = array.evaluate(frame) as readonly Value[] | null;
      if (items === null || dimension.evaluate(frame) !== 1) return [];
      return items.map((_, at) => [at + first]);
    },
  };
}

function splitText(name: string, args: readonly Expression[]): SetFunction | null {
  const cast = castAll(
    args.map((arg) => resolveUntyped(arg, TEXT)),
    TEXT,
  );
  if (cast === null || cast.length !== 2) return null;
  return {
    columns: [{ name: null, type: TEXT }],
    rows: (frame) => {
      const [text, separator] = cast.map((arg) => arg.evaluate(frame)) as (string | null)[];
      if (text == null) return [];
      if (separator == null) return [...text].map((character) => [character]);
      const parts =
        name === "string_to_table" ? text.split(separator) : splitByRegex(text, regexOf(separator));
      return parts.map((part) => [part]);
    },
  };
}
