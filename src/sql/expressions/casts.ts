/**
 * Conversions between types, and who may ask for them: an expression (implicit), an assignment to a column, or an
 * explicit cast only (pg_cast, https://www.postgresql.org/docs/current/sql-createcast.html). Values of types whose
 * representation is the same pass unchanged.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { parseJson } from "../json/document.ts";
import { normaliseJson } from "../json/to-json.ts";
import { findTimeCast } from "../time/casts.ts";
import { decodeText, formatValue } from "../values/codec.ts";
import { formatDecimal, parseDecimal, rescale, roundToInteger } from "../values/numeric.ts";
import { isInRange, truncateName } from "../values/scalar-text.ts";
import {
  BOOL,
  BPCHAR,
  FLOAT4,
  INSTANT_HINT,
  INT4,
  INT8,
  isFloat,
  isInteger,
  isOid,
  isString,
  isTimeType,
  JSON_TYPE,
  JSONB,
  NAME,
  NUMERIC,
  type PgType,
} from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import type { Expression } from "./expression.ts";
import { resolveUntyped } from "./untyped.ts";

/** Who asks: each may do what those before it may. */
export type CastContext = "implicit" | "assignment" | "explicit";

const STRENGTH: Record<CastContext, number> = { implicit: 0, assignment: 1, explicit: 2 };

/** Widening order of the numeric types: a cast to a later one is implicit. */
const NUMERIC_RANKS = ["int2", "int4", "int8", "numeric", "float4", "float8"];

export interface Cast {
  /** The least context that may use it. */
  readonly context: CastContext;
  /** null: the value stays as it is. Never called with null. */
  readonly convert: ((value: Value) => Value) | null;
}

export function numericRank(type: PgType): number {
  return NUMERIC_RANKS.indexOf(type.typname);
}

function findCast(from: PgType, to: PgType): Cast | null {
  if (from === to) return { context: "implicit", convert: null };
  if (from.arrayOf !== undefined && to.arrayOf !== undefined) return arrayCast(from.arrayOf, to.arrayOf);
  // Blanks at the end of a `character` are padding.
  if (from === BPCHAR && isString(to)) {
    return { context: "implicit", convert: (value) => String(value).replace(/ +$/, "") };
  }
  if (isString(from) && isString(to)) return { context: "implicit", convert: to === NAME ? toName : null };
  const timeCast = findTimeCast(from, to);
  if (timeCast !== null) return timeCast;
  // Input and output functions connect every type with text.
  if (isString(to)) return { context: "assignment", convert: textConversion(from) };
  if (isString(from)) return { context: "explicit", convert: (value) => decodeText(to, String(value)) };
  if (isOid(from) && isOid(to)) return { context: "implicit", convert: null };
  if ((from === JSON_TYPE && to === JSONB) || (from === JSONB && to === JSON_TYPE)) return jsonCast(to);
  if (from === JSONB && (to === BOOL || to.category === "numeric") && !isOid(to)) {
    return { context: "explicit", convert: (value) => jsonScalar(String(value), to) };
  }
  if (from.category === "numeric" && to.category === "numeric") return numericCast(from, to);
  if (from === BOOL && to === INT4)
    return { context: "explicit", convert: (value) => (value === true ? 1 : 0) };
  if (from === INT4 && to === BOOL) return { context: "explicit", convert: (value) => value !== 0 };
  return null;
}

function toName(value: Value): Value {
  return truncateName(String(value));
}

/** A boolean is `true` as text, though the protocol sends `t`. */
function textConversion(from: PgType): (value: Value) => Value {
  if (from === BOOL) return (value) => (value === true ? "true" : "false");
  return (value) => formatValue(from, value);
}

function arrayCast(from: PgType, to: PgType): Cast | null {
  const element = findCast(from, to);
  if (element === null) return null;
  const convert = element.convert;
  if (convert === null) return { context: element.context, convert: null };
  return {
    context: element.context,
    convert: (value) => (value as readonly Value[]).map((item) => (item === null ? null : convert(item))),
  };
}

/** A number or a truth value out of jsonb. Throws 22023 for another kind. */
function jsonScalar(text: string, to: PgType): Value {
  const node = parseJson(text);
  if (node.kind === "null") return null;
  if (to === BOOL && node.kind === "boolean") return node.value;
  if (to !== BOOL && node.kind === "number") {
    const convert = numericCast(NUMERIC, to)?.convert;
    const number = formatDecimal(node.value);
    return to === NUMERIC || convert == null ? number : convert(number);
  }
  const shown = node.kind === "number" ? "numeric" : node.kind;
  throw new DeltatError(SqlState.invalidParameterValue, `cannot cast jsonb ${shown} to type ${to.name}`);
}

function jsonCast(to: PgType): Cast {
  return {
    context: "assignment",
    convert: to === JSONB ? (value) => normaliseJson(value as string) : null,
  };
}

function numericCast(from: PgType, to: PgType): Cast | null {
  if (isOid(from) || isOid(to)) {
    const isImplicit = isInteger(from);
    if (!isImplicit && !isInteger(to)) return null;
    return { context: isImplicit ? "implicit" : "assignment", convert: (value) => checkedInteger(to, value) };
  }
  const context = numericRank(from) < numericRank(to) ? "implicit" : "assignment";
  if (isFloat(to)) {
    return {
      context,
      convert: to === FLOAT4 ? (value) => toFloat4(toFloat8(value), value) : toFloat8,
    };
  }
  if (to === NUMERIC)
    return { context, convert: isFloat(from) ? floatToNumeric(from) : (value) => String(value) };
  if (isInteger(from)) {
    return { context, convert: context === "implicit" ? null : (value) => checkedInteger(to, value) };
  }
  if (from === NUMERIC) {
    return { context, convert: (value) => checkedInteger(to, numericToInteger(String(value))) };
  }
  return { context, convert: (value) => floatToInteger(to, value as number) };
}

