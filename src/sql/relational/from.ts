/** FROM as a tree of joins over units (tables, subqueries, functions), and the names that it brings into reach. */

import { DeltatError, SqlState } from "../../errors.ts";
import { findCatalogTable } from "../catalog/catalog.ts";
import { coalesce } from "../expressions/conditional.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import {
  type Alias,
  type JoinExpr,
  type Node,
  nameParts,
  nodeKind,
  type RangeSubselect,
  type RangeVar,
} from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { EVENTS } from "../tables/events-table.ts";
import { type Relation, resolveRelation } from "../tables/relation.ts";
import { isStored, type StoredTable, type Table } from "../tables/schema.ts";
import { TEXT } from "../values/types.ts";
import { noteUse } from "./cte.ts";
import { planFunction } from "./from-function.ts";
import { type Operator, SlotExpression } from "./operator.ts";
import { Project } from "./pipeline.ts";
import { planQuery } from "./query.ts";
import {
  EMPTY_NAMESPACE,
  joinedNamespace,
  type NamedColumn,
  type Namespace,
  namedColumn,
  namespaceOf,
  RangeEntry,
} from "./range.ts";
import { OneRow } from "./scan.ts";
import type { QueryScope } from "./scope.ts";
import { FeedScan, ListFeed } from "./shared-rows.ts";

type UnitSource =
  | { readonly kind: "stored"; readonly table: StoredTable; readonly relation: Relation }
  | { readonly kind: "availability"; readonly table: Table; readonly relation: Relation }
  | { readonly kind: "events"; readonly table: Table; readonly relation: Relation }
  | { readonly kind: "rows"; readonly operator: Operator };

export interface FromUnit {
  readonly kind: "unit";
  readonly entry: RangeEntry;
  readonly source: UnitSource;
  /** Entries of the same FROM that it reads (LATERAL): they must be in the slots before it is opened. */
  readonly dependsOn: ReadonlySet<RangeEntry>;
}

export interface FromJoin {
  readonly kind: "join";
  readonly type: "inner" | "left" | "full";
  readonly left: FromTree;
  readonly right: FromTree;
  readonly on: readonly Node[];
  /** In which `on` resolves. */
  readonly namespace: Namespace;
}

export type FromTree = FromUnit | FromJoin;

export interface FromPlan {
  readonly trees: readonly FromTree[];
  readonly namespace: Namespace;
  /** For a query without FROM. */
  readonly operator: Operator;
  /** What all its entries fill; complete once the statement is planned. */
  slots(): number[];
}

export interface FromItem {
  readonly tree: FromTree;
  readonly namespace: Namespace;
}

export function planFrom(clause: readonly Node[], scope: QueryScope): FromPlan {
  let namespace = EMPTY_NAMESPACE;
  const trees: FromTree[] = [];
  scope.clause = "FROM";
  for (const node of clause) {
    const item = planItem(node, scope, namespace);
    trees.push(item.tree);
    namespace = joined(namespace, item.namespace);
  }
  return {
    trees,
    namespace,
    operator: new OneRow(),
    slots: () => trees.flatMap((tree) => entriesOf(tree)).flatMap((entry) => entry.usedSlots()),
  };
}

export function entriesOf(tree: FromTree): RangeEntry[] {
  return tree.kind === "unit" ? [tree.entry] : [...entriesOf(tree.left), ...entriesOf(tree.right)];
}

/** Throws 42712 for a name that both sides have. */
function joined(left: Namespace, right: Namespace): Namespace {
  for (const { name, schema } of right.entries) {
    if (name !== null && left.entries.some((entry) => entry.name === name && entry.schema === schema)) {
      throw new DeltatError(SqlState.duplicateAlias, `table name "${name}" specified more than once`);
    }
  }
  return joinedNamespace(left, right);
}

function planItem(node: Node, scope: QueryScope, before: Namespace): FromItem {
  if ("RangeVar" in node) return planTable(node.RangeVar, scope);
  if ("JoinExpr" in node) return planJoin(node.JoinExpr, scope, before);
  if ("RangeSubselect" in node) return planSubselect(node.RangeSubselect, scope, before);
  if ("RangeFunction" in node) return planFunction(node.RangeFunction, scope, before);
  throw notSupported(nodeKind(node) === "RangeTableSample" ? "TABLESAMPLE" : "this kind of FROM");
}

export function unit(
  entry: RangeEntry,
  source: UnitSource,
  dependsOn: ReadonlySet<RangeEntry> = new Set(),
): FromItem {
  return { tree: { kind: "unit", entry, source, dependsOn }, namespace: namespaceOf(entry) };
}

export function newEntry(scope: QueryScope, name: string | null, schema: string | null = null): RangeEntry {
  return new RangeEntry(name, schema, scope.depth, scope.planner.newSlot);
}

