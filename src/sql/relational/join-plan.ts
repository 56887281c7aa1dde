/**
 * In which order and how the units of FROM are joined. Inner joins are taken apart into units and conditions and
 * put together greedily: first what an index reaches by constants, then whatever the rows in hand lead to by an
 * index, then by a hash key, and only then by a product. Each condition is applied as early as all that it reads
 * is there. Outer joins keep their sides; conditions on the side that is never missing still go down into it.
 */

import type { Expression } from "../expressions/expression.ts";
import { conjunction } from "../expressions/logic.ts";
import { isUntyped, resolveUntyped } from "../expressions/untyped.ts";
import { type Node, nameParts } from "../parse/ast.ts";
import { conjunctsOf } from "../statements/conjuncts.ts";
import { TEXT } from "../values/types.ts";
import { type Conjunct, conjunctOf, referencesOf, within } from "./conjunct.ts";
import { entriesOf, type FromJoin, type FromPlan, type FromTree, type FromUnit } from "./from.ts";
import { asArrayTest, impliedBounds, lookupColumn } from "./index-conditions.ts";
import { HashJoin, type HashKey, NestedLoop } from "./join.ts";
import type { Operator } from "./operator.ts";
import { Filter } from "./pipeline.ts";
import type { RangeEntry } from "./range.ts";
import { keyOf } from "./row-key.ts";
import type { QueryScope } from "./scope.ts";
import { buildUnit } from "./unit-plan.ts";

type Entries = ReadonlySet<RangeEntry>;

/** The rows of FROM that WHERE accepts. */
export function planJoins(from: FromPlan, where: readonly Node[], scope: QueryScope): Operator {
  const nodes = where.flatMap((node) => {
    const bounds = impliedBounds(node);
    // What is wrong with a comparison is said in its own words, not in those of a bound.
    if (bounds.length > 0) scope.condition(node, "WHERE");
    return [asArrayTest(node, from, scope), ...bounds];
  });
  const conjuncts = nodes.map((node) =>
    conjunctOf(node, from.namespace, "WHERE", scope, lookupColumn(node, from, scope)),
  );
  const planner = new JoinPlanner(scope);
  if (from.trees.length === 0) return planner.filter(from.operator, conjuncts);
  return planner.inner(from.trees, conjuncts, new Set());
}

function isSubset(of: Entries, whole: Entries): boolean {
  for (const entry of of) if (!whole.has(entry)) return false;
  return true;
}

function union(a: Entries, b: Iterable<RangeEntry>): Set<RangeEntry> {
  return new Set([...a, ...b]);
}

class JoinPlanner {
  constructor(private readonly scope: QueryScope) {}

  filter(operator: Operator, conjuncts: readonly Conjunct[]): Operator {
    const condition = this.condition(conjuncts);
    return condition === null ? operator : new Filter(operator, condition);
  }

  /** Joins all trees; `bound` is what an outer side has put into the slots already. */
  inner(trees: readonly FromTree[], conjuncts: readonly Conjunct[], bound: Entries): Operator {
    const leaves: FromTree[] = [];
    const conditions = [...conjuncts];
    for (const tree of trees) this.flatten(tree, leaves, conditions);
    let operator: Operator | null = null;
    let inHand = new Set(bound);
    let pending = conditions;
    const rest = [...leaves];
    while (rest.length > 0) {
      const best = this.choose(rest, pending, inHand, operator === null);
      rest.splice(rest.indexOf(best), 1);
      const reached = union(inHand, entriesOf(best));
      const now = pending.filter(({ references }) => isSubset(references, reached));
      pending = pending.filter((conjunct) => !now.includes(conjunct));
      operator = this.attach(operator, best, now, inHand, bound);
      inHand = reached;
    }
    return this.filter(operator as Operator, pending);
  }

  private flatten(tree: FromTree, leaves: FromTree[], conditions: Conjunct[]): void {
    if (tree.kind === "unit" || tree.type !== "inner") {
      leaves.push(tree);
      return;
    }
    this.flatten(tree.left, leaves, conditions);
    this.flatten(tree.right, leaves, conditions);
    conditions.push(...this.onConjuncts(tree));
  }

  private onConjuncts(tree: FromJoin): Conjunct[] {
    return tree.on
      .flatMap(conjunctsOf)
      .map((node) => conjunctOf(node, tree.namespace, "JOIN/ON", this.scope));
  }

  /** Adds a leaf to what is joined so far. */
  private attach(
    operator: Operator | null,
    leaf: FromTree,
    now: readonly Conjunct[],
    inHand: Entries,
    bound: Entries,
  ): Operator {
    const own = new Set(entriesOf(leaf));
    if (operator === null) return this.tree(leaf, now, bound);
    const alone = now.filter(({ references }) => isSubset(references, own));
    const crossing = now.filter((conjunct) => !alone.includes(conjunct));
    if (this.mustReopen(leaf, inHand, bound) || probeRank(leaf, now, inHand, this.scope) !== null) {
      const inner = this.tree(leaf, now, inHand);
      return new NestedLoop(operator, inner, "inner", null, slotsOf(own));
    }
    const right = this.tree(leaf, alone, bound);
    return this.hash("inner", operator, right, crossing, inHand, own);
  }