function checkedInteger(type: PgType, value: Value): Value {
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  if (!isInRange(type, value)) throw integerOutOfRange(type);
  return value;
}

/** 22003 in PostgreSQL's words: `bigint out of range`. */
export function integerOutOfRange(type: PgType): DeltatError {
  return new DeltatError(SqlState.numericValueOutOfRange, `${isOid(type) ? "OID" : type.name} out of range`);
}

function numericToInteger(text: string): number | bigint {
  const decimal = parseDecimal(text);
  return decimal === null ? 0 : integerValue(roundToInteger(decimal));
}

/** To the nearest whole number, halves to the even one: C's rint, which PostgreSQL uses here. */
function floatToInteger(to: PgType, value: number): number | bigint {
  if (!Number.isFinite(value)) throw integerOutOfRange(to);
  const floor = Math.floor(value);
  const fraction = value - floor;
  const roundsUp = fraction > 0.5 || (fraction === 0.5 && floor % 2 !== 0);
  const rounded = integerValue(BigInt(roundsUp ? floor + 1 : floor));
  if (!isInRange(to, rounded)) throw integerOutOfRange(to);
  return rounded;
}

function toFloat8(value: Value): number {
  const number = Number(value);
  if (Number.isFinite(number) || typeof value === "number") return number;
  throw new DeltatError(
    SqlState.numericValueOutOfRange,
    `"${value}" is out of range for type double precision`,
  );
}

function toFloat4(value: number, written: Value): number {
  const rounded = Math.fround(value);
  if (!Number.isFinite(rounded) && Number.isFinite(value)) {
    const message =
      typeof written === "string"
        ? `"${written}" is out of range for type real`
        : "value out of range: overflow";
    throw new DeltatError(SqlState.numericValueOutOfRange, message);
  }
  return rounded;
}

/** Of a float PostgreSQL trusts 15 digits, 6 of a float4. */
function floatToNumeric(from: PgType): (value: Value) => Value {
  const digits = from === FLOAT4 ? 6 : 15;
  return (value) => {
    const decimal = parseDecimal((value as number).toPrecision(digits));
    if (decimal === null) {
      throw new DeltatError(SqlState.featureNotSupported, `numeric does not support ${value} here`);
    }
    const text = formatDecimal(decimal);
    return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  };
}

/** Applies `convert` to every value of `expression` but NULL. */
export function mapExpression(
  expression: Expression,
  type: PgType,
  convert: (value: Value) => Value,
): Expression {
  return {
    type,
    evaluate: (frame) => {
      const value = expression.evaluate(frame);
      return value === null ? null : convert(value);
    },
  };
}

/** Whether a value of type `from` may become `to` in this context. */
export function canCast(from: PgType, to: PgType, context: CastContext): boolean {
  const cast = findCast(from, to);
  return cast !== null && STRENGTH[cast.context] <= STRENGTH[context];
}

/** The expression as a value of `to`, or null if that is not allowed in this context. */
export function tryCast(expression: Expression, to: PgType, context: CastContext): Expression | null {
  const typed = resolveUntyped(expression, to);
  if (typed.type === to) return typed;
  const cast = findCast(typed.type, to);
  if (cast === null || STRENGTH[cast.context] > STRENGTH[context]) return null;
  if (cast.convert !== null) return mapExpression(typed, to, cast.convert);
  return { type: to, evaluate: (frame) => typed.evaluate(frame) };
}

/** An explicit cast. Throws 42846 if there is none. */
export function castExplicitly(expression: Expression, to: PgType, position: number): Expression {
  const cast = tryCast(expression, to, "explicit");
  if (cast !== null) return cast;
  throw new DeltatError(
    SqlState.cannotCoerce,
    `cannot cast type ${expression.type.name} to ${to.name}`,
    position > 0 ? { position } : {},
  );
}

/**
 * The expression as INSERT or UPDATE stores it in a column. Throws 42804 if its type does not fit; a value that
 * does not fit is found when the expression runs (22003), a literal that is none of the type now (22P02).
 */
export function coerceForAssignment(
  expression: Expression,
  target: PgType,
  columnName: string,
  position?: number,
): Expression {
  const cast = tryCast(expression, target, "assignment");
  if (cast !== null) return cast;
  throw new DeltatError(
    SqlState.datatypeMismatch,
    `column "${columnName}" is of type ${target.name} but expression is of type ${expression.type.name}`,
    {
      hint:
        target === INT8 && isTimeType(expression.type)
          ? INSTANT_HINT
          : "You will need to rewrite or cast the expression.",
      ...(position === undefined ? {} : { position }),
    },
  );
}

/** A numeric at a declared precision and scale: rounded, and refused (22003) where it has too many digits. */
export function fitNumeric(text: string, precision: number, scale: number): string {
  const decimal = parseDecimal(text);
  if (decimal === null) return text;
  const rounded = rescale(decimal, scale);
  const size = rounded.digits < 0n ? -rounded.digits : rounded.digits;
  if (size >= 10n ** BigInt(precision)) {
    throw new DeltatError(SqlState.numericValueOutOfRange, "numeric field overflow", {
      detail: `A field with precision ${precision}, scale ${scale} must round to an absolute value less than 10^${precision - scale}.`,
    });
  }
  return formatDecimal(rounded);
}
