/**
 * Rows written out on both sides of a comparison, part by part (make_row_comparison_op in parse_expr.c): `=` and `<>` are
 * AND and OR over the parts, `<` and its like are decided by the first parts that are not equal. So a literal takes the
 * type of its counterpart, and a NULL part is unknown, where two records as values would find it last.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { A_Expr, Node } from "../parse/ast.ts";
import { BOOL } from "../values/types.ts";
import { type ComparisonOperator, isComparisonOperator } from "./comparison.ts";
import { compileDistinct } from "./equality.ts";
import type { Expression } from "./expression.ts";
import { conjunction, disjunction, negated } from "./logic.ts";
import { compileBinary } from "./operators.ts";

/** The parts of `(a, b)` and `ROW(a, b)`; null for any other node, and where a part is the row of a table. */
export function rowParts(node: Node | undefined): readonly Node[] | null {
  if (node === undefined || !("RowExpr" in node)) return null;
  const parts = node.RowExpr.args ?? [];
  const isStar = (part: Node): boolean =>
    "ColumnRef" in part && (part.ColumnRef.fields ?? []).some((field) => "A_Star" in field);
  return parts.some(isStar) ? null : parts;
}

/** Whether the operator compares rows by their parts: a comparison, or IS [NOT] DISTINCT FROM. */
export function comparesRows({ kind }: A_Expr, operator: string): boolean {
  if (kind === "AEXPR_DISTINCT" || kind === "AEXPR_NOT_DISTINCT") return true;
  return kind === "AEXPR_OP" && isComparisonOperator(operator === "!=" ? "<>" : operator);
}

/** Throws 42601 where the rows differ in length or have no parts. */
export function compareRows(
  kind: A_Expr["kind"],
  name: string,
  left: readonly Expression[],
  right: readonly Expression[],
  position: number,
): Expression {
  if (left.length !== right.length) {
    throw new DeltatError(SqlState.syntaxError, "unequal number of entries in row expressions", { position });
  }
  const pairs = left.map((part, at) => [part, right[at] as Expression] as const);
  if (kind === "AEXPR_DISTINCT" || kind === "AEXPR_NOT_DISTINCT") {
    const differ = disjunction(pairs.map(([a, b]) => compileDistinct(false, a, b, position)));
    return kind === "AEXPR_DISTINCT" ? differ : negated(differ);
  }
  if (pairs.length === 0) {
    throw new DeltatError(SqlState.featureNotSupported, "cannot compare rows of zero length", { position });
  }
  const operator = name === "!=" ? "<>" : name;
  const tests = pairs.map(([a, b]) => compileBinary(operator, a, b, position));
  if (operator === "=") return conjunction(tests);
  if (operator === "<>") return disjunction(tests);
  return ordered(
    operator as ComparisonOperator,
    tests,
    pairs.map(([a, b]) => compileBinary("=", a, b, position)),
  );
}

/** The first pair that is not equal decides; if all are, whether the operator takes equals. */
function ordered(
  operator: ComparisonOperator,
  tests: readonly Expression[],
  equals: readonly Expression[],
): Expression {
  const acceptsEqual = operator.endsWith("=");
  return {
    type: BOOL,
    evaluate: (frame) => {
      for (const [at, equal] of equals.entries()) {
        const same = equal.evaluate(frame);
        if (same === null) return null;
        if (same === false) return tests[at]?.evaluate(frame) ?? null;
      }
      return acceptsEqual;
    },
  };
}