  /** Whether a tree reads what the joined rows hold, and so has to be opened for each of them. */
  private mustReopen(tree: FromTree, inHand: Entries, bound: Entries): boolean {
    if (tree.kind === "join")
      return this.mustReopen(tree.left, inHand, bound) || this.mustReopen(tree.right, inHand, bound);
    if (tree.source.kind === "availability") return true;
    for (const entry of tree.dependsOn) if (inHand.has(entry) && !bound.has(entry)) return true;
    return false;
  }

  private tree(tree: FromTree, conjuncts: readonly Conjunct[], bound: Entries): Operator {
    if (tree.kind === "join")
      return tree.type === "inner"
        ? this.inner([tree], conjuncts, bound)
        : this.outer(tree, conjuncts, bound);
    const pushed = conjuncts.filter((conjunct) => !conjunct.needsQuery);
    const built = buildUnit(tree, pushed, this.scope);
    const left = conjuncts.filter((conjunct) => conjunct.needsQuery);
    return this.filter(built.operator, [...built.rest, ...left]);
  }

  private outer(tree: FromJoin, conjuncts: readonly Conjunct[], bound: Entries): Operator {
    const leftEntries = new Set(entriesOf(tree.left));
    const rightEntries = new Set(entriesOf(tree.right));
    const reachable = union(bound, leftEntries);
    // Nothing goes below a full join: either side may be missing.
    const down =
      tree.type === "full" ? [] : conjuncts.filter(({ references }) => isSubset(references, reachable));
    const above = conjuncts.filter((conjunct) => !down.includes(conjunct));
    const left = this.tree(tree.left, down, bound);
    const on = this.onConjuncts(tree);
    return this.filter(this.outerJoin(tree, left, on, reachable, rightEntries, bound), above);
  }

  private outerJoin(
    tree: FromJoin,
    left: Operator,
    on: readonly Conjunct[],
    reachable: Entries,
    rightEntries: Entries,
    bound: Entries,
  ): Operator {
    if (tree.type === "full") {
      const right = this.tree(tree.right, [], bound);
      return this.hash("full", left, right, on, reachable, rightEntries);
    }
    const reopened = this.mustReopen(tree.right, reachable, bound);
    if (reopened || probeRank(tree.right, on, reachable, this.scope) !== null) {
      const right = this.tree(tree.right, on, reachable);
      return new NestedLoop(left, right, "left", null, slotsOf(rightEntries));
    }
    const alone = on.filter(({ references }) => references.size > 0 && isSubset(references, rightEntries));
    const right = this.tree(tree.right, alone, bound);
    const crossing = on.filter((conjunct) => !alone.includes(conjunct));
    return this.hash("left", left, right, crossing, reachable, rightEntries);
  }

  /** A join by the equalities among the conditions; the others are tested on each pair. */
  private hash(
    kind: "inner" | "left" | "full",
    left: Operator,
    right: Operator,
    conditions: readonly Conjunct[],
    leftEntries: Entries,
    rightEntries: Entries,
  ): Operator {
    const keys: HashKey[] = [];
    const others: Conjunct[] = [];
    for (const conjunct of conditions) {
      const key = this.hashKey(conjunct, leftEntries, rightEntries);
      if (key === null) others.push(conjunct);
      else keys.push(key);
    }
    return new HashJoin(
      left,
      right,
      kind,
      keys,
      this.condition(others),
      slotsOf(leftEntries),
      slotsOf(rightEntries),
    );
  }

  private hashKey(conjunct: Conjunct, left: Entries, right: Entries): HashKey | null {
    const sides = equalitySides(conjunct.node);
    if (sides === null || conjunct.needsQuery) return null;
    const [a, b] = sides;
    const readsOf = (node: Node) => referencesOf(node, conjunct.namespace, this.scope);
    const [ofA, ofB] = [readsOf(a), readsOf(b)];
    const goesAhead = isSubset(ofA, left) && isSubset(ofB, right) && ofB.size > 0;
    const goesBack = isSubset(ofB, left) && isSubset(ofA, right) && ofA.size > 0;
    if (!goesAhead && !goesBack) return null;
    const [probeNode, buildNode] = goesAhead ? [a, b] : [b, a];
    const { probe, build } = within(this.scope, conjunct.namespace, () => {
      const first = this.scope.compile(probeNode);
      const second = this.scope.compile(buildNode);
      return {
        probe: isUntyped(first) ? first.resolveAs(isUntyped(second) ? TEXT : second.type) : first,
        build: resolveUntyped(second, first.type === second.type ? TEXT : first.type),
      };
    });
    const key = keyOf(probe.type, build.type);
    return key === null ? null : { probe, build, keyOf: key };
  }

