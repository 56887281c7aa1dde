/**
 * Subqueries in expressions. One that reads nothing of the queries around it is run once per statement; any other
 * anew each time, with the outer row in the slots. `= ANY` over rows that are known keeps them by key.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import type { CompileContext } from "../expressions/compile-context.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import { conjunction, negated } from "../expressions/logic.ts";
import { compileBinary } from "../expressions/operators.ts";
import { isUntyped, resolveUntyped } from "../expressions/untyped.ts";
import { type Node, nameParts, type SelectStmt, type SubLink } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";
import { arrayTypeOf, BOOL, type PgType, TEXT } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type Cursor, type Operator, SlotExpression } from "./operator.ts";
import { Pending } from "./pending.ts";
import { planQuery } from "./query.ts";
import { joinKeys, type Key, type KeyOf, keyOf } from "./row-key.ts";
import { type Run, rowBytes } from "./run.ts";
import type { QueryScope } from "./scope.ts";

interface Subquery {
  readonly operator: Operator;
  readonly outputs: readonly Expression[];
  readonly isCorrelated: boolean;
  /** Of its cursor, and of what it came to if it is not correlated. */
  readonly cursorMemo: number;
  readonly resultMemo: number;
}

export function compileSubLink(link: SubLink, scope: QueryScope, context: CompileContext): Expression {
  const { subselect } = link;
  if (subselect === undefined || !("SelectStmt" in subselect)) throw notSupported("this kind of subquery");
  const position = context.position(link.location);
  const subquery = planSubquery(subselect.SelectStmt, scope);
  switch (link.subLinkType) {
    case "EXISTS_SUBLINK":
      return { type: BOOL, evaluate: onceIf(subquery, exists) };
    case "EXPR_SUBLINK": {
      const output = onlyOutput(subquery, position);
      return { type: output.type, evaluate: onceIf(subquery, scalar(output)) };
    }
    case "ARRAY_SUBLINK": {
      const output = onlyOutput(subquery, position);
      const type = arrayTypeOf(output.type);
      if (type === undefined) throw notSupported(`an array of ${output.type.name}`);
      return { type, evaluate: onceIf(subquery, firstColumn(subquery)) };
    }
    case "ANY_SUBLINK":
    case "ALL_SUBLINK":
      return quantified(link, subquery, scope, context);
    default:
      throw notSupported("this kind of subquery");
  }
}

function planSubquery(select: SelectStmt, scope: QueryScope): Subquery {
  const { planner } = scope;
  const { value, references } = planner.track(() => planQuery(select, planner, scope));
  return {
    operator: value.operator,
    outputs: value.columns.map(({ expression }) => resolveUntyped(expression, TEXT)),
    isCorrelated: [...references].some((entry) => entry.depth <= scope.depth),
    cursorMemo: planner.newMemo(),
    resultMemo: planner.newMemo(),
  };
}

function onlyOutput(subquery: Subquery, position: number): Expression {
  const [output, ...others] = subquery.outputs;
  if (output === undefined || others.length > 0) {
    throw new DeltatError(SqlState.syntaxError, "subquery must return only one column", { position });
  }
  return output;
}

/** Every frame in which a subquery is evaluated belongs to a run. */
function runOf(frame: Frame): Run {
  return (frame as Execution).run as Run;
}

/** What a subquery comes to, row by row. */
interface Gathering<T> {
  /** Takes the row at hand; false: no more are wanted. */
  each(): boolean;
  result(): T;
  /** Gives back the memory of what it kept: the result is looked at once more and then dropped. */
  free?(): void;
}

/** A result that a run keeps. */
class KeptResult<T> extends Pending {
  constructor(
    run: Run,
    open: () => Cursor,
    private readonly gathering: Gathering<T>,
  ) {
    super(run, open, () => gathering.each());
  }

  result(): T {
    this.finish();
    return this.gathering.result();
  }
}

