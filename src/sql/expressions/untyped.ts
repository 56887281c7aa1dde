/**
 * Expressions that have no type yet: a quoted literal, NULL, or a parameter nobody declared. The context they
 * stand in types them (https://www.postgresql.org/docs/current/typeconv-overview.html).
 */

import { DeltatError } from "../../errors.ts";
import type { LiteralCheck } from "../plan-cache.ts";
import { decodeText } from "../values/codec.ts";
import { isTimeType, type PgType, TEXT, UNKNOWN } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { Expression } from "./expression.ts";

export interface UntypedExpression extends Expression {
  /** The same expression as a value of `type`; throws what reading a literal as that type throws. */
  resolveAs(type: PgType): Expression;
}

export function isUntyped(expression: Expression): expression is UntypedExpression {
  return expression.type === UNKNOWN && "resolveAs" in expression;
}

/** Gives an expression without type the type `type`; any other is returned as it is. */
export function resolveUntyped(expression: Expression, type: PgType): Expression {
  return isUntyped(expression) ? expression.resolveAs(type) : expression;
}

/** An expression whose value is known now. */
export function constant(type: PgType, value: Value): Expression {
  return { type, evaluate: () => value };
}

export function untypedNull(): UntypedExpression {
  return { type: UNKNOWN, evaluate: () => null, resolveAs: (type) => constant(type, null) };
}

/** The value of a literal; what is wrong with it says where the literal stands. */
function decodeLiteral(type: PgType, text: string, position: number): Value {
  try {
    return decodeText(type, text);
  } catch (error) {
    if (!(error instanceof DeltatError) || position < 1) throw error;
    throw new DeltatError(error.sqlState, error.message, { ...error.fields, position });
  }
}

/** A quoted literal whose text is part of the plan. `position`: where it stands; 0 if nowhere. */
export function untypedText(text: string, position: number): UntypedExpression {
  return {
    type: UNKNOWN,
    evaluate: () => text,
    resolveAs: (type) => {
      const value = decodeLiteral(type, text, position);
      // What `now` or a clock without zone means depends on who asks, and plans are shared.
      if (!isTimeType(type)) return constant(type, value);
      return { type, evaluate: () => decodeText(type, text) };
    },
  };
}

/** Longer texts are not kept by the plan that has read them. */
const MAX_KEPT_CHARACTERS = 64;

/** Reads texts as `type`; one that comes again at once, as for the next row, is not read again. */
function reader(type: PgType): (text: string) => Value {
  // What `now` or a clock without zone means depends on who asks, and when.
  if (isTimeType(type)) return (text) => decodeText(type, text);
  let last: string | null = null;
  let value: Value = null;
  return (text) => {
    if (text === last) return value;
    const read = decodeText(type, text);
    if (text.length > MAX_KEPT_CHARACTERS) return read;
    last = text;
    value = read;
    return value;
  };
}

/**
 * A quoted literal that was lifted out: its text comes with each execution. `text` is that of the statement being
 * planned, so that what is wrong with it is found now, even where the plan might not come to evaluate it; `addCheck`
 * takes what finds that for the literals of later statements.
 */
export function untypedLifted(
  index: number,
  text: string,
  position: number,
  addCheck: (check: LiteralCheck) => void,
): UntypedExpression {
  return {
    type: UNKNOWN,
    evaluate: (frame) => frame.literals[index] as Value,
    resolveAs: (type) => {
      if (type === TEXT || type === UNKNOWN) {
        return { type, evaluate: (frame) => frame.literals[index] as Value };
      }
      decodeLiteral(type, text, position);
      const read = reader(type);
      addCheck((literals) => read(literals[index] as string));
      return { type, evaluate: (frame) => read(frame.literals[index] as string) };
    },
  };
}