  private condition(conjuncts: readonly Conjunct[]): Expression | null {
    const conditions = conjuncts.map((conjunct) =>
      within(this.scope, conjunct.namespace, () => this.scope.condition(conjunct.node, conjunct.clause)),
    );
    const [only] = conditions;
    if (conditions.length <= 1) return only ?? null;
    return conjunction(conditions);
  }

  /** The leaf to take next: the cheapest to reach among those that have all they read. */
  private choose(
    leaves: readonly FromTree[],
    conjuncts: readonly Conjunct[],
    inHand: Entries,
    isFirst: boolean,
  ): FromTree {
    let best: FromTree | null = null;
    let bestRank = Number.POSITIVE_INFINITY;
    for (const leaf of leaves) {
      const rank = this.rank(leaf, leaves, conjuncts, inHand, isFirst);
      if (rank < bestRank) {
        best = leaf;
        bestRank = rank;
      }
    }
    return best ?? (leaves[0] as FromTree);
  }

  private rank(
    leaf: FromTree,
    leaves: readonly FromTree[],
    conjuncts: readonly Conjunct[],
    inHand: Entries,
    isFirst: boolean,
  ): number {
    const missing = leaves.some(
      (other) => other !== leaf && entriesOf(other).some((entry) => dependsOn(leaf, entry)),
    );
    if (missing) return Number.POSITIVE_INFINITY;
    if (leaf.kind === "unit" && leaf.source.kind === "availability") return 1000;
    const probe = probeRank(leaf, conjuncts, inHand, this.scope);
    if (probe !== null) return probe;
    const own = new Set(entriesOf(leaf));
    const reached = union(inHand, own);
    const isLinked = conjuncts.some(
      ({ node, references }) =>
        equalitySides(node) !== null && isSubset(references, reached) && !isSubset(references, own),
    );
    const size =
      leaf.kind === "unit" && leaf.source.kind === "stored" ? (TABLE_RANKS[leaf.source.table.name] ?? 5) : 4;
    return (isFirst || isLinked ? 10 : 100) + size;
  }
}

/** Which full scan to begin with: there are fewer resources than rules and fewer rules than allocations. */
const TABLE_RANKS: Record<string, number> = { resources: 5, rules: 6, holds: 7, bookings: 8 };

function dependsOn(tree: FromTree, entry: RangeEntry): boolean {
  if (tree.kind === "unit") return tree.dependsOn.has(entry);
  return dependsOn(tree.left, entry) || dependsOn(tree.right, entry);
}

function slotsOf(entries: Iterable<RangeEntry>): () => number[] {
  const all = [...entries];
  return () => all.flatMap((entry) => entry.usedSlots());
}

function equalitySides(node: Node): readonly [Node, Node] | null {
  if (!("A_Expr" in node) || node.A_Expr.kind !== "AEXPR_OP") return null;
  const { name, lexpr, rexpr } = node.A_Expr;
  if (nameParts(name).at(-1) !== "=" || lexpr === undefined || rexpr === undefined) return null;
  return [lexpr, rexpr];
}

/** How well an index reaches a stored table from what is in hand: 0 by id, 1 by owner; null: not at all. */
function probeRank(
  leaf: FromTree,
  conjuncts: readonly Conjunct[],
  inHand: Entries,
  scope: QueryScope,
): number | null {
  if (leaf.kind !== "unit" || leaf.source.kind !== "stored") return null;
  const { table } = leaf.source;
  let best: number | null = null;
  for (const conjunct of conjuncts) {
    if (conjunct.needsQuery) continue;
    const index = probedColumn(conjunct, leaf, inHand, scope);
    if (index === 0) return 0;
    if (index === table.ownerColumn) best = 1;
  }
  return best;
}

/** The column that a condition compares by `=`, IN or = ANY with what is in hand; -1 for none. */
function probedColumn(conjunct: Conjunct, leaf: FromUnit, inHand: Entries, scope: QueryScope): number {
  const { node, namespace } = conjunct;
  if (!("A_Expr" in node)) return -1;
  const { kind, name, lexpr, rexpr } = node.A_Expr;
  if (lexpr === undefined || rexpr === undefined || nameParts(name).at(-1) !== "=") return -1;
  const isList = kind === "AEXPR_IN" || kind === "AEXPR_OP_ANY";
  if (kind !== "AEXPR_OP" && !isList) return -1;
  const side = (column: Node, value: Node): number => {
    const named = within(scope, namespace, () => scope.planner.namedColumn(column, scope));
    if (named?.column?.entry !== leaf.entry) return -1;
    return isSubset(referencesOf(value, namespace, scope), inHand) ? named.column.index : -1;
  };
  const left = side(lexpr, rexpr);
  return left >= 0 || isList ? left : side(rexpr, lexpr);
}
