/** WITH: queries by name, each run at most once where it is used, and the recursive ones. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { ColumnOrigin, Expression } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type CommonTableExpr, nameParts, type SelectStmt, targetLocation } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { ColumnExpression } from "../tables/relation.ts";
import { type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type Cursor, type Operator, PAUSE, type PlanNode, ROW, SlotExpression } from "./operator.ts";
import type { RelationalPlanner } from "./planner.ts";
import { planQuery } from "./query.ts";
import type { QueryPlan } from "./query-tail.ts";
import type { RangeEntry } from "./range.ts";
import { refersToItself } from "./recursion-rules.ts";
import { type Key, RowKey } from "./row-key.ts";
import type { Run } from "./run.ts";
import type { QueryScope } from "./scope.ts";
import { ListFeed, type RowFeed, type RowProducer, type Rows, SharedRows } from "./shared-rows.ts";

interface CteColumn {
  readonly name: string;
  readonly type: PgType;
  readonly isId: boolean;
  readonly origin: ColumnOrigin | null;
  readonly modifier?: number | undefined;
}

export interface Cte {
  readonly name: string;
  readonly columns: readonly CteColumn[];
  /** What of the queries around it reads. */
  readonly references: ReadonlySet<RangeEntry>;
  rows(run: Run): RowFeed;
  onUse(): void;
}

/** The names that WITH has given, innermost first. */
export class CteEnvironment {
  private readonly own = new Map<string, Cte>();

  constructor(private readonly outer: CteEnvironment | null) {}

  add(cte: Cte): void {
    this.own.set(cte.name, cte);
  }

  has(name: string): boolean {
    return this.own.has(name);
  }

  find(name: string): Cte | null {
    return this.own.get(name) ?? this.outer?.find(name) ?? null;
  }
}

/** Plans the WITH clause of a query; returns the memos that hold its rows. */
export function planWith(
  clause: NonNullable<SelectStmt["withClause"]>,
  scope: QueryScope,
): readonly number[] {
  const environment = new CteEnvironment(scope.ctes);
  scope.ctes = environment;
  const memos: number[] = [];
  for (const item of clause.ctes ?? []) {
    if (!("CommonTableExpr" in item)) continue;
    const { CommonTableExpr: node } = item;
    const name = node.ctename ?? "";
    if (environment.has(name)) {
      throw new DeltatError(SqlState.duplicateAlias, `WITH query name "${name}" specified more than once`, {
        position: scope.context.position(node.location),
      });
    }
    const memo = scope.planner.newMemo();
    memos.push(memo);
    environment.add(planCte(node, name, clause.recursive === true, memo, scope, environment));
  }
  return memos;
}

const CTE_FIELDS = new Set(["ctename", "aliascolnames", "ctematerialized", "ctequery", "location"]);

function planCte(
  node: CommonTableExpr,
  name: string,
  mayRecur: boolean,
  memo: number,
  scope: QueryScope,
  environment: CteEnvironment,
): Cte {
  refuseOtherFields(node, CTE_FIELDS);
  const { ctequery } = node;
  if (ctequery === undefined || !("SelectStmt" in ctequery)) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      "WITH clause containing a data-modifying statement must be at the top level",
      { position: scope.context.position(node.location) },
    );
  }
  const aliases = nameParts(node.aliascolnames);
  const select = ctequery.SelectStmt;
  const position = (location: number) => scope.context.position(location);
  if (mayRecur && refersToItself(select, name, node.location ?? 0, position)) {
    return planRecursive(select, node, aliases, memo, scope, environment);
  }
  const { value: plan, references } = scope.planner.track(() => planQuery(select, scope.planner, scope));
  const outputs = typed(plan);
  return {
    name,
    columns: cteColumns(plan.columns, outputs, aliases, name, position(node.location ?? 0)),
    references: outerOnly(references, scope),
    onUse: () => {},
    rows: shared(memo, (run) => plainProducer(run, plan, outputs)),
  };
}

function typed(plan: QueryPlan): Expression[] {
  return plan.columns.map(({ expression }) => resolveUntyped(expression, TEXT));
}

function outerOnly(references: ReadonlySet<RangeEntry>, scope: QueryScope): ReadonlySet<RangeEntry> {
  return new Set([...references].filter((entry) => entry.depth < scope.depth));
}

/** The rows of this run, made by `start` when they are first asked for. */
function shared(memo: number, start: (run: Run) => RowProducer): (run: Run) => SharedRows {
  return (run) => {
    const known = run.memo[memo] as SharedRows | undefined;
    if (known !== undefined) return known;
    const rows = new SharedRows(run, start(run));
    run.memo[memo] = rows;
    return rows;
  };
}

function plainProducer(run: Run, plan: QueryPlan, outputs: readonly Expression[]): RowProducer {
  const cursor = plan.operator.cursor(run);
  let isOpen = false;
  return {
    next: () => {
      if (!isOpen) cursor.open();
      isOpen = true;
      return cursor.next();
    },
    row: () => outputs.map((output) => output.evaluate(run.execution)),
  };
}

/** The columns that a query in WITH gives under its name. Throws 42P10 for too many aliases. */
export function cteColumns(
  columns: readonly { readonly name: string }[],
  outputs: readonly Expression[],
  aliases: readonly string[],
  name: string,
  position: number,
): CteColumn[] {
  if (aliases.length > outputs.length) {
    throw new DeltatError(
      SqlState.invalidColumnReference,
      `WITH query "${name}" has ${outputs.length} columns available but ${aliases.length} columns specified`,
      { position },
    );
  }
  return columns.map((column, at) => {
    const output = outputs[at] as Expression;
    return { name: aliases[at] ?? column.name, type: output.type, ...traitsOf(output) };
  });
}

