/**
 * The list after SELECT or RETURNING: which expressions it means, what the columns are called, and how a row
 * of them is written.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_RESULT_COLUMNS } from "../../limits.ts";
import { type Execution, type OutputColumn, outputColumn } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import { type Node, nameParts, nodeKind, nodeLocation, type SubLink } from "../parse/ast.ts";
import { characterPosition } from "../parse/parser.ts";
import { refuseOtherFields } from "../parse/unsupported.ts";
import { expandFormats, RowWriter } from "../rows/row-writer.ts";
import { ColumnExpression, type RelationScope } from "../tables/relation.ts";
import { type PgType, TEXT, UNKNOWN } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { StatementCompiler } from "./statement-compiler.ts";

export interface Target {
  readonly name: string;
  readonly expression: Expression;
  /** The node it came from; null for a column that `*` stands for. */
  readonly node: Node | null;
}

const TARGET_FIELDS = new Set(["name", "val", "location"]);

/** Compiles a target list. `rewrite` may replace parts of an expression before it is compiled. */
export function planTargets(
  list: readonly Node[],
  scope: RelationScope,
  compiler: StatementCompiler,
  rewrite: (node: Node) => Node = (node) => node,
): Target[] {
  return list.flatMap((item) => {
    if (!("ResTarget" in item)) return [];
    refuseOtherFields(item.ResTarget, TARGET_FIELDS);
    const { name, val } = item.ResTarget;
    if (val === undefined) return [];
    if ("ColumnRef" in val) {
      const fields = nameParts(val.ColumnRef.fields);
      if (fields.at(-1) === "*")
        return allColumns(fields.slice(0, -1), scope, compiler.statementText, nodeLocation(val));
    }
    const expression = compiler.output(rewrite(val));
    return [{ name: name ?? defaultName(val) ?? "?column?", expression, node: val }];
  });
}

function allColumns(
  qualifier: readonly string[],
  scope: RelationScope,
  text: string,
  location: number,
): Target[] {
  const { relation } = scope;
  if (relation === null) {
    throw new DeltatError(SqlState.syntaxError, "SELECT * with no tables specified is not valid", {
      position: characterPosition(text, location),
    });
  }
  if (!scope.isQualifier(qualifier)) {
    throw new DeltatError(
      SqlState.undefinedTable,
      `missing FROM-clause entry for table "${qualifier.at(-1) ?? ""}"`,
      { position: characterPosition(text, location) },
    );
  }
  const targets: Target[] = [];
  relation.table.columns.forEach((column, index) => {
    if (column.hidden) return;
    const expression = new ColumnExpression(column, relation.table, index);
    targets.push({ name: column.name, expression, node: null });
  });
  return targets;
}

/** What PostgreSQL calls a column without AS (parse_target.c, FigureColname); null where nothing suggests itself. */
export function defaultName(node: Node): string | null {
  return strongName(node) ?? weakName(node);
}

/** A name that a cast or CASE around the node does not replace by its own. */
function strongName(node: Node): string | null {
  if ("ColumnRef" in node) return nameParts(node.ColumnRef.fields).at(-1) ?? null;
  if ("FuncCall" in node) return nameParts(node.FuncCall.funcname).at(-1) ?? null;
  if ("TypeCast" in node) return node.TypeCast.arg === undefined ? null : strongName(node.TypeCast.arg);
  if ("SQLValueFunction" in node) {
    return (node.SQLValueFunction.op ?? "")
      .replace(/^SVFOP_/, "")
      .replace(/_N$/, "")
      .toLowerCase();
  }
  if ("MinMaxExpr" in node) return node.MinMaxExpr.op === "IS_GREATEST" ? "greatest" : "least";
  if ("CaseExpr" in node) {
    const { defresult } = node.CaseExpr;
    return defresult === undefined ? null : strongName(defresult);
  }
  if ("SubLink" in node) return subqueryName(node.SubLink);
  if ("CollateClause" in node) {
    return node.CollateClause.arg === undefined ? null : strongName(node.CollateClause.arg);
  }
  if ("A_Indirection" in node && node.A_Indirection.arg !== undefined) {
    const fields = nameParts(node.A_Indirection.indirection);
    return fields.at(-1) ?? strongName(node.A_Indirection.arg);
  }
  if ("A_Expr" in node) return node.A_Expr.kind === "AEXPR_NULLIF" ? "nullif" : null;
  return NAMES_BY_KIND.get(nodeKind(node)) ?? null;
}

