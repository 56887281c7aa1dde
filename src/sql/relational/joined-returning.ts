/**
 * RETURNING of an UPDATE or DELETE that joins. Columns of the target are those of the row as it was changed; all others
 * were read by the query that found the row, and are kept beside it until it is returned.
 */

import type { Execution } from "../execution.ts";
import type { ColumnOrigin, Expression, Frame } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type Node, nameParts, type ResTarget } from "../parse/ast.ts";
import { refuseOtherFields } from "../parse/unsupported.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { defaultName, planTargets, RowOutput, type Target } from "../statements/targets.ts";
import type { RelationScope } from "../tables/relation.ts";
import { columnIndex } from "../tables/schema.ts";
import { TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";

/** A value that was read with the target's row. */
class JoinedValue implements Expression {
  readonly type: Expression["type"];
  readonly origin: ColumnOrigin | null;
  readonly modifier: number | undefined;

  constructor(
    expression: Expression,
    private readonly at: number,
  ) {
    this.type = expression.type;
    this.origin = expression.origin ?? null;
    this.modifier = expression.modifier;
  }

  evaluate(frame: Frame): Value {
    // Whoever runs a write makes the frame: it is an Execution.
    return (frame as Execution).joined[this.at] ?? null;
  }
}

/** What the columns of `node` (a star) are called, among all that the write joins. */
type StarNames = (star: Node) => readonly string[];

/** A column of another table, or all that a star stands for, and which values of the query they are. */
interface Wanted {
  readonly node: Node;
  readonly names: readonly string[] | null;
  readonly from: number;
}

export class JoinedReturning {
  private readonly wanted: Wanted[] = [];
  private count = 0;

  /** @param targets what RETURNING lists */
  constructor(
    private readonly targets: readonly Node[],
    private readonly scope: RelationScope,
    starNames: StarNames,
  ) {
    for (const target of targets) this.collect(target, starNames);
  }

  /** What the query must give besides what it gives anyway. */
  get nodes(): readonly Node[] {
    return this.wanted.map(({ node }) => node);
  }

  /** RETURNING, once the query has given an expression for each value of `nodes`. */
  plan(outputs: readonly Expression[], compiler: StatementCompiler): RowOutput {
    const values = outputs.map((output, at) => new JoinedValue(resolveUntyped(output, TEXT), at));
    compiler.enter(this.scope);
    return new RowOutput(
      this.targets.flatMap((target) =>
        "ResTarget" in target ? this.planTarget(target.ResTarget, values, compiler) : [],
      ),
    );
  }

  private planTarget(
    target: ResTarget,
    values: readonly JoinedValue[],
    compiler: StatementCompiler,
  ): Target[] {
    refuseOtherFields(target, TARGET_FIELDS);
    const { name, val } = target;
    if (val === undefined) return [];
    const star = this.wanted.find(({ node, names }) => node === val && names !== null);
    if (star !== undefined) return this.planStar(star, values, compiler);
    if ("ColumnRef" in val && nameParts(val.ColumnRef.fields).at(-1) === "*") {
      return planTargets([{ ResTarget: target }], this.scope, compiler);
    }
    const expression = compiler.output(this.bind(val, values) as Node);
    return [{ name: name ?? defaultName(val) ?? "?column?", expression, node: val }];
  }

  /** The target's own columns come first in `*`, and are those of the changed row. */
  private planStar(
    { node, names, from }: Wanted,
    values: readonly JoinedValue[],
    compiler: StatementCompiler,
  ) {
    const { relation } = this.scope;
    const isAll = "ColumnRef" in node && node.ColumnRef.fields?.length === 1;
    const own = isAll ? (relation?.table.columns.filter((column) => !column.hidden) ?? []) : [];
    return (names ?? []).map((name, at) => {
      const column = own[at];
      const expression =
        column === undefined
          ? (values[from + at] as JoinedValue)
          : compiler.output({ ColumnRef: { fields: [{ String: { sval: column.name } }] } });
      return { name, expression, node: null };
    });
  }

  private collect(tree: unknown, starNames: StarNames): void {
    if (Array.isArray(tree)) {
      for (const inner of tree) this.collect(inner, starNames);
      return;
    }
    if (typeof tree !== "object" || tree === null) return;
    if ("ColumnRef" in tree) {
      const node = tree as Extract<Node, { ColumnRef: unknown }>;
      const fields = nameParts(node.ColumnRef.fields);
      const isStar = fields.at(-1) === "*";
      if (this.isOfTarget(fields.slice(0, -1))) return;
      const names = isStar ? starNames(node) : null;
      this.wanted.push({ node, names, from: this.count });
      this.count += names?.length ?? 1;
      return;
    }
    if ("SubLink" in tree) return;
    for (const inner of Object.values(tree)) this.collect(inner, starNames);
  }

  /** Whether a qualifier names the target. Names without one are looked up by the query, which knows if they are ambiguous. */
  private isOfTarget(qualifier: readonly string[]): boolean {
    return qualifier.length > 0 && this.scope.isQualifier(qualifier);
  }

  /** The tree with values in place of columns of other tables. */
  private bind(tree: unknown, values: readonly JoinedValue[]): unknown {
    if (Array.isArray(tree)) return tree.map((inner) => this.bind(inner, values));
    if (typeof tree !== "object" || tree === null) return tree;
    const wanted = this.wanted.find(({ node }) => node === tree);
    if (wanted !== undefined && "ColumnRef" in wanted.node) {
      const { fields, location = 0 } = wanted.node.ColumnRef;
      const [name = "", ...others] = nameParts(fields);
      const table = this.scope.relation?.table;
      if (others.length === 0 && table !== undefined && columnIndex(table, name) >= 0) return tree;
      return this.scope.bind(values[wanted.from] as JoinedValue, location);
    }
    return Object.fromEntries(Object.entries(tree).map(([key, inner]) => [key, this.bind(inner, values)]));
  }
}

const TARGET_FIELDS = new Set(["name", "val", "location"]);
