/**
 * How names and query-only constructs resolve in one SELECT. Names are looked up here, then in the query around
 * (a correlated reference). After grouping, what matches a grouping expression or an aggregate reads its result.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { compileArrayComparison, compileMembership } from "../expressions/array-comparison.ts";
import { mapExpression, tryCast } from "../expressions/casts.ts";
import { compile, compileCondition } from "../expressions/compile.ts";
import type { CompileContext } from "../expressions/compile-context.ts";
import type { Expression, Scope } from "../expressions/expression.ts";
import { isRunConstant } from "../expressions/membership.ts";
import { compileBinary } from "../expressions/operators.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type A_Expr, type FuncCall, type Node, nameParts } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";
import { canonicalId } from "../tables/field-values.ts";
import { missingEntry } from "../tables/relation.ts";
import { isString, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { isAggregateCall } from "./aggregate-calls.ts";
import type { CteEnvironment } from "./cte.ts";
import type { Grouping } from "./grouping.ts";
import { SlotExpression } from "./operator.ts";
import type { RelationalPlanner } from "./planner.ts";
import { EMPTY_NAMESPACE, type NamedColumn, type Namespace } from "./range.ts";
import { compileRowExpression, type RowReference, rowReference } from "./record.ts";
import type { SetCalls } from "./set-calls.ts";
import { compileSubLink } from "./subquery.ts";
import type { WindowCalls } from "./window-calls.ts";

/** Clauses that refuse window functions in words of their own. */
export const AGGREGATE_ARGUMENTS = "an aggregate";
export const WINDOW_ARGUMENTS = "window function arguments";

/** First part of the names that stand for columns already found; no text can spell it. */
const BOUND = "\0column";

export class QueryScope implements Scope {
  readonly depth: number;
  private readonly bound: NamedColumn[] = [];
  namespace: Namespace = EMPTY_NAMESPACE;
  /** Set once the query is grouped and its targets are compiled. */
  grouping: Grouping | null = null;
  /** Collects window function calls where they are allowed. */
  windows: WindowCalls | null = null;
  /** Collects set-returning functions where they are allowed: in the target list. */
  sets: SetCalls | null = null;
  /** What FROM has, but not where the planner is, and the SQLSTATE of a reference to it. */
  barred: { readonly entries: Namespace["entries"]; readonly code: SqlState } | null = null;
  /** Which clause is compiled, for the refusal of an aggregate or window function in it. */
  clause = "";

  constructor(
    readonly planner: RelationalPlanner,
    readonly parent: QueryScope | null,
    public ctes: CteEnvironment | null,
  ) {
    this.depth = parent === null ? 0 : parent.depth + 1;
  }

  /** A node that stands for a column already found, whatever other columns are called. */
  bind(column: NamedColumn): Node {
    const index = this.bound.push(column) - 1;
    return { ColumnRef: { fields: [{ String: { sval: BOUND } }, { String: { sval: String(index) } }] } };
  }

  get context(): CompileContext {
    return this.planner.compiler.contextFor(this);
  }

  compile(node: Node): Expression {
    return compile(node, this.context);
  }

  /** As `compile`; what nothing types is text. */
  compileTyped(node: Node): Expression {
    return resolveUntyped(this.compile(node), TEXT);
  }

  condition(node: Node, clause: string): Expression {
    return compileCondition(node, this.context, clause);
  }

  column(fields: readonly string[], position: number): Expression {
    // As an argument, `b.*` is the row.
    if (fields.at(-1) === "*" && fields.length > 1) return this.wholeRow(fields.slice(0, -1), position);
    const found = this.find(fields, position);
    if (found === null) return this.wholeRow(fields, position);
    const { named, scope } = found;
    if (named.column?.traits.filterOnly === true) {
      throw notSupported(`column "${named.name}" in this place`, "It only filters, by = in WHERE.");
    }
    for (const entry of named.entries) this.planner.noteReference(entry);
    if (scope.grouping === null) return named.expression();
    return scope.grouping.column(named, fields, position, scope !== this);
  }

  /** The column that `fields` names, here or around; null where there is none but an entry of that name. */
  find(fields: readonly string[], position: number): { named: NamedColumn; scope: QueryScope } | null {
    if (fields[0] === BOUND) return { named: this.bound[Number(fields[1])] as NamedColumn, scope: this };
    for (let scope: QueryScope | null = this; scope !== null; scope = scope.parent) {
      const named = scope.findHere(fields, position);
      if (named !== null) return { named, scope };
    }
    if (this.findRow(fields) !== null) return null;
    throw this.unknownColumn(fields, position);
  }