/** The name of a cast's type, or of CASE; of several around each other, the outermost. */
function weakName(node: Node): string | null {
  if ("TypeCast" in node) return nameParts(node.TypeCast.typeName?.names).at(-1) ?? null;
  if ("CaseExpr" in node) return "case";
  if ("CollateClause" in node && node.CollateClause.arg !== undefined)
    return weakName(node.CollateClause.arg);
  if ("A_Indirection" in node && node.A_Indirection.arg !== undefined)
    return weakName(node.A_Indirection.arg);
  return null;
}

const NAMES_BY_KIND: ReadonlyMap<string, string> = new Map([
  ["CoalesceExpr", "coalesce"],
  ["A_ArrayExpr", "array"],
  ["RowExpr", "row"],
  ["GroupingFunc", "grouping"],
]);

/** A scalar subquery is called as the column it gives. */
function subqueryName({ subLinkType, subselect }: SubLink): string | null {
  if (subLinkType === "EXISTS_SUBLINK") return "exists";
  if (subLinkType === "ARRAY_SUBLINK") return "array";
  if (subLinkType !== "EXPR_SUBLINK" || subselect === undefined || !("SelectStmt" in subselect)) return null;
  const [target] = subselect.SelectStmt.targetList ?? [];
  if (target === undefined || !("ResTarget" in target)) return null;
  const { name, val } = target.ResTarget;
  return name ?? (val === undefined ? null : defaultName(val)) ?? "?column?";
}

/** A type that can be sent: what nothing has typed is text. */
export function sentType(type: PgType): PgType {
  return type === UNKNOWN ? TEXT : type;
}

/** A column of a result, as RowDescription tells it. */
export function describeOutput(name: string, { type, origin, modifier }: Expression): OutputColumn {
  const { tableOid = 0, columnNumber = 0 } = origin ?? {};
  return outputColumn(name, sentType(type), tableOid, columnNumber, modifier);
}

/** Throws 54011 for more columns than a row may have. */
export function checkColumnCount(count: number): void {
  if (count <= MAX_RESULT_COLUMNS) return;
  throw new DeltatError(
    SqlState.tooManyColumns,
    `target lists can have at most ${MAX_RESULT_COLUMNS} entries`,
  );
}

/** Writes rows of one target list. */
export class RowOutput {
  readonly columns: readonly OutputColumn[];
  private readonly types: readonly PgType[];
  private readonly writers: readonly ((out: RowWriter, execution: Execution) => void)[];
  private readonly allText: readonly number[];

  /** Throws 54011 for more columns than a row may have. */
  constructor(readonly targets: readonly Target[]) {
    checkColumnCount(targets.length);
    this.types = targets.map(({ expression }) => sentType(expression.type));
    this.columns = targets.map(({ name, expression }) => describeOutput(name, expression));
    this.writers = targets.map(({ expression }, position) => {
      if (!(expression instanceof ColumnExpression)) {
        return (out, execution) => out.value(expression.evaluate(execution), position);
      }
      const { column } = expression;
      return (out, execution) => column.write(out, execution, position);
    });
    this.allText = expandFormats([], targets.length);
  }

  /** What writes the rows of one run. */
  open(execution: Execution): RowWriter {
    const { formats } = execution;
    return new RowWriter(
      execution.out,
      this.types,
      formats.length === 0 ? this.allText : expandFormats(formats, this.types.length),
    );
  }

  /** The values of the row that `execution.row` names. */
  values(execution: Execution): Value[] {
    return this.targets.map(({ expression }) => expression.evaluate(execution));
  }

  /** Writes the row that `execution.row` names. */
  write(out: RowWriter, execution: Execution): void {
    const { writers } = this;
    out.beginRow(writers.length);
    for (const writer of writers) writer(out, execution);
    out.endRow();
  }
}
