/**
 * Constants and parameters. A constant that was lifted out of the text is read from the frame, so that the plan
 * serves the whole shape; the tree alone cannot tell, so it is looked up by where it stands in the text.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { A_Const, Node, ParamRef } from "../parse/ast.ts";
import type { LiteralKind } from "../parse/shape.ts";
import { decimalOf, formatDecimal, parseDecimal } from "../values/numeric.ts";
import { isInRange } from "../values/scalar-text.ts";
import { BOOL, INT4, INT8, NUMERIC, type PgType, UNKNOWN } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { integerValue } from "../values/value.ts";
import type { CompileContext } from "./compile-context.ts";
import type { Expression } from "./expression.ts";
import { constant, untypedLifted, untypedNull, untypedText } from "./untyped.ts";

interface TypedValue {
  readonly type: PgType;
  readonly value: Value;
}

const TYPE_OF_KIND: Record<Exclude<LiteralKind, "string">, PgType> = {
  integer: INT4,
  bigint: INT8,
  decimal: NUMERIC,
};

/** The constant's own type and value; UNKNOWN for a quoted literal and NULL. */
function readConstant(node: A_Const, position: number): TypedValue {
  if (node.isnull === true) return { type: UNKNOWN, value: null };
  if (node.ival !== undefined) return { type: INT4, value: node.ival.ival ?? 0 };
  if (node.sval !== undefined) return { type: UNKNOWN, value: node.sval.sval ?? "" };
  if (node.boolval !== undefined) return { type: BOOL, value: node.boolval.boolval ?? false };
  if (node.fval !== undefined) return readNumber(node.fval.fval ?? "0");
  throw new DeltatError(SqlState.featureNotSupported, "bit string literals are not supported", { position });
}

/** What the scanner does not hold in 32 bits: an integer if it fits one, else a numeric. */
function readNumber(text: string): TypedValue {
  const decimal = parseDecimal(text);
  if (decimal === null) throw new DeltatError(SqlState.internalError, `not a number: ${text}`);
  const isWhole = decimal.scale === 0 && !/[.eE]/.test(text.replace(/^-?0[xX].*$/, ""));
  if (isWhole && isInRange(INT4, decimal.digits)) return { type: INT4, value: Number(decimal.digits) };
  if (isWhole && isInRange(INT8, decimal.digits)) return { type: INT8, value: integerValue(decimal.digits) };
  return { type: NUMERIC, value: formatDecimal(decimal) };
}

/** Compiles a constant: read from the frame if it was lifted out of the text, else part of the plan. */
export function compileConstant(node: A_Const, context: CompileContext): Expression {
  const location = node.location ?? 0;
  const { type, value } = readConstant(node, context.position(location));
  const lifted = compileLifted(location, type, value, context);
  if (lifted !== null) return lifted;
  if (type !== UNKNOWN) return constant(type, value);
  return value === null ? untypedNull() : untypedText(String(value), context.position(location));
}

/**
 * The value of a node that is a constant, for who needs it while planning; undefined if the node is none. The
 * plan is then good for this very text only, whatever was lifted.
 */
export function planConstant(node: Node, context: CompileContext): Value | undefined {
  if (!("A_Const" in node)) return undefined;
  context.dependOnLiteral();
  return readConstant(node.A_Const, context.position(node.A_Const.location)).value;
}

function compileLifted(
  location: number,
  type: PgType,
  value: Value,
  context: CompileContext,
): Expression | null {
  const literals = context.literals;
  if (literals === null || value === null || type === BOOL) return null;
  // The grammar folds a sign into the constant and places it at the sign.
  const sign = readSign(context.text, location);
  const index = context.literalAt(sign.end);
  if (index < 0) return null;
  const kind = literals.kinds[index] as LiteralKind;
  const own = literals.values[index] as Value;
  if (kind === "string") {
    if (type !== UNKNOWN || own !== value) return null;
    context.literalBecomesValue(index);
    return untypedLifted(index, String(own), context.position(location), context.addLiteralCheck);
  }
  const expected = sign.isNegative ? negate(own) : own;
  if (type !== TYPE_OF_KIND[kind] || expected !== value) return null;
  context.literalBecomesValue(index);
  if (!sign.isNegative) return { type, evaluate: (frame) => frame.literals[index] as Value };
  return { type, evaluate: (frame) => negate(frame.literals[index] as Value) };
}

/** Signs and the brackets they may reach into, up to the literal. */
function readSign(text: string, location: number): { isNegative: boolean; end: number } {
  let end = location;
  let isNegative = false;
  for (; end < text.length; end++) {
    const character = text[end] as string;
    if (character === "-") isNegative = !isNegative;
    else if (character !== "(" && !/\s/.test(character)) break;
  }
  return { isNegative, end };
}

function negate(value: Value): Value {
  if (typeof value === "number") return 0 - value;
  const decimal = decimalOf(String(value));
  return formatDecimal({ digits: -decimal.digits, scale: decimal.scale });
}

/** Compiles `$n`: of its declared or found type, or still without one. */
export function compileParameter(node: ParamRef, context: CompileContext): Expression {
  const number = node.number ?? 0;
  const index = number - 1;
  const position = context.position(node.location);
  const type = context.parameters.mention(number, position);
  if (type !== UNKNOWN) return { type, evaluate: (frame) => frame.parameters[index] ?? null };
  const untyped = {
    type: UNKNOWN,
    evaluate: (frame: { parameters: readonly Value[] }) => frame.parameters[index] ?? null,
    resolveAs: (wanted: PgType): Expression => {
      context.parameters.resolve(number, wanted, position);
      return { type: wanted, evaluate: (frame) => frame.parameters[index] ?? null };
    },
  };
  return untyped;
}
