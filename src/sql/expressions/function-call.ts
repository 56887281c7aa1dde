/**
 * Which function a call means (https://www.postgresql.org/docs/current/typeconv-func.html): the one whose
 * parameters are exactly the arguments' types, else the one they convert to with the fewest conversions.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { functionsNamed } from "../functions/function-table.ts";
import type { SqlFunction } from "../functions/signature.ts";
import {
  ANY,
  ANY_ARRAY,
  ANY_ELEMENT,
  arrayTypeOf,
  BOOL,
  FLOAT8,
  INTERVAL,
  isString,
  type PgType,
  TEXT,
  TEXT_ARRAY,
  TIMESTAMPTZ,
  UNKNOWN,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { checkedSize } from "../values/value-size.ts";
import { canCast, tryCast } from "./casts.ts";
import { sharedType } from "./common-type.ts";
import type { Expression } from "./expression.ts";
import { constant, isUntyped, resolveUntyped } from "./untyped.ts";

/**
 * Compiles a call. Throws 42883 if there is no such function for these arguments, 42725 if it cannot be told which.
 * @param shown the name as the statement writes it
 */
export function compileCall(
  name: string,
  args: readonly Expression[],
  position: number,
  shown = name,
): Expression {
  const chosen = chooseFunction(name, args, position, shown);
  const common = polymorphicTypes(chosen, args);
  const converted = args.map((arg, i) => {
    const parameter = parameterAt(chosen, i);
    if (parameter === ANY) return resolveUntyped(arg, TEXT);
    const wanted =
      parameter === ANY_ARRAY ? common.array : parameter === ANY_ELEMENT ? common.element : parameter;
    const cast = tryCast(arg, wanted, "implicit");
    if (cast === null) throw noFunction(shown, args, position);
    return cast;
  });
  // What takes values of any type is told which of them have none.
  const types = converted.map(({ type }, i) =>
    parameterAt(chosen, i) === ANY && isUntyped(args[i] as Expression) ? UNKNOWN : type,
  );
  return { type: chosen.resultOf?.(types) ?? chosen.result, evaluate: callOf(chosen, converted, types) };
}

/**
 * What `anyarray` and `anyelement` stand for in this call: those of its arguments that have a type say it. Several are
 * what PostgreSQL calls anycompatible: they become the one type that all of them convert to, text if none has a type.
 */
function polymorphicTypes(
  chosen: SqlFunction,
  args: readonly Expression[],
): { readonly array: PgType; readonly element: PgType } {
  const elements: PgType[] = [];
  let count = 0;
  for (const [i, arg] of args.entries()) {
    const parameter = parameterAt(chosen, i);
    if (!isPolymorphic(parameter)) continue;
    count++;
    if (isUntyped(arg)) continue;
    // Vectors are arrays of their own kind.
    if (parameter === ANY_ARRAY && arrayTypeOf(arg.type.arrayOf ?? TEXT) !== arg.type) {
      return { array: arg.type, element: arg.type.arrayOf ?? TEXT };
    }
    elements.push(parameter === ANY_ARRAY ? (arg.type.arrayOf ?? TEXT) : arg.type);
  }
  if (elements.length === 0 && count === 1) throw undeterminedType();
  const element = sharedType(elements.map((type) => constant(type, null))) ?? elements[0] ?? TEXT;
  return { array: arrayTypeOf(element) ?? TEXT_ARRAY, element };
}

function isPolymorphic(parameter: PgType): boolean {
  return parameter === ANY_ARRAY || parameter === ANY_ELEMENT;
}

/** 42804 for an argument of any type that has none. */
export function undeterminedType(): DeltatError {
  return new DeltatError(
    SqlState.datatypeMismatch,
    "could not determine polymorphic type because input has type unknown",
  );
}

function parameterAt({ parameters }: SqlFunction, at: number): PgType {
  return parameters[Math.min(at, parameters.length - 1)] as PgType;
}

function accepts(parameter: PgType, arg: Expression): boolean {
  if (isUntyped(arg) || parameter === ANY || parameter === ANY_ELEMENT) return true;
  if (parameter === ANY_ARRAY) return arg.type.arrayOf !== undefined;
  return canCast(arg.type, parameter, "implicit");
}

function callOf(
  { body, isStrict }: SqlFunction,
  args: readonly Expression[],
  types: readonly PgType[],
): Expression["evaluate"] {
  if (args.length === 0) {
    const none: readonly Value[] = [];
    return (frame) => body(none, frame.session, types);
  }
  return (frame) => {
    const values: Value[] = [];
    let hasNull = false;
    for (const arg of args) {
      const value = arg.evaluate(frame);
      if (value === null) hasNull = true;
      values.push(value);
    }
    return hasNull && isStrict ? null : checkedSize(body(values, frame.session, types));
  };
}

function noFunction(name: string, args: readonly Expression[], position: number): DeltatError {
  const types = args.map((arg) => arg.type.name).join(", ");
  return new DeltatError(SqlState.undefinedFunction, `function ${name}(${types}) does not exist`, {
    hint: "No function matches the given name and argument types. You might need to add explicit type casts.",
    position,
  });
}

function chooseFunction(
  name: string,
  args: readonly Expression[],
  position: number,
  shown: string,
): SqlFunction {
  const fitting = functionsNamed(name).filter(
    (candidate) =>
      (candidate.isVariadic
        ? args.length >= candidate.parameters.length
        : args.length === candidate.parameters.length) &&
      args.every((arg, i) => accepts(parameterAt(candidate, i), arg)),
  );
  if (fitting.length === 0) throw noFunction(shown, args, position);
  const scores = fitting.map((candidate) => score(candidate, args));
  const best = Math.max(...scores);
  const winners = fitting.filter((_, i) => scores[i] === best);
  const [winner] = winners;
  if (winner !== undefined && winners.length === 1) return winner;
  const types = args.map((arg) => arg.type.name).join(", ");
  throw new DeltatError(SqlState.ambiguousFunction, `function ${shown}(${types}) is not unique`, {
    hint: "Could not choose a best candidate function. You might need to add explicit type casts.",
    position,
  });
}

/** Of its category, the type that a choice falls on (`typispreferred` of pg_type). */
function isPreferred(type: PgType): boolean {
  return type === FLOAT8 || type === TEXT || type === TIMESTAMPTZ || type === INTERVAL || type === BOOL;
}

/**
 * An exact match counts most. A literal without type prefers text, then the preferred number type; a number prefers
 * what it converts to without leaving its kind: whole numbers a wider one, numeric a float.
 */
function score(candidate: SqlFunction, args: readonly Expression[]): number {
  let total = 0;
  for (const [i, arg] of args.entries()) {
    const parameter = parameterAt(candidate, i);
    if (arg.type === parameter) total += 100;
    else if (isUntyped(arg)) total += isString(parameter) ? 2 : parameter === FLOAT8 ? 1 : 0;
    else if (parameter.category === arg.type.category) total += isPreferred(parameter) ? 2 : 1;
  }
  return total;
}