  /** The columns that `qualifier.*`, or `*`, stands for. */
  star(qualifier: readonly string[], position: number): NamedColumn[] {
    if (qualifier.length === 0) return this.namespace.columns.filter((column) => !column.hidden);
    for (let scope: QueryScope | null = this; scope !== null; scope = scope.parent) {
      const entry = scope.entryHere(qualifier);
      if (entry !== undefined) return entry.columns.filter((column) => !column.hidden);
    }
    throw this.missingEntry(qualifier, position);
  }

  /** A column that `star` has given, named as `qualifier` says. */
  readColumn(named: NamedColumn, qualifier: readonly string[], position: number): Expression {
    for (const entry of named.entries) this.planner.noteReference(entry);
    return this.grouping?.column(named, [...qualifier, named.name], position) ?? named.expression();
  }

  special(node: Node, context: CompileContext): Expression | null {
    if (this.grouping !== null) {
      const grouped = this.grouping.match(node);
      if (grouped !== null) return grouped;
    }
    if ("GroupingFunc" in node) {
      if (this.grouping !== null) return this.grouping.groupingCall(node.GroupingFunc);
      const position = context.position(node.GroupingFunc.location);
      throw new DeltatError(SqlState.groupingError, `grouping operations are not allowed in ${this.clause}`, {
        position,
      });
    }
    if ("SubLink" in node) return compileSubLink(node.SubLink, this, context);
    if ("FuncCall" in node) return this.specialCall(node.FuncCall, context);
    if ("A_Expr" in node) return this.idComparison(node.A_Expr, context);
    if ("RowExpr" in node) return compileRowExpression(node.RowExpr, this);
    return null;
  }

  private specialCall(call: FuncCall, context: CompileContext): Expression | null {
    const position = context.position(call.location);
    if (call.over !== undefined) {
      if (this.windows !== null) return this.windows.add(call, position);
      throw this.windowRefusal(position);
    }
    if (!isAggregateCall(call)) return this.sets?.add(call, position) ?? null;
    if (this.grouping !== null) return this.grouping.aggregate(call, position);
    throw new DeltatError(SqlState.groupingError, `aggregate functions are not allowed in ${this.clause}`, {
      position,
    });
  }

  private windowRefusal(position: number): DeltatError {
    if (this.clause === AGGREGATE_ARGUMENTS) {
      const message = "aggregate function calls cannot contain window function calls";
      return new DeltatError(SqlState.groupingError, message, { position });
    }
    const message =
      this.clause === WINDOW_ARGUMENTS
        ? "window function calls cannot be nested"
        : `window functions are not allowed in ${this.clause}`;
    return new DeltatError(SqlState.windowingError, message, { position });
  }

  /** A comparison in which one side is an id: the other is put into canonical spelling first. */
  private idComparison(expression: A_Expr, context: CompileContext): Expression | null {
    const { kind, lexpr, rexpr } = expression;
    if (lexpr === undefined || rexpr === undefined) return null;
    if (kind === "AEXPR_IN") return this.idInList(expression, context);
    const isArray = kind === "AEXPR_OP_ANY" || kind === "AEXPR_OP_ALL";
    if (!isArray && kind !== "AEXPR_OP") return null;
    const operator = nameParts(expression.name).join(".");
    if (!COMPARISONS.has(operator) || (!this.isIdColumn(lexpr) && !this.isIdColumn(rexpr))) return null;
    const position = context.position(expression.location);
    const left = compile(lexpr, context);
    const right = compile(rexpr, context);
    if (isArray) {
      const all = kind === "AEXPR_OP_ALL";
      return compileArrayComparison(
        operator,
        all,
        left,
        canonicalArray(right),
        isRunConstant(rexpr),
        position,
      );
    }
    if (isIdExpression(left)) return compileBinary(operator, left, canonicalText(right), position);
    if (isIdExpression(right)) return compileBinary(operator, canonicalText(left), right, position);
    return compileBinary(operator, left, right, position);
  }

