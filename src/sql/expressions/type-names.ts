/** The types that a statement's text names: `varchar(10)`, `numeric(8, 2)`, `bigint[]`. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type Node, nameParts, type TypeName } from "../parse/ast.ts";
import { checkSchema } from "../parse/schema-names.ts";
import { fitTime } from "../time/modifiers.ts";
import {
  arrayTypeOf,
  BPCHAR,
  DATE,
  INTERVAL,
  isTimeType,
  NUMERIC,
  type PgType,
  typeByName,
  VARCHAR,
} from "../values/types.ts";
import { fitNumeric, mapExpression } from "./casts.ts";
import type { CompileContext } from "./compile-context.ts";
import { planConstant } from "./constant-expression.ts";
import type { Expression } from "./expression.ts";

/** Types of PostgreSQL that the server does not have: said so by name, rather than that they do not exist. */
const UNSUPPORTED = new Set(
  (
    "bit box bytea cidr circle daterange inet int4range int8range jsonpath line lseg " +
    "macaddr macaddr8 money numrange path pg_lsn point polygon regoper " +
    "regprocedure tid timetz tsquery tsrange tstzrange tsvector varbit xml"
  ).split(" "),
);

export interface NamedType {
  readonly type: PgType;
  /** Length, or precision and scale, as written in brackets; empty where there are none. */
  readonly modifiers: readonly number[];
}

/** Throws 42704 for a type that does not exist, 0A000 for one the server does not have. */
export function resolveTypeName(node: TypeName, context: CompileContext): NamedType {
  const position = context.position(node.location);
  const names = nameParts(node.names);
  const name = names.at(-1) ?? "";
  const isQualified = names.length > 1 && names[0] !== "pg_catalog";
  checkSchema(names, position);
  const base = isQualified ? undefined : typeByName(name);
  if (base === undefined) throw unknownType(isQualified ? names.join(".") : name, position);
  const modifiers = (node.typmods ?? []).map((modifier) => modifierValue(modifier, context, position));
  if (modifiers.length > 0 && base !== VARCHAR && base !== BPCHAR && base !== NUMERIC && !isTimeType(base)) {
    const message = `type modifier is not allowed for type "${base.typname}"`;
    throw new DeltatError(SqlState.syntaxError, message, { position });
  }
  const dimensions = node.arrayBounds?.length ?? 0;
  if (dimensions === 0) return { type: base, modifiers };
  const array = arrayTypeOf(base);
  if (array === undefined) throw unknownType(`${base.name}[]`, position);
  return { type: array, modifiers };
}

function unknownType(name: string, position: number): DeltatError {
  return UNSUPPORTED.has(name.replace(/^_/, ""))
    ? new DeltatError(SqlState.featureNotSupported, `type ${name} is not supported`, { position })
    : new DeltatError(SqlState.undefinedObject, `type "${name}" does not exist`, { position });
}

function modifierValue(node: Node, context: CompileContext, position: number): number {
  const value = planConstant(node, context);
  if (typeof value === "number") return value;
  throw new DeltatError(SqlState.syntaxError, "type modifiers must be simple constants or identifiers", {
    position,
  });
}

/** Cuts or rounds an expression of `named.type` to its modifiers, as an explicit cast does. */
export function applyModifiers(expression: Expression, named: NamedType, position: number): Expression {
  if (named.modifiers.length === 0) return expression;
  const fitted = fitTo(expression, named, position);
  return { ...fitted, modifier: encodeModifier(named) };
}

function fitTo(expression: Expression, { type, modifiers }: NamedType, position: number): Expression {
  const [first = 0, second = 0] = modifiers;
  if (type.arrayOf !== undefined) {
    throw new DeltatError(SqlState.featureNotSupported, "modifiers of array elements are not supported", {
      position,
    });
  }
  if (isTimeType(type)) return fitTime(expression, modifiers);
  const complaint = type === NUMERIC ? wrongNumeric(modifiers) : wrongLength(type, modifiers);
  if (complaint !== null) throw new DeltatError(SqlState.invalidParameterValue, complaint, { position });
  if (type === NUMERIC) {
    return mapExpression(expression, NUMERIC, (value) => fitNumeric(String(value), first, second));
  }
  const cut = (text: string): string => [...text].slice(0, first).join("");
  const isPadded = type === BPCHAR;
  return mapExpression(expression, type, (value) => {
    const text = cut(String(value));
    return isPadded ? text + " ".repeat(first - [...text].length) : text;
  });
}

/** Bounds of PostgreSQL's (numeric.h, htup_details.h). */
const MAX_PRECISION = 1000;
const MAX_SCALE = 1000;
const MAX_LENGTH = 10_485_760;

/** What is wrong with the precision and scale of a numeric; null: nothing. */
function wrongNumeric([precision = 0, scale = 0, ...others]: readonly number[]): string | null {
  if (others.length > 0) return "invalid NUMERIC type modifier";
  if (precision < 1 || precision > MAX_PRECISION) {
    return `NUMERIC precision ${precision} must be between 1 and ${MAX_PRECISION}`;
  }
  if (Math.abs(scale) <= MAX_SCALE) return null;
  return `NUMERIC scale ${scale} must be between -${MAX_SCALE} and ${MAX_SCALE}`;
}

/** What is wrong with the length of a text type; null: nothing. */
function wrongLength(type: PgType, [length = 0, ...others]: readonly number[]): string | null {
  const name = type === BPCHAR ? "char" : type.typname;
  if (others.length > 0) return "invalid type modifier";
  if (length < 1) return `length for type ${name} must be at least 1`;
  return length > MAX_LENGTH ? `length for type ${name} cannot exceed ${MAX_LENGTH}` : null;
}

/** Bytes of a varlena header, which `atttypmod` counts in. */
const HEADER_BYTES = 4;

/** `atttypmod` of a type with modifiers. */
function encodeModifier({ type, modifiers }: NamedType): number {
  const [first = -1, second = 0] = modifiers;
  if (type === NUMERIC) return ((first << 16) | (second & 0x7ff)) + HEADER_BYTES;
  if (type === VARCHAR || type === BPCHAR) return first + HEADER_BYTES;
  if (type !== INTERVAL) return type === DATE ? -1 : first;
  // Fields that are kept in the upper half, digits of a second in the lower; the grammar gives both, or the digits alone.
  return (first << 16) | (modifiers[1] ?? 0xffff);
}
