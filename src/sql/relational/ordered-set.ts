/** Aggregates WITHIN GROUP (ORDER BY …): percentiles, the most frequent value, and the rank that a value would have. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import { tryCast } from "../expressions/casts.ts";
import { unify } from "../expressions/common-type.ts";
import type { Expression } from "../expressions/expression.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import type { FuncCall } from "../parse/ast.ts";
import { compareKeys, type KeyOrder, keyOrder } from "../rows/row-order.ts";
import {
  addIntervals,
  formatInterval,
  intervalOf,
  multiplyInterval,
  negateInterval,
} from "../time/interval.ts";
import { arrayTypeOf, FLOAT8, INT8, INTERVAL, type PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { AggregateCall, GroupState } from "./aggregate-plan.ts";
import type { QueryScope } from "./scope.ts";

type Row = readonly Value[];

/** What an aggregate makes of the rows in order and of its own arguments. */
interface OrderedSet {
  readonly type: PgType;
  /** What is sorted, as the aggregate takes it. */
  readonly keys: readonly Expression[];
  /** Its own arguments. */
  readonly direct: readonly Expression[];
  /** Rows in which the only key is NULL do not count. */
  readonly skipsNulls: boolean;
  compute(rows: readonly Row[], direct: readonly Value[], compare: (a: Row, b: Row) => number): Value;
}

/** Throws 42883 for a name or arguments that are none. */
export function planOrderedSet(
  name: string,
  call: FuncCall,
  filter: Expression | null,
  scope: QueryScope,
  position: number,
): AggregateCall {
  const direct = (call.args ?? []).map((arg) => scope.compile(arg));
  const sorts = (call.agg_order ?? []).flatMap((item) => ("SortBy" in item ? [item.SortBy] : []));
  const keys = sorts.flatMap(({ node }) => (node === undefined ? [] : [scope.compile(node)]));
  const set = chooseOrderedSet(name, direct, keys, position);
  if (set === null) {
    const shown = [...direct, ...keys].map(({ type }) => type.name).join(", ");
    throw new DeltatError(SqlState.undefinedFunction, `function ${name}(${shown}) does not exist`, {
      hint: "No function matches the given name and argument types. You might need to add explicit type casts.",
      position,
    });
  }
  const orders = set.keys.map(({ type }, at) => keyOrder(sorts[at] ?? {}, type));
  return { type: set.type, create: () => new OrderedSetState(set, orders, filter) };
}

function chooseOrderedSet(
  name: string,
  direct: readonly Expression[],
  keys: readonly Expression[],
  position: number,
): OrderedSet | null {
  const [key] = keys.map((each) => resolveUntyped(each, FLOAT8));
  const [argument] = direct;
  if (HYPOTHETICAL[name] !== undefined && direct.length === keys.length && keys.length > 0) {
    return hypothetical(name, direct, keys, position);
  }
  if (key === undefined || keys.length !== 1) return null;
  if (name === "mode" && direct.length === 0) {
    return {
      type: key.type,
      keys: [key],
      direct: [],
      skipsNulls: true,
      compute: (rows, _, compare) => mode(rows, compare),
    };
  }
  if (argument === undefined || direct.length !== 1) return null;
  if (name === "percentile_disc") return percentile(key, argument, key.type, discrete);
  if (name !== "percentile_cont") return null;
  if (key.type === INTERVAL) return percentile(key, argument, INTERVAL, continuous(betweenIntervals));
  const number = tryCast(key, FLOAT8, "implicit");
  return number === null ? null : percentile(number, argument, FLOAT8, continuous(betweenNumbers));
}

type Pick = (rows: readonly Row[], fraction: number) => Value;

/** One fraction gives one value, an array of them an array. */
function percentile(key: Expression, argument: Expression, type: PgType, pick: Pick): OrderedSet | null {
  const isArray = argument.type.arrayOf !== undefined;
  const floats = arrayTypeOf(FLOAT8);
  const result = isArray ? arrayTypeOf(type) : type;
  const fractions =
    isArray && floats !== undefined
      ? tryCast(argument, floats, "implicit")
      : tryCast(argument, FLOAT8, "implicit");
  if (fractions === null || result === undefined) return null;
  const at = (rows: readonly Row[], fraction: Value): Value => {
    if (fraction === null) return null;
    const p = fraction as number;
    if (!(p >= 0 && p <= 1)) {
      throw new DeltatError(SqlState.numericValueOutOfRange, `percentile value ${p} is not between 0 and 1`);
    }
    return rows.length === 0 ? null : pick(rows, p);
  };
  return {
    type: result,
    keys: [key],
    direct: [fractions],
    skipsNulls: true,
    compute: (rows, [given = null]) => {
      if (given === null || !Array.isArray(given)) return at(rows, given);
      return rows.length === 0 ? null : given.map((each: Value) => at(rows, each));
    },
  };
}