/** The names that an alias gives columns. Throws 42P10 for too many. */
export function columnAliases(alias: Alias | undefined, count: number, name: string): readonly string[] {
  const names = nameParts(alias?.colnames);
  if (names.length <= count) return names;
  throw new DeltatError(
    SqlState.invalidColumnReference,
    `table "${name}" has ${count} columns available but ${names.length} columns specified`,
  );
}

function planTable(range: RangeVar, scope: QueryScope): FromItem {
  const name = range.relname ?? "";
  const alias = range.alias?.aliasname ?? name;
  const cte = range.schemaname === undefined ? (scope.ctes?.find(name) ?? null) : null;
  if (cte !== null) {
    const { references } = scope.planner.track(() => noteUse(cte, scope.planner));
    const entry = newEntry(scope, alias);
    const aliases = columnAliases(range.alias, cte.columns.length, alias);
    cte.columns.forEach((column, at) => {
      entry.add(aliases[at] ?? column.name, column.type, column);
    });
    const operator = new FeedScan(`CTE Scan on ${name === alias ? name : `${name} ${alias}`}`, entry, (run) =>
      cte.rows(run),
    );
    return unit(entry, { kind: "rows", operator }, sameLevel(references, scope));
  }
  const catalog = findCatalogTable(range.schemaname, name);
  if (catalog !== null) {
    const entry = newEntry(scope, alias, range.alias === undefined ? catalog.schema : null);
    const aliases = columnAliases(range.alias, catalog.columns.length, alias);
    catalog.columns.forEach(({ name: column, type }, at) => {
      const origin = { tableOid: catalog.oid, columnNumber: at + 1 };
      entry.add(aliases[at] ?? column, type, { origin });
    });
    scope.planner.readsTables = true;
    const operator = new FeedScan(
      `Seq Scan on ${name === alias ? name : `${name} ${alias}`}`,
      entry,
      ({ execution }) => new ListFeed(catalog.rows(execution)),
    );
    return unit(entry, { kind: "rows", operator });
  }
  return planOwnTable(range, alias, scope);
}

/** One of the tables that the engine keeps, or `availability`. */
function planOwnTable(range: RangeVar, alias: string, scope: QueryScope): FromItem {
  const { alias: given, ...plain } = range;
  const relation: Relation = {
    ...resolveRelation(plain, scope.planner.compiler.statementText),
    name: alias,
    hasAlias: given !== undefined,
  };
  const { table } = relation;
  const entry = newEntry(scope, alias, given === undefined ? "public" : null);
  entry.tableName = table.name;
  const aliases = columnAliases(given, table.columns.filter(({ hidden }) => !hidden).length, alias);
  table.columns.forEach((column, at) => {
    entry.add(aliases[at] ?? column.name, column.type, {
      isId: column.isId,
      hidden: column.hidden,
      filterOnly: column.filterOnly,
      origin: { tableOid: table.oid, columnNumber: at + 1 },
    });
  });
  if (table === EVENTS) {
    return unit(entry, { kind: "events", table, relation });
  }
  scope.planner.readsTables = true;
  return unit(
    entry,
    isStored(table) ? { kind: "stored", table, relation } : { kind: "availability", table, relation },
  );
}

export function sameLevel(references: ReadonlySet<RangeEntry>, scope: QueryScope): ReadonlySet<RangeEntry> {
  return new Set([...references].filter((entry) => entry.depth === scope.depth));
}

const SUBSELECT_FIELDS = new Set(["lateral", "subquery", "alias"]);

function planSubselect(range: RangeSubselect, scope: QueryScope, before: Namespace): FromItem {
  refuseOtherFields(range, SUBSELECT_FIELDS);
  const { subquery, alias } = range;
  if (subquery === undefined || !("SelectStmt" in subquery))
    throw notSupported("this kind of subquery in FROM");
  scope.namespace = range.lateral === true ? before : EMPTY_NAMESPACE;
  const { barred } = scope;
  if (range.lateral !== true) scope.barred = { entries: before.entries, code: SqlState.undefinedTable };
  const { value: plan, references } = scope.planner.track(() =>
    planQuery(subquery.SelectStmt, scope.planner, scope),
  );
  scope.namespace = EMPTY_NAMESPACE;
  scope.barred = barred;
  const name = alias?.aliasname ?? null;
  const entry = newEntry(scope, name);
  const aliases = columnAliases(alias, plan.columns.length, name ?? "");
  const outputs = plan.columns.map(({ expression }) => resolveUntyped(expression, TEXT));
  plan.columns.forEach((column, at) => {
    const output = outputs[at];
    const from = output instanceof SlotExpression ? output : null;
    entry.add(aliases[at] ?? column.name, output?.type ?? TEXT, {
      isId: from?.isId ?? false,
      origin: from?.origin ?? null,
      modifier: output?.modifier,
    });
  });
  const used = () =>
    entry.usedColumns().map((column) => ({
      expression: outputs[column.index] as SlotExpression,
      slot: column.expression().slot,
    }));
  const operator = new Project(plan.operator, used, name === null ? null : `Subquery Scan on ${name}`);
  return unit(entry, { kind: "rows", operator }, sameLevel(references, scope));
}