/** What the subquery comes to for the row at hand, or for all rows if it reads nothing of the queries around it. */
function onceIf<T>(subquery: Subquery, gather: (run: Run) => Gathering<T>): (frame: Frame) => T {
  const { cursorMemo, isCorrelated, operator, resultMemo } = subquery;
  if (isCorrelated) {
    return (frame) => {
      const run = runOf(frame);
      const gathering = gather(run);
      const cursor = run.cursorOf(cursorMemo, operator);
      cursor.open();
      run.drain(cursor, () => gathering.each());
      gathering.free?.();
      return gathering.result();
    };
  }
  return (frame) => {
    const run = runOf(frame);
    let kept = run.memo[resultMemo] as KeptResult<T> | undefined;
    if (kept === undefined) {
      kept = new KeptResult(run, () => operator.cursor(run), gather(run));
      run.memo[resultMemo] = kept;
    }
    return kept.result();
  };
}

function exists(): Gathering<Value> {
  let found = false;
  return {
    each: () => {
      found = true;
      return false;
    },
    result: () => found,
  };
}

function scalar(output: Expression): (run: Run) => Gathering<Value> {
  return (run) => {
    let value: Value = null;
    let rows = 0;
    return {
      each: () => {
        if (rows++ > 0) {
          throw new DeltatError(
            SqlState.cardinalityViolation,
            "more than one row returned by a subquery used as an expression",
          );
        }
        value = output.evaluate(run.execution);
        return true;
      },
      result: () => value,
    };
  };
}

function firstColumn(subquery: Subquery): (run: Run) => Gathering<readonly Value[]> {
  return (run) => {
    const { result, ...rows } = allRows(subquery)(run);
    let values: readonly Value[] | null = null;
    return {
      ...rows,
      result: () => {
        values ??= result().map(([value]) => value ?? null);
        return values;
      },
    };
  };
}

function allRows({ outputs }: Subquery): (run: Run) => Gathering<readonly (readonly Value[])[]> {
  return (run) => {
    const rows: Value[][] = [];
    let bytes = 0;
    return {
      each: () => {
        const row = outputs.map((output) => output.evaluate(run.execution));
        const size = rowBytes(row);
        run.keepBytes(size);
        bytes += size;
        rows.push(row);
        return true;
      },
      result: () => rows,
      free: () => run.keepBytes(-bytes),
    };
  };
}

/** `left operator ANY|ALL (subquery)`, IN included; the left side may be a row. */
function quantified(
  link: SubLink,
  subquery: Subquery,
  scope: QueryScope,
  context: CompileContext,
  /** The operator as it is written, where it is another. */
  written: string | null = null,
): Expression {
  const position = context.position(link.location);
  const operator = link.operName === undefined ? "=" : (nameParts(link.operName).at(-1) ?? "=");
  const isAny = link.subLinkType === "ANY_SUBLINK";
  if (operator === "<>" && !isAny) {
    const { operName, ...isIn } = link;
    return negated(quantified({ ...isIn, subLinkType: "ANY_SUBLINK" }, subquery, scope, context, operator));
  }
  const nodes = testNodes(link.testexpr);
  checkWidth(nodes.length, subquery.outputs.length, position);
  if (nodes.length > 1 && operator !== "=") throw notSupported(`a row ${operator} ${isAny ? "ANY" : "ALL"}`);
  const right = subquery.outputs.map(({ type }) => new SlotExpression(type, scope.planner.newSlot()));
  const left = nodes.map((node, at) => {
    const expression = scope.compile(node);
    return isUntyped(expression) ? expression.resolveAs((right[at] as Expression).type) : expression;
  });
  const compare = (by: string) =>
    left.map((side, at) => compileBinary(by, side, right[at] as Expression, position));
  // For the refusal of types that do not compare.
  if (written !== null) compare(written);
  const tests = compare(operator);
  const test = tests.length === 1 ? (tests[0] as Expression) : conjunction(tests);
  if (subquery.isCorrelated) {
    return { type: BOOL, evaluate: onceIf(subquery, searchingRows(subquery, test, right, isAny)) };
  }
  const linear = linearSearch(test, right, isAny);
  const keys = operator === "=" && isAny ? keysOf(left, right) : null;
  if (keys === null) {
    const rows = onceIf(subquery, allRows(subquery));
    return { type: BOOL, evaluate: (frame) => linear(frame, rows(frame)) };
  }
  return { type: BOOL, evaluate: hashedSearch(subquery, left, keys, linear) };
}