const discrete: Pick = (rows, p) => rows[Math.max(0, Math.ceil(p * rows.length) - 1)]?.[0] ?? null;

function continuous(between: (low: Value, high: Value, share: number) => Value): Pick {
  return (rows, p) => {
    const place = p * (rows.length - 1);
    const first = Math.floor(place);
    const low = rows[first]?.[0] ?? null;
    if (first === place) return low;
    return between(low, rows[first + 1]?.[0] ?? null, place - first);
  };
}

function betweenNumbers(low: Value, high: Value, share: number): Value {
  return (low as number) + share * ((high as number) - (low as number));
}

function betweenIntervals(low: Value, high: Value, share: number): Value {
  const from = intervalOf(low);
  const difference = addIntervals(intervalOf(high), negateInterval(from));
  return formatInterval(addIntervals(from, multiplyInterval(difference, share)));
}

/** The first of the values that come most often. */
function mode(rows: readonly Row[], compare: (a: Row, b: Row) => number): Value {
  let best: Value = null;
  let most = 0;
  for (let from = 0; from < rows.length; ) {
    let to = from + 1;
    while (to < rows.length && compare(rows[from] as Row, rows[to] as Row) === 0) to++;
    if (to - from > most) {
      most = to - from;
      best = rows[from]?.[0] ?? null;
    }
    from = to;
  }
  return best;
}

/** How many rows there are, how many come before the value, how many of those differ, and how many equal it. */
interface Place {
  readonly count: number;
  readonly before: number;
  readonly distinctBefore: number;
  readonly equal: number;
}

const HYPOTHETICAL: Readonly<Record<string, (place: Place) => number>> = {
  rank: ({ before }) => before + 1,
  dense_rank: ({ distinctBefore }) => distinctBefore + 1,
  percent_rank: ({ before, count }) => (count === 0 ? 0 : before / count),
  cume_dist: ({ before, equal, count }) => (before + equal + 1) / (count + 1),
};

function hypothetical(
  name: string,
  direct: readonly Expression[],
  keys: readonly Expression[],
  position: number,
): OrderedSet {
  const pairs = keys.map((key, at) => unify([key, direct[at] ?? key], "WITHIN GROUP", () => position).items);
  const compute = HYPOTHETICAL[name] ?? (() => 0);
  return {
    type: name === "rank" || name === "dense_rank" ? INT8 : FLOAT8,
    keys: pairs.map(([key]) => key as Expression),
    direct: pairs.map(([, value]) => value as Expression),
    skipsNulls: false,
    compute: (rows, wanted, compare) => {
      let [before, distinctBefore, equal] = [0, 0, 0];
      for (const [at, row] of rows.entries()) {
        const difference = compare(row, wanted);
        if (difference > 0) break;
        if (difference === 0) equal++;
        else {
          before++;
          if (at === 0 || compare(rows[at - 1] as Row, row) !== 0) distinctBefore++;
        }
      }
      return compute({ count: rows.length, before, distinctBefore, equal });
    },
  };
}

class OrderedSetState implements GroupState {
  private readonly rows: Row[] = [];
  private direct: readonly Value[] | null = null;

  constructor(
    private readonly set: OrderedSet,
    private readonly orders: readonly KeyOrder[],
    private readonly filter: Expression | null,
  ) {}

  add(execution: Execution): void {
    const { keys, direct, skipsNulls } = this.set;
    // The aggregate's own arguments are the same for all rows of a group.
    this.direct ??= direct.map((argument) => argument.evaluate(execution));
    if (this.filter !== null && this.filter.evaluate(execution) !== true) return;
    const row = keys.map((key) => key.evaluate(execution));
    if (skipsNulls && row[0] === null) return;
    execution.run?.keep(row);
    this.rows.push(row);
  }

  result(): Value {
    const compare = (a: Row, b: Row): number => {
      for (const [at, order] of this.orders.entries()) {
        const difference = compareKeys(a[at] as Value, b[at] as Value, order);
        if (difference !== 0) return difference;
      }
      return 0;
    };
    this.rows.sort(compare);
    return this.set.compute(this.rows, this.direct ?? this.set.direct.map(() => null), compare);
  }
}