const JOIN_FIELDS = new Set(["jointype", "isNatural", "larg", "rarg", "usingClause", "quals", "alias"]);

function planJoin(join: JoinExpr, scope: QueryScope, before: Namespace): FromItem {
  refuseOtherFields(join, JOIN_FIELDS);
  if (join.larg === undefined || join.rarg === undefined) throw notSupported("a join without sides");
  const left = planItem(join.larg, scope, before);
  const right = planRightSide(join, join.rarg, left.namespace, scope, before);
  const all = joined(left.namespace, right.namespace);
  const shared = sharedNames(join, left.namespace, right.namespace);
  const pairs = shared.map((name) => ({
    left: sharedColumn(name, left.namespace, "left"),
    right: sharedColumn(name, right.namespace, "right"),
  }));
  const on = [
    ...(join.quals === undefined ? [] : [join.quals]),
    ...pairs.map((pair) => equality(scope.bind(pair.left), scope.bind(pair.right))),
  ];
  const isRight = join.jointype === "JOIN_RIGHT";
  const type =
    join.jointype === "JOIN_FULL" ? "full" : isRight || join.jointype === "JOIN_LEFT" ? "left" : "inner";
  const tree: FromJoin = {
    kind: "join",
    type,
    left: isRight ? right.tree : left.tree,
    right: isRight ? left.tree : right.tree,
    on,
    namespace: all,
  };
  const merged = pairs.map((pair) => mergedColumn(pair.left, pair.right, type, isRight));
  const rest = all.columns.filter(
    (column) => !pairs.some((pair) => pair.left === column || pair.right === column),
  );
  const namespace = { columns: [...merged, ...rest], entries: all.entries };
  return { tree, namespace: join.alias === undefined ? namespace : renamed(namespace, join.alias) };
}

/** The right side sees the left one, but not in a join that gives rows without it. */
function planRightSide(
  { jointype }: JoinExpr,
  rarg: Node,
  left: Namespace,
  scope: QueryScope,
  before: Namespace,
): FromItem {
  if (jointype !== "JOIN_RIGHT" && jointype !== "JOIN_FULL") {
    return planItem(rarg, scope, joinedNamespace(before, left));
  }
  const { barred } = scope;
  scope.barred = { entries: left.entries, code: SqlState.invalidColumnReference };
  const right = planItem(rarg, scope, before);
  scope.barred = barred;
  return right;
}

function sharedNames(join: JoinExpr, left: Namespace, right: Namespace): string[] {
  if (join.isNatural !== true) return nameParts(join.usingClause);
  return left.columns
    .filter(
      ({ hidden, name }) => !hidden && right.columns.some((other) => !other.hidden && other.name === name),
    )
    .map(({ name }) => name);
}

function sharedColumn(name: string, namespace: Namespace, side: string): NamedColumn {
  const [column, another] = namespace.columns.filter((candidate) => candidate.name === name);
  if (column === undefined) {
    throw new DeltatError(
      SqlState.undefinedColumn,
      `column "${name}" specified in USING clause does not exist in ${side} table`,
    );
  }
  if (another !== undefined) {
    throw new DeltatError(
      SqlState.ambiguousColumn,
      `common column name "${name}" appears more than once in ${side} table`,
    );
  }
  return column;
}

function equality(left: Node, right: Node): Node {
  return { A_Expr: { kind: "AEXPR_OP", name: [{ String: { sval: "=" } }], lexpr: left, rexpr: right } };
}

/** The one column that USING makes of two: that of the side that is never missing, else whichever is there. */
function mergedColumn(
  left: NamedColumn,
  right: NamedColumn,
  type: FromJoin["type"],
  isRight: boolean,
): NamedColumn {
  if (type !== "full") return isRight ? right : left;
  return {
    name: left.name,
    hidden: false,
    entries: [...left.entries, ...right.entries],
    column: null,
    expression: () => coalesce([left.expression(), right.expression()], () => 1),
  };
}

/** A join under a name of its own hides those of its sides. */
function renamed(namespace: Namespace, alias: Alias): Namespace {
  const name = alias.aliasname ?? null;
  const names = columnAliases(alias, namespace.columns.length, name ?? "");
  const columns = namespace.columns.map((column, at) => {
    const shown = names[at] ?? column.name;
    return column.column === null ? { ...column, name: shown } : namedColumn(column.column, shown);
  });
  return { columns, entries: [{ name, schema: null, columns }] };
}
