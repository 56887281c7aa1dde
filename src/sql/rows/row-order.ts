/** ORDER BY, LIMIT and OFFSET over row handles. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import { type Comparator, comparatorOf } from "../expressions/comparison.ts";
import type { Expression } from "../expressions/expression.ts";
import { type Node, nameParts, nodeLocation, type SortBy } from "../parse/ast.ts";
import { characterPosition } from "../parse/parser.ts";
import { refuseOtherFields } from "../parse/unsupported.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import type { Target } from "../statements/targets.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";

/** How the values of one key follow each other. */
export interface KeyOrder {
  readonly compare: Comparator;
  /** 1 ascending, -1 descending. */
  readonly direction: 1 | -1;
  readonly nullsFirst: boolean;
}

export interface SortKey extends KeyOrder {
  readonly expression: Expression;
}

const SORT_FIELDS = new Set(["node", "sortby_dir", "sortby_nulls", "useOp", "location"]);

/** What rows are sorted by; null without ORDER BY. */
export function planOrder(
  clause: readonly Node[],
  targets: readonly Target[],
  compiler: StatementCompiler,
): readonly SortKey[] | null {
  const keys = clause.flatMap((item) => ("SortBy" in item ? [planKey(item.SortBy, targets, compiler)] : []));
  return keys.length === 0 ? null : keys;
}

function planKey(sort: SortBy, targets: readonly Target[], compiler: StatementCompiler): SortKey {
  const expression = sortExpression(sort.node as Node, targets, compiler);
  return { expression, ...keyOrder(sort, expression.type) };
}

/** What ORDER BY says about a key of this type. Throws 42883 for a type without order. */
export function keyOrder(sort: SortBy, type: PgType): KeyOrder {
  refuseOtherFields(sort, SORT_FIELDS);
  const descending =
    sort.sortby_dir === "SORTBY_DESC" || (sort.sortby_dir === "SORTBY_USING" && usesGreater(sort));
  const nulls = sort.sortby_nulls;
  const compare = comparatorOf(type);
  if (compare === null) {
    throw new DeltatError(
      SqlState.undefinedFunction,
      `could not identify an ordering operator for type ${type.name}`,
    );
  }
  return {
    compare,
    direction: descending ? -1 : 1,
    nullsFirst: nulls === "SORTBY_NULLS_FIRST" || (descending && nulls !== "SORTBY_NULLS_LAST"),
  };
}

/** `USING >` is DESC, `USING <` is ASC. Throws 42809 for an operator that orders nothing. */
function usesGreater({ useOp }: SortBy): boolean {
  const operator = nameParts(useOp).at(-1) ?? "";
  if (operator === ">" || operator === "<") return operator === ">";
  throw new DeltatError(SqlState.wrongObjectType, `operator ${operator} is not a valid ordering operator`, {
    hint: 'Ordering operators must be "<" or ">" members of btree operator families.',
  });
}

/** A bare name is first an output column, a bare number a position; all else is an expression (SQL-92, then SQL-99). */
function sortExpression(node: Node, targets: readonly Target[], compiler: StatementCompiler): Expression {
  if ("ColumnRef" in node) {
    const [field, ...others] = node.ColumnRef.fields ?? [];
    const name =
      field !== undefined && "String" in field && others.length === 0 ? field.String.sval : undefined;
    const named = targets.filter((target) => target.name === name);
    const distinct = new Set(
      named.map(({ expression }) => ("index" in expression ? expression.index : expression)),
    );
    if (distinct.size > 1) {
      throw new DeltatError(SqlState.ambiguousColumn, `ORDER BY "${name}" is ambiguous`, {
        position: characterPosition(compiler.statementText, nodeLocation(node)),
      });
    }
    if (named[0] !== undefined) return named[0].expression;
  }
  if ("A_Const" in node) {
    if (node.A_Const.ival === undefined) {
      throw new DeltatError(SqlState.syntaxError, "non-integer constant in ORDER BY", {
        position: characterPosition(compiler.statementText, nodeLocation(node)),
      });
    }
    const position = node.A_Const.ival.ival ?? 0;
    const target = targets[position - 1];
    if (target === undefined) {
      throw new DeltatError(
        SqlState.invalidColumnReference,
        `ORDER BY position ${position} is not in select list`,
        { position: characterPosition(compiler.statementText, nodeLocation(node)) },
      );
    }
    return target.expression;
  }
  return compiler.output(node);
}

/** Sorts stably: rows that no key tells apart keep their order. */
export function sortRows(
  rows: readonly number[],
  keys: readonly SortKey[],
  execution: Execution,
): readonly number[] {
  const columns = keys.map(({ expression }) =>
    rows.map((row) => {
      execution.row = row;
      return expression.evaluate(execution);
    }),
  );
  const order = rows.map((_, position) => position);
  order.sort(positionComparator(columns, keys));
  return order.map((position) => rows[position] as number);
}

/** Compares two positions by what `columns`, one per key, hold there. */
export function positionComparator(
  columns: readonly (readonly Value[])[],
  keys: readonly SortKey[],
): (a: number, b: number) => number {
  return (a, b) => {
    for (let at = 0; at < keys.length; at++) {
      const column = columns[at] as readonly Value[];
      const difference = compareKeys(column[a] as Value, column[b] as Value, keys[at] as SortKey);
      if (difference !== 0) return difference;
    }
    return 0;
  };
}

/** Negative, zero or positive as `a` comes before, with or after `b`. */
export function compareKeys(a: Value, b: Value, { compare, direction, nullsFirst }: KeyOrder): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === nullsFirst ? -1 : 1;
  }
  return direction * compare(a, b);
}

/** Cuts rows down to what LIMIT and OFFSET leave. */
export type RowRange = (execution: Execution) => { readonly skip: number; readonly take: number };

/** null without LIMIT and OFFSET. */
export function planRange(
  limit: Node | undefined,
  offset: Node | undefined,
  compiler: Pick<StatementCompiler, "rowCount">,
): RowRange | null {
  if (limit === undefined && offset === undefined) return null;
  const take = limit === undefined ? null : compiler.rowCount(limit, "LIMIT");
  const skip = offset === undefined ? null : compiler.rowCount(offset, "OFFSET");
  return (execution) => ({
    skip: rowCount(skip, execution, "OFFSET", SqlState.invalidRowCountInResultOffsetClause) ?? 0,
    take:
      rowCount(take, execution, "LIMIT", SqlState.invalidRowCountInLimitClause) ?? Number.POSITIVE_INFINITY,
  });
}

/** NULL asks for no bound. Throws 2201W or 2201X for a negative number. */
function rowCount(
  expression: Expression | null,
  execution: Execution,
  clause: string,
  sqlState: SqlState,
): number | null {
  const value = expression === null ? null : expression.evaluate(execution);
  if (value === null) return null;
  const count = Number(value);
  if (count < 0) throw new DeltatError(sqlState, `${clause} must not be negative`);
  return count;
}
