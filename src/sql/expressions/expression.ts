/** The seam between compiled expressions and what compiles and runs them. */

import type { Node } from "../parse/ast.ts";
import type { SessionContext } from "../session/session-context.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { CompileContext } from "./compile-context.ts";

/** What an expression is evaluated against. One frame serves a whole execution: only `row` changes. */
export interface Frame {
  /** Values of $1, $2, …: index 0 is $1. */
  readonly parameters: readonly Value[];
  /** Values of the literals that were lifted out of the statement's text, in order of appearance. */
  readonly literals: readonly Value[];
  /** Whoever executes: plans are shared by all sessions, so nothing of a session is compiled in. */
  readonly session: SessionContext;
  /** Row handle in the table that column references read; -1 where there is none. */
  row: number;
}

/** Where a column of a result comes from, for RowDescription. */
export interface ColumnOrigin {
  readonly tableOid: number;
  readonly columnNumber: number;
}

export interface Expression {
  /** Static type; `unknown` only for a string literal, NULL or parameter that no context has typed yet. */
  readonly type: PgType;
  /** `atttypmod`, as RowDescription tells it: of a text its length, of a numeric precision and scale. Absent: none. */
  readonly modifier?: number | undefined;
  /** The column of a table that it is; null or absent for what is computed. */
  readonly origin?: ColumnOrigin | null;
  evaluate(frame: Frame): Value;
}

/** How names in an expression are resolved; each kind of statement gives its own. */
export interface Scope {
  /** The column that `fields` names (`start`, or `bookings`.`start`); throws 42703 or 42P01. `position` is 1-based, in characters. */
  column(fields: readonly string[], position: number): Expression;
  /**
   * Asked first, for every node: what only a query can compile (a subquery, an aggregate, a grouped expression).
   * null: an ordinary node.
   */
  special?(node: Node, context: CompileContext): Expression | null;
}
