/** Conditions that AND joins, and what each of them reads. */

import { type Node, nameParts } from "../parse/ast.ts";
import { isCondition } from "../statements/conjuncts.ts";
import { BOOL } from "../values/types.ts";
import { hasSubLink, refuseAggregates, someNode } from "./aggregate-calls.ts";
import { isArrayTest } from "./index-conditions.ts";
import type { Namespace, RangeEntry } from "./range.ts";
import type { QueryScope } from "./scope.ts";

/** One condition that must hold, and what it reads of this query's FROM. */
export interface Conjunct {
  readonly node: Node;
  readonly namespace: Namespace;
  readonly references: ReadonlySet<RangeEntry>;
  /** Only the query's own scope compiles it: a subquery, a row, a table's name as a value. */
  readonly needsQuery: boolean;
  /** Where it stands, for the refusal of what is no condition. */
  readonly clause: "WHERE" | "JOIN/ON";
}

/** @param looksUp its column, where its subquery gives what leads to the rows of a unit, which is planned with it */
export function conjunctOf(
  node: Node,
  namespace: Namespace,
  clause: Conjunct["clause"],
  scope: QueryScope,
  looksUp: Node | null = null,
): Conjunct {
  refuseAggregates(node, clause === "WHERE" ? clause : "JOIN conditions", (location) =>
    scope.context.position(location),
  );
  return {
    node,
    namespace,
    clause,
    needsQuery:
      isDoubtful(node, namespace, scope) || (looksUp === null && needsQuery(node, namespace, scope)),
    references: referencesOf(looksUp ?? node, namespace, scope),
  };
}

/** Whether it may be no condition at all, which only the query's scope refuses by the clause that it stands in. */
function isDoubtful(node: Node, namespace: Namespace, scope: QueryScope): boolean {
  if (isCondition(node)) return false;
  if (!("ColumnRef" in node)) return true;
  return within(scope, namespace, () => scope.planner.namedColumn(node, scope))?.column?.type !== BOOL;
}

function needsQuery(node: Node, namespace: Namespace, scope: QueryScope): boolean {
  if (isArrayTest(node)) return false;
  return someNode(node, (kind, inner) => {
    if (kind === "SubLink" || kind === "RowExpr") return true;
    if (kind !== "ColumnRef") return false;
    const column = { ColumnRef: inner } as Node;
    return within(scope, namespace, () => scope.planner.namedColumn(column, scope)) === null;
  });
}

/** What a tree reads of this level. A subquery tells only when it is planned. */
export function referencesOf(node: Node, namespace: Namespace, scope: QueryScope): ReadonlySet<RangeEntry> {
  const { planner } = scope;
  return within(scope, namespace, () => {
    if (hasSubLink(node)) {
      const { references } = planner.track(() => scope.compile(node));
      return new Set([...references].filter((entry) => entry.depth === scope.depth));
    }
    const found = new Set<RangeEntry>();
    someNode(node, (kind, inner) => {
      if (kind !== "ColumnRef") return false;
      const named = planner.namedColumn({ ColumnRef: inner } as Node, scope);
      for (const entry of named?.entries ?? wholeRowEntries(inner, scope)) {
        if (entry.depth === scope.depth) found.add(entry);
      }
      return false;
    });
    return found;
  });
}

/** A table's name used as a value reads all of it. */
function wholeRowEntries(node: unknown, scope: QueryScope): readonly RangeEntry[] {
  const name = nameParts((node as { fields?: Node[] }).fields).at(-1);
  const entry = scope.namespace.entries.find((candidate) => candidate.name === name);
  return entry?.columns.flatMap((column) => column.entries) ?? [];
}

export function within<T>(scope: QueryScope, namespace: Namespace, act: () => T): T {
  const before = scope.namespace;
  scope.namespace = namespace;
  try {
    return act();
  } finally {
    scope.namespace = before;
  }
}
