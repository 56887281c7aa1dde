/** Functions in FROM: several side by side, WITH ORDINALITY, and the columns that the statement lists for them. */

import { DeltatError, SqlState } from "../../errors.ts";
import { resolveTypeName } from "../expressions/type-names.ts";
import { type Node, nameParts, type RangeFunction } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { INT8 } from "../values/types.ts";
import { functionName } from "./aggregate-calls.ts";
import { columnAliases, type FromItem, newEntry, sameLevel, unit } from "./from.ts";
import { takesColumnList } from "./json-sets.ts";
import type { Namespace } from "./range.ts";
import { EMPTY_NAMESPACE } from "./range.ts";
import type { QueryScope } from "./scope.ts";
import { planSetFunction, type SetFunction } from "./set-functions.ts";
import { FeedScan, ListFeed } from "./shared-rows.ts";

const FUNCTION_FIELDS = new Set(["lateral", "ordinality", "is_rowsfrom", "functions", "alias", "coldeflist"]);

export function planFunction(range: RangeFunction, scope: QueryScope, before: Namespace): FromItem {
  refuseOtherFields(range, FUNCTION_FIELDS);
  // A function sees what stands before it, with LATERAL or without.
  scope.namespace = before;
  const { value: sets, references } = scope.planner.track(() =>
    (range.functions ?? []).map((item) => planCall(item, range.coldeflist ?? null, scope)),
  );
  scope.namespace = EMPTY_NAMESPACE;
  const [first] = sets;
  const alias = range.alias?.aliasname ?? first?.name ?? "";
  const entry = newEntry(scope, alias);
  const columns = sets.flatMap(({ name, set }) =>
    set.columns.map((column) => ({
      name: column.name ?? (set.columns.length === 1 ? name : name),
      type: column.type,
    })),
  );
  const isSingle = columns.length === 1;
  if (range.ordinality === true) columns.push({ name: "ordinality", type: INT8 });
  const aliases = columnAliases(range.alias, columns.length, alias);
  columns.forEach(({ name, type }, at) => {
    const ownName =
      isSingle && at === 0 && range.alias !== undefined && first?.set.columns[0]?.name == null ? alias : name;
    entry.add(aliases[at] ?? ownName, type);
  });
  const operator = new FeedScan(`Function Scan on ${alias}`, entry, ({ execution }) => {
    const lists = sets.map(({ set }) => set.rows(execution));
    const [only] = lists;
    if (only !== undefined && lists.length === 1 && range.ordinality !== true) return new ListFeed(only);
    const length = Math.max(0, ...lists.map((rows) => rows.length));
    return new ListFeed({
      length,
      at: (index) => {
        const row = sets.flatMap(({ set }, i) => lists[i]?.at(index) ?? set.columns.map(() => null));
        return range.ordinality === true ? [...row, index + 1] : row;
      },
    });
  });
  return unit(entry, { kind: "rows", operator }, sameLevel(references, scope));
}

/** One function of the list: a call, or a keyword such as current_date that the grammar takes for one. */
function planCall(
  item: Node,
  definitions: readonly Node[] | null,
  scope: QueryScope,
): { name: string; set: SetFunction } {
  const [node, own] = "List" in item ? (item.List.items ?? []) : [];
  if (own !== undefined && Object.keys(own).length > 0)
    throw notSupported("ROWS FROM with column definitions");
  if (node !== undefined && "FuncCall" in node) {
    const { FuncCall: call } = node;
    const name = functionName(call) ?? nameParts(call.funcname).join(".");
    const args = (call.args ?? []).map((arg) => scope.compile(arg));
    const position = scope.context.position(call.location);
    return {
      name,
      set: planSetFunction(name, args, position, definedColumns(name, definitions, position, scope)),
    };
  }
  if (node === undefined) throw notSupported("this kind of function in FROM");
  const value = scope.compileTyped(node);
  const set = {
    columns: [{ name: null, type: value.type }],
    rows: (frame: Parameters<SetFunction["rows"]>[0]) => [[value.evaluate(frame)]],
  };
  return { name: "value", set };
}

/** `AS t(a int, b text)`. Throws 42601 where a function needs such a list and has none, or the other way round. */
function definedColumns(
  name: string,
  definitions: readonly Node[] | null,
  position: number,
  scope: QueryScope,
): SetFunction["columns"] | null {
  const isWanted = takesColumnList(name);
  if (!isWanted && definitions === null) return null;
  if (definitions === null) {
    throw new DeltatError(
      SqlState.syntaxError,
      'a column definition list is required for functions returning "record"',
      { position },
    );
  }
  if (!isWanted) {
    throw new DeltatError(
      SqlState.syntaxError,
      'a column definition list is only allowed for functions returning "record"',
      { position },
    );
  }
  return definitions.flatMap((item) => {
    if (!("ColumnDef" in item)) return [];
    const { colname = "", typeName } = item.ColumnDef;
    if (typeName === undefined) return [];
    return [{ name: colname, type: resolveTypeName(typeName, scope.context).type }];
  });
}
