/** GROUP BY: its expressions, and into which sets of them the rows are grouped (GROUPING SETS, ROLLUP, CUBE). */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_CUBE_ELEMENTS, MAX_GROUPING_SETS } from "../../limits.ts";
import { type Node, nameParts, nodeLocation, type SelectStmt, wholeConstant } from "../parse/ast.ts";
import { refuseAggregates } from "./aggregate-calls.ts";
import { Grouping } from "./grouping.ts";
import type { QueryScope } from "./scope.ts";

/** Positions of grouping expressions that rows are grouped by together. */
type GroupingSet = readonly number[];

/** The grouping expressions: positions and names of targets stand for what those are. */
export function planGrouping(select: SelectStmt, scope: QueryScope): Grouping {
  const grouping = new Grouping(scope);
  scope.clause = "GROUP BY";
  const planner = new SetPlanner(select, scope, grouping);
  let sets: GroupingSet[] = [[]];
  for (const item of select.groupClause ?? []) {
    // Several items: every set of one with every set of the others.
    const further = planner.sets(item);
    checkCount(sets.length * further.length);
    sets = sets.flatMap((set) => further.map((other) => [...new Set([...set, ...other])]));
  }
  grouping.sets = select.groupDistinct === true ? distinctSets(sets) : sets;
  return grouping;
}

function checkCount(count: number): void {
  if (count <= MAX_GROUPING_SETS) return;
  throw new DeltatError(
    SqlState.statementTooComplex,
    `too many grouping sets present (maximum ${MAX_GROUPING_SETS})`,
  );
}

function distinctSets(sets: readonly GroupingSet[]): GroupingSet[] {
  const byKey = new Map(sets.map((set) => [[...set].sort((a, b) => a - b).join(), set]));
  return [...byKey.values()];
}

class SetPlanner {
  constructor(
    private readonly select: SelectStmt,
    private readonly scope: QueryScope,
    private readonly grouping: Grouping,
  ) {}

  sets(item: Node): GroupingSet[] {
    if (!("GroupingSet" in item)) return [this.unit(item)];
    const { kind, content = [], location } = item.GroupingSet;
    switch (kind) {
      case "GROUPING_SET_EMPTY":
        return [[]];
      case "GROUPING_SET_ROLLUP": {
        const units = content.map((node) => this.unit(node));
        return Array.from({ length: units.length + 1 }, (_, at) => units.slice(0, units.length - at).flat());
      }
      case "GROUPING_SET_CUBE":
        if (content.length > MAX_CUBE_ELEMENTS) {
          throw new DeltatError(SqlState.tooManyColumns, `CUBE is limited to ${MAX_CUBE_ELEMENTS} elements`, {
            position: this.scope.context.position(location),
          });
        }
        return subsets(content.map((node) => this.unit(node)));
      default: {
        const sets = content.flatMap((node) => this.sets(node));
        checkCount(sets.length);
        return sets;
      }
    }
  }

  /** One expression, or several in brackets. */
  private unit(item: Node): number[] {
    const isRow = "RowExpr" in item && item.RowExpr.row_format === "COERCE_IMPLICIT_CAST";
    if (isRow) return (item.RowExpr.args ?? []).flatMap((node) => this.unit(node));
    return [this.grouping.addKey(groupNode(item, this.select, this.scope))];
  }
}

function subsets(units: readonly (readonly number[])[]): GroupingSet[] {
  const [first, ...rest] = units;
  if (first === undefined) return [[]];
  const others = subsets(rest);
  return [...others.map((set) => [...first, ...set]), ...others];
}

function groupNode(node: Node, select: SelectStmt, scope: QueryScope): Node {
  const targets = (select.targetList ?? []).flatMap((item) => ("ResTarget" in item ? [item.ResTarget] : []));
  const position = scope.context.position(nodeLocation(node));
  if ("A_Const" in node) {
    const at = wholeConstant(node);
    if (at === undefined) {
      throw new DeltatError(SqlState.syntaxError, "non-integer constant in GROUP BY", { position });
    }
    const target = targets[at - 1]?.val;
    if (target === undefined) {
      throw new DeltatError(
        SqlState.invalidColumnReference,
        `GROUP BY position ${at} is not in select list`,
        { position },
      );
    }
    refuseAggregates(target, "GROUP BY", (location) => scope.context.position(location));
    return target;
  }
  if (!("ColumnRef" in node)) return node;
  const [name, ...others] = nameParts(node.ColumnRef.fields);
  if (name === undefined || others.length > 0) return node;
  // A column of FROM comes before a name of the target list.
  if (scope.namespace.columns.some((column) => column.name === name)) return node;
  return targets.find((target) => target.name === name)?.val ?? node;
}