function traitsOf(output: Expression): Pick<CteColumn, "isId" | "origin" | "modifier"> {
  const isId =
    output instanceof ColumnExpression ? output.column.isId : output instanceof SlotExpression && output.isId;
  return { isId, origin: output.origin ?? null, modifier: output.modifier };
}

/** `base UNION [ALL] step`, where `step` names the query itself. */
function planRecursive(
  select: SelectStmt,
  { ctename: name = "", location }: CommonTableExpr,
  aliases: readonly string[],
  memo: number,
  scope: QueryScope,
  environment: CteEnvironment,
): Cte {
  const { planner } = scope;
  const { larg = {}, rarg = {} } = select;
  const base = planQuery(larg, planner, scope);
  const baseOutputs = typed(base);
  const position = scope.context.position(location);
  const columns = cteColumns(base.columns, baseOutputs, aliases, name, position).map((column) => {
    return { ...column, origin: null };
  });
  const working = planner.newMemo();
  const self: Cte = {
    name,
    columns,
    references: new Set(),
    rows: (run) => new ListFeed(run.memo[working] as Rows),
    onUse: () => {},
  };
  environment.add(self);
  const { value: step, references } = planner.track(() => planQuery(rarg, planner, scope));
  refuseOutside(select);
  const stepOutputs = typed(step);
  checkTypes(name, columns, stepOutputs, (side, at) =>
    scope.context.position(targetLocation(side === "base" ? larg : rarg, at)),
  );
  return {
    name,
    columns,
    references: outerOnly(references, scope),
    onUse: () => {},
    rows: shared(memo, (run) =>
      recursiveProducer(run, {
        base,
        baseOutputs,
        step,
        stepOutputs,
        working,
        keepsAll: select.all === true,
      }),
    ),
  };
}

/** ORDER BY and LIMIT of the union are not for recursion, as in PostgreSQL. */
function refuseOutside(select: SelectStmt): void {
  if (select.sortClause !== undefined) throw notSupported("ORDER BY in a recursive query");
  if (select.limitOffset !== undefined) throw notSupported("OFFSET in a recursive query");
  if (select.limitCount !== undefined) throw notSupported("LIMIT in a recursive query");
}

function checkTypes(
  name: string,
  columns: readonly CteColumn[],
  step: readonly Expression[],
  position: (side: "base" | "step", at: number) => number,
): void {
  if (step.length !== columns.length) {
    throw new DeltatError(SqlState.syntaxError, "each UNION query must have the same number of columns", {
      position: position("step", 0),
    });
  }
  for (const [at, { type }] of columns.entries()) {
    const other = step[at]?.type;
    if (other === undefined || other === type || (other.category === "string" && type === TEXT)) continue;
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `recursive query "${name}" column ${at + 1} has type ${type.name} in non-recursive term but type ${other.name} overall`,
      {
        hint: "Cast the output of the non-recursive term to the correct type.",
        position: position("base", at),
      },
    );
  }
}

interface Recursion {
  readonly base: QueryPlan;
  readonly baseOutputs: readonly Expression[];
  readonly step: QueryPlan;
  readonly stepOutputs: readonly Expression[];
  readonly working: number;
  /** UNION ALL. */
  readonly keepsAll: boolean;
}

/** First the rows of the base, then those of the step over what was new in the turn before, until nothing is. */
function recursiveProducer(
  run: Run,
  { base, baseOutputs, step, stepOutputs, working, keepsAll }: Recursion,
): RowProducer {
  const rowKey = new RowKey(baseOutputs.map(({ type }) => type));
  const seen = new Set<Key | null>();
  const baseCursor = base.operator.cursor(run);
  const stepCursor = step.operator.cursor(run);
  let cursor: Cursor | null = null;
  let fresh: (readonly Value[])[] = [];
  let row: readonly Value[] = [];
  const isNew = (): boolean => {
    if (keepsAll) return true;
    const key = rowKey.of(row);
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  };
  return {
    next: () => {
      if (cursor === null) {
        cursor = baseCursor;
        cursor.open();
      }
      for (;;) {
        const taken = cursor.next();
        if (taken === ROW) {
          const outputs = cursor === baseCursor ? baseOutputs : stepOutputs;
          row = outputs.map((output) => output.evaluate(run.execution));
          if (!isNew()) continue;
          fresh.push(row);
          return ROW;
        }
        if (taken === PAUSE || fresh.length === 0) return taken;
        if (run.isSpent()) return PAUSE;
        run.memo[working] = fresh;
        fresh = [];
        cursor = stepCursor;
        cursor.open();
      }
    },
    row: () => row,
  };
}

/** A query whose WITH queries are forgotten each time it begins anew: they may read the outer row. */
export class ForgetCtes implements Operator {
  readonly plan: PlanNode;

  constructor(
    private readonly child: Operator,
    private readonly memos: readonly number[],
  ) {
    this.plan = child.plan;
  }

  cursor(run: Run): Cursor {
    const child = this.child.cursor(run);
    return {
      open: () => {
        for (const memo of this.memos) run.memo[memo] = undefined;
        child.open();
      },
      next: () => child.next(),
    };
  }
}

/** Notes what a query that uses `cte` thereby reads. */
export function noteUse(cte: Cte, planner: RelationalPlanner): void {
  cte.onUse();
  for (const entry of cte.references) planner.noteReference(entry);
}
