/** Which calls aggregate rows or give several, and where in a tree they stand. */

import { DeltatError, SqlState } from "../../errors.ts";
import { type FuncCall, type Node, nameParts, nodeLocation } from "../parse/ast.ts";
import { isJsonSet } from "./json-sets.ts";

const AGGREGATE_NAMES: ReadonlySet<string> = new Set(
  (
    "array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp every json_agg json_object_agg " +
    "jsonb_agg jsonb_object_agg max min mode percentile_cont percentile_disc regr_avgx regr_avgy regr_count " +
    "regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy stddev stddev_pop stddev_samp string_agg sum var_pop " +
    "var_samp variance"
  ).split(" "),
);

const SET_FUNCTION_NAMES: ReadonlySet<string> = new Set([
  "generate_series",
  "generate_subscripts",
  "information_schema._pg_expandarray",
  "pg_partition_ancestors",
  "regexp_split_to_table",
  "string_to_table",
  "unnest",
]);

/** Functions that are nothing without OVER. */
const WINDOW_NAMES: ReadonlySet<string> = new Set(
  "row_number rank dense_rank percent_rank cume_dist ntile lag lead first_value last_value nth_value".split(
    " ",
  ),
);

export function isSetFunction(name: string): boolean {
  return SET_FUNCTION_NAMES.has(name) || isJsonSet(name);
}

export function isWindowFunction(name: string): boolean {
  return WINDOW_NAMES.has(name);
}

/** The name of a function in pg_catalog or without a schema; null for others. */
export function functionName(call: FuncCall): string | null {
  const parts = nameParts(call.funcname);
  const [schema] = parts;
  if (parts.length > 1 && schema !== "pg_catalog") {
    return schema === "information_schema" ? parts.join(".") : null;
  }
  return parts.at(-1) ?? null;
}

/** Whether a call without OVER aggregates rows. */
export function isAggregateCall(call: FuncCall): boolean {
  return (
    call.over === undefined &&
    (call.agg_within_group === true || AGGREGATE_NAMES.has(functionName(call) ?? ""))
  );
}

/** Whether the tree itself, not a subquery in it, calls an aggregate or GROUPING. */
export function hasAggregate(tree: unknown): boolean {
  return someNode(tree, isAggregate);
}

export function hasWindowCall(tree: unknown): boolean {
  return someNode(tree, isWindowCall);
}

function isAggregate(kind: string, node: unknown): boolean {
  return kind === "GroupingFunc" || (kind === "FuncCall" && isAggregateCall(node as FuncCall));
}

function isWindowCall(kind: string, node: unknown): boolean {
  return kind === "FuncCall" && (node as FuncCall).over !== undefined;
}

/** The first call in the tree of a function that gives a set; null for none. */
export function firstSetCall(tree: unknown): FuncCall | null {
  const found = firstNode(
    tree,
    (kind, node) => kind === "FuncCall" && isSetFunction(functionName(node as FuncCall) ?? ""),
  ) as { readonly FuncCall: FuncCall } | undefined;
  return found?.FuncCall ?? null;
}

export function hasSubLink(tree: unknown): boolean {
  return someNode(tree, (kind) => kind === "SubLink");
}

/** Whether a node of the tree passes; the inside of subqueries is not looked at. */
export function someNode(tree: unknown, test: (kind: string, node: unknown) => boolean): boolean {
  return firstNode(tree, test) !== undefined;
}

/** The first node that passes, with its kind around it. */
function firstNode(tree: unknown, test: (kind: string, node: unknown) => boolean): object | undefined {
  if (Array.isArray(tree)) {
    for (const inner of tree) {
      const found = firstNode(inner, test);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  if (typeof tree !== "object" || tree === null) return undefined;
  for (const [key, inner] of Object.entries(tree)) {
    if (test(key, inner)) return { [key]: inner };
    if (key === "subselect" || key === "SelectStmt") continue;
    const found = typeof inner === "object" ? firstNode(inner, test) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first aggregate call in the tree; null for none. */
export function firstAggregate(tree: unknown): Node | null {
  return (firstNode(tree, isAggregate) as Node | undefined) ?? null;
}

/**
 * Throws 42803, 42P20 or 0A000 where the tree calls an aggregate, a window function or one that gives a set, which
 * `clause` does not allow.
 */
export function refuseAggregates(
  tree: unknown,
  clause: string,
  position: (location: number) => number,
): void {
  const aggregate = firstNode(tree, isAggregate);
  if (aggregate !== undefined) {
    throw new DeltatError(SqlState.groupingError, `aggregate functions are not allowed in ${clause}`, {
      position: position(nodeLocation(aggregate as Node)),
    });
  }
  const window = firstNode(tree, isWindowCall);
  if (window !== undefined) {
    throw new DeltatError(SqlState.windowingError, `window functions are not allowed in ${clause}`, {
      position: position(nodeLocation(window as Node)),
    });
  }
  refuseSets(tree, clause, position);
}

/** The last of what `refuseAggregates` does. */
export function refuseSets(tree: unknown, clause: string, position: (location: number) => number): void {
  const set = firstSetCall(tree);
  if (set === null) return;
  throw new DeltatError(
    SqlState.featureNotSupported,
    `set-returning functions are not allowed in ${clause}`,
    { position: position(set.location ?? 0) },
  );
}

/** The same for two nodes exactly if they say the same wherever they stand. */
export function nodeKey(node: Node): string {
  return JSON.stringify(node, (key, value) => (PLACES.has(key) ? undefined : value));
}

/** Fields that say where a node or a part of it stands. */
const PLACES: ReadonlySet<string> = new Set([
  "location",
  "rexpr_list_start",
  "rexpr_list_end",
  "list_start",
  "list_end",
]);
