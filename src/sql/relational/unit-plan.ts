/**
 * The operator of one unit of FROM. The tables that the engine keeps are planned by the single-table planners:
 * columns of other entries, which are in the slots by then, are put into the conditions as values, so that a
 * join reaches an index exactly as a constant does.
 */

import type { Execution } from "../execution.ts";
import type { Expression } from "../expressions/expression.ts";
import { type ColumnRef, type Node, nodeLocation } from "../parse/ast.ts";
import { planAccessPath } from "../statements/access-path.ts";
import { planAvailabilityQuery } from "../statements/availability-query.ts";
import { conjunctionOf, conjunctsOf } from "../statements/conjuncts.ts";
import { RelationScope } from "../tables/relation.ts";
import { type Conjunct, within } from "./conjunct.ts";
import { EventsScan, planSeqBounds } from "./events-scan.ts";
import type { FromUnit } from "./from.ts";
import type { Operator } from "./operator.ts";
import { AvailabilityScan, StoredScan } from "./scan.ts";
import type { QueryScope } from "./scope.ts";

export interface BuiltUnit {
  readonly operator: Operator;
  /** Conditions that the operator does not see to. */
  readonly rest: readonly Conjunct[];
}

export function buildUnit(unit: FromUnit, conjuncts: readonly Conjunct[], scope: QueryScope): BuiltUnit {
  const { source, entry } = unit;
  if (source.kind === "rows") return { operator: source.operator, rest: conjuncts };
  const { compiler } = scope.planner;
  const own = new RelationScope(source.relation);
  const where = conjunctionOf(conjuncts.map((conjunct) => bindOthers(conjunct, unit, own, scope)));
  compiler.enter(own);
  if (source.kind === "events") {
    const bounds = planSeqBounds(conjunctsOf(where), own, compiler);
    return { operator: new EventsScan(entry, bounds), rest: conjuncts };
  }
  if (source.kind === "stored") {
    const path = planAccessPath(source.table, where, own, compiler);
    const filter = compiler.condition(conjunctionOf(path.rest), conjuncts[0]?.clause);
    return { operator: new StoredScan(entry, source.table, path, filter), rest: [] };
  }
  const query = planAvailabilityQuery(where, own, compiler);
  const filter = compiler.condition(conjunctionOf(query.rest));
  return { operator: new AvailabilityScan(entry, source.table, query, filter), rest: [] };
}

/** The condition with columns of the unit by their own names, and all others as values. */
function bindOthers(conjunct: Conjunct, unit: FromUnit, own: RelationScope, scope: QueryScope): Node {
  return within(scope, conjunct.namespace, () => rewrite(conjunct.node, unit, own, scope) as Node);
}

function rewrite(tree: unknown, unit: FromUnit, own: RelationScope, scope: QueryScope): unknown {
  if (Array.isArray(tree)) return tree.map((inner) => rewrite(inner, unit, own, scope));
  if (typeof tree !== "object" || tree === null) return tree;
  if ("SubLink" in tree) {
    return own.bind(besideScan(scope.compile(tree as Node)), nodeLocation(tree as Node));
  }
  if ("ColumnRef" in tree) return rewriteColumn(tree as { ColumnRef: ColumnRef }, unit, own, scope);
  return Object.fromEntries(
    Object.entries(tree).map(([key, inner]) => [key, rewrite(inner, unit, own, scope)]),
  );
}

/** A subquery has scans of its own: what the one that asks for its value has in hand is put back. */
function besideScan(subquery: Expression): Expression {
  return {
    ...subquery,
    evaluate(frame) {
      const execution = frame as Execution;
      const { row, spans, spanOwner, spanOwners } = execution;
      try {
        return subquery.evaluate(frame);
      } finally {
        execution.row = row;
        execution.spans = spans;
        execution.spanOwner = spanOwner;
        execution.spanOwners = spanOwners;
      }
    },
  };
}

function rewriteColumn(
  node: { ColumnRef: ColumnRef },
  unit: FromUnit,
  own: RelationScope,
  scope: QueryScope,
): Node {
  const { source, entry } = unit;
  const column = scope.planner.namedColumn(node, scope)?.column ?? null;
  const location = nodeLocation(node);
  if (column === null || column.entry !== entry || source.kind === "rows") {
    return own.bind(scope.compile(node), location);
  }
  const name = source.table.columns[column.index]?.name ?? "";
  return {
    ColumnRef: { fields: [{ String: { sval: source.relation.name } }, { String: { sval: name } }], location },
  };
}
