/**
 * Expressions that have no type yet: a quoted literal, NULL, or a parameter nobody declared. The context they
 * stand in types them (https://www.postgresql.org/docs/current/typeconv-overview.html).
 */

import { decodeText } from "./codec.ts";
import type { Expression } from "./expression.ts";
import { type PgType, TEXT, UNKNOWN } from "./types.ts";
import type { Value } from "./value.ts";

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

/** What becomes of an expression that no context types: it is text. */
export function resolveAsText(expression: Expression): Expression {
  return resolveUntyped(expression, TEXT);
}

/** An expression whose value is known now. */
export function constant(type: PgType, value: Value): Expression {
  return { type, evaluate: () => value };
}

export function untypedNull(): UntypedExpression {
  return { type: UNKNOWN, evaluate: () => null, resolveAs: (type) => constant(type, null) };
}

/** A quoted literal whose text is part of the plan. */
export function untypedText(text: string): UntypedExpression {
  return {
    type: UNKNOWN,
    evaluate: () => text,
    resolveAs: (type) => constant(type, decodeText(type, text)),
  };
}

/**
 * A quoted literal that was lifted out: its text comes with each execution. `text` is that of the statement being
 * planned, so that what is wrong with it is found now, even where the plan might not come to evaluate it.
 */
export function untypedLifted(index: number, text: string): UntypedExpression {
  return {
    type: UNKNOWN,
    evaluate: (frame) => frame.literals[index] as Value,
    resolveAs: (type) => {
      if (type === TEXT || type === UNKNOWN) {
        return { type, evaluate: (frame) => frame.literals[index] as Value };
      }
      decodeText(type, text);
      return { type, evaluate: (frame) => decodeText(type, frame.literals[index] as string) };
    },
  };
}