  private idInList({ name, lexpr, rexpr, location }: A_Expr, context: CompileContext): Expression | null {
    if (lexpr === undefined || rexpr === undefined || !("List" in rexpr) || !this.isIdColumn(lexpr))
      return null;
    const position = context.position(location);
    const left = compile(lexpr, context);
    const nodes = rexpr.List.items ?? [];
    const items = nodes.map((item) => canonicalText(compile(item, context)));
    const operator = nameParts(name).at(-1) === "<>" ? "<>" : "=";
    return compileMembership(operator, left, items, nodes.every(isRunConstant), position);
  }

  private isIdColumn(node: Node): boolean {
    if (!("ColumnRef" in node)) return false;
    const fields = nameParts(node.ColumnRef.fields);
    const found =
      fields.at(-1) === "*" ? null : this.find(fields, this.context.position(node.ColumnRef.location));
    return found?.named.column?.traits.isId === true;
  }

  private findHere(fields: readonly string[], position: number): NamedColumn | null {
    const name = fields.at(-1) as string;
    if (fields.length === 1) {
      const matches = this.namespace.columns.filter((column) => column.name === name);
      if (matches.length > 1) {
        throw new DeltatError(SqlState.ambiguousColumn, `column reference "${name}" is ambiguous`, {
          position,
        });
      }
      return matches[0] ?? null;
    }
    const entry = this.entryHere(fields.slice(0, -1));
    if (entry === undefined) return null;
    const column = entry.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return column;
    throw new DeltatError(SqlState.undefinedColumn, `column ${fields.join(".")} does not exist`, {
      position,
    });
  }

  private entryHere(qualifier: readonly string[]) {
    const name = qualifier.at(-1);
    const schema = qualifier.length > 1 ? qualifier.at(-2) : null;
    return this.namespace.entries.find(
      (entry) => entry.name === name && (schema === null || entry.schema === schema),
    );
  }

  /** The entry called so, for a reference to its whole row. */
  private findRow(fields: readonly string[]): { scope: QueryScope; row: RowReference } | null {
    for (let scope: QueryScope | null = this; scope !== null; scope = scope.parent) {
      const entry = scope.entryHere(fields);
      if (entry !== undefined) return { scope, row: entry };
    }
    return null;
  }

  private wholeRow(fields: readonly string[], position: number): Expression {
    const found = this.findRow(fields);
    if (found === null) throw this.unknownColumn(fields, position);
    const { scope, row } = found;
    return rowReference(row, (named) => {
      for (const entry of named.entries) this.planner.noteReference(entry);
      return scope.grouping === null ? named.expression() : scope.grouping.column(named, fields, position);
    });
  }

  private unknownColumn(fields: readonly string[], position: number): DeltatError {
    if (fields.length > 1) return this.missingEntry(fields.slice(0, -1), position);
    return new DeltatError(SqlState.undefinedColumn, `column "${fields[0]}" does not exist`, { position });
  }

  private missingEntry(qualifier: readonly string[], position: number): DeltatError {
    const name = qualifier.at(-1) ?? "";
    let alias: string | null = null;
    for (let scope: QueryScope | null = this; scope !== null; scope = scope.parent) {
      if (scope.barred?.entries.some((entry) => entry.name === name) === true) {
        const message = `invalid reference to FROM-clause entry for table "${name}"`;
        return new DeltatError(scope.barred.code, message, {
          detail:
            scope.barred.code === SqlState.undefinedTable
              ? `There is an entry for table "${name}", but it cannot be referenced from this part of the query.`
              : "The combining JOIN type must be INNER or LEFT for a LATERAL reference.",
          position,
        });
      }
      alias ??= scope.namespace.entries.find((entry) => entry.tableName === name)?.name ?? null;
    }
    return missingEntry(name, position, alias);
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "!=", "<", "<=", ">", ">="]);

function isIdExpression(expression: Expression): boolean {
  return expression instanceof SlotExpression && expression.isId;
}

/** Text that names an id in its canonical spelling. Throws 22P02 for text that is none. */
function canonicalText(expression: Expression): Expression {
  if (isIdExpression(expression)) return expression;
  const text = resolveUntyped(expression, TEXT);
  if (!isString(text.type)) return text;
  return mapExpression(text, TEXT, (value) => canonicalId(value as string));
}

function canonicalArray(expression: Expression): Expression {
  const array = tryCast(resolveUntyped(expression, TEXT_ARRAY), TEXT_ARRAY, "implicit");
  if (array === null) return expression;
  return mapExpression(array, TEXT_ARRAY, (items) =>
    (items as readonly Value[]).map((item) => (item === null ? null : canonicalId(item as string))),
  );
}