function testNodes(test: Node | undefined): readonly Node[] {
  if (test === undefined) return [];
  return "RowExpr" in test ? (test.RowExpr.args ?? []) : [test];
}

function checkWidth(left: number, right: number, position: number): void {
  if (left === right) return;
  const what = left < right ? "too many" : "too few";
  throw new DeltatError(SqlState.syntaxError, `subquery has ${what} columns`, { position });
}

function keysOf(left: readonly Expression[], right: readonly Expression[]): readonly KeyOf[] | null {
  const keys: KeyOf[] = [];
  for (const [at, side] of left.entries()) {
    const key = keyOf(side.type, (right[at] as { type: PgType }).type);
    if (key === null) return null;
    keys.push(key);
  }
  return keys;
}

/** The same as the rows come, of which none is kept. */
function searchingRows(
  { outputs }: Subquery,
  test: Expression,
  right: readonly SlotExpression[],
  isAny: boolean,
): (run: Run) => Gathering<Value> {
  return ({ execution }) => {
    let answer: Value = !isAny;
    return {
      each: () => {
        for (const [at, output] of outputs.entries()) {
          execution.slots[(right[at] as SlotExpression).slot] = output.evaluate(execution);
        }
        const found = test.evaluate(execution);
        if (found === isAny || found === null) answer = found;
        return found !== isAny;
      },
      result: () => answer,
    };
  };
}

/** One row that decides is enough; an unknown comparison makes an undecided answer unknown. */
function linearSearch(
  test: Expression,
  right: readonly SlotExpression[],
  isAny: boolean,
): (frame: Frame, rows: readonly (readonly Value[])[]) => Value {
  return (frame, rows) => {
    const { slots } = frame as Execution;
    let sawNull = false;
    for (const row of rows) {
      for (let i = 0; i < right.length; i++) slots[(right[i] as SlotExpression).slot] = row[i] as Value;
      const answer = test.evaluate(frame);
      if (answer === isAny) return isAny;
      if (answer === null) sawNull = true;
    }
    return sawNull ? null : !isAny;
  };
}

interface HashedRows {
  readonly keys: ReadonlySet<Key>;
  readonly all: readonly (readonly Value[])[];
  readonly withNull: readonly (readonly Value[])[];
}

function hashedSearch(
  subquery: Subquery,
  left: readonly Expression[],
  keys: readonly KeyOf[],
  linear: ReturnType<typeof linearSearch>,
): (frame: Frame) => Value {
  const keyOfRow = (values: readonly Value[]): Key | null => {
    const parts: Key[] = [];
    for (let i = 0; i < keys.length; i++) {
      const value = values[i] as Value;
      if (value === null) return null;
      parts.push((keys[i] as KeyOf)(value));
    }
    return parts.length === 1 ? (parts[0] as Key) : joinKeys(parts);
  };
  const known = onceIf(subquery, (run) => {
    const all = allRows(subquery)(run);
    const found = new Set<Key>();
    const withNull: (readonly Value[])[] = [];
    const outputs = subquery.outputs;
    return {
      each: () => {
        const isMore = all.each();
        const row = all.result().at(-1) ?? outputs.map(() => null);
        const key = keyOfRow(row);
        if (key === null) withNull.push(row);
        else found.add(key);
        return isMore;
      },
      result: (): HashedRows => ({ keys: found, all: all.result(), withNull }),
    };
  });
  return (frame) => {
    const rows = known(frame);
    const key = keyOfRow(left.map((side) => side.evaluate(frame)));
    if (key === null && left.length === 1) return rows.all.length > 0 ? null : false;
    if (key === null) return linear(frame, rows.all);
    return rows.keys.has(key) ? true : linear(frame, rows.withNull);
  };
}
