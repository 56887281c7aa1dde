/**
 * Queries over the five tables. Whatever a query gives is the same on every server that keeps to SQL: LIMIT comes only
 * behind an ORDER BY over all columns, window functions see peers only where peers make no difference.
 */

import type { Random } from "../../seeded-random.ts";
import { type ExpressionScope, Expressions, KINDS, type Mistakes, type ScopeColumn } from "./expressions.ts";
import { type Kind, listed, optional, separated, type Tree, textOf, tree } from "./tree.ts";

interface TableShape {
  readonly name: string;
  readonly columns: readonly ScopeColumn[];
}

/** Ids are no texts here: deltat compares them only with ids. */
const ID: Kind = "id";

export const TABLES: readonly TableShape[] = [
  {
    name: "resources",
    columns: [
      { name: "id", kind: ID },
      { name: "parent_id", kind: ID },
      { name: "name", kind: "text" },
      { name: "capacity", kind: "int4" },
      { name: "buffer_after", kind: "int8" },
      { name: "enforce_rules", kind: "bool" },
    ],
  },
  {
    name: "bookings",
    columns: [
      { name: "id", kind: ID },
      { name: "resource_id", kind: ID },
      { name: "start", kind: "int8" },
      { name: '"end"', kind: "int8" },
      { name: "label", kind: "text" },
    ],
  },
  {
    name: "holds",
    columns: [
      { name: "id", kind: ID },
      { name: "resource_id", kind: ID },
      { name: "start", kind: "int8" },
      { name: '"end"', kind: "int8" },
      { name: "expires_at", kind: "int8" },
    ],
  },
  {
    name: "rules",
    columns: [
      { name: "id", kind: ID },
      { name: "resource_id", kind: ID },
      { name: "start", kind: "int8" },
      { name: '"end"', kind: "int8" },
      { name: "blocking", kind: "bool" },
    ],
  },
];

/** Something in FROM, with the columns that it brings into scope. */
interface FromItem {
  readonly tree: Tree;
  readonly columns: readonly ScopeColumn[];
  /** Names that together tell its rows apart; null where nothing does. */
  readonly key: readonly string[] | null;
}

interface CommonTable {
  readonly name: string;
  readonly kinds: readonly Kind[];
}

export class Queries {
  private aliases = 0;
  private common: CommonTable[] = [];
  readonly mistakes: Mistakes = { chance: 0 };

  constructor(private readonly random: Random) {}

  /** A statement that gives rows. */
  statement(): Tree {
    this.common = [];
    const kinds = this.kinds(1 + this.random.below(4));
    const made = tree("statement");
    if (!this.random.chance(0.15)) return made`${this.query(kinds, 3, [])}`;
    const inner = this.kinds(1 + this.random.below(3));
    const name = this.alias("c");
    const body = this.withoutMistakes(() => this.query(inner, 2, []));
    this.common = [{ name, kinds: inner }];
    const names = inner.map((_, at) => `x${at + 1}`).join(", ");
    return made`WITH ${name} (${names}) AS (${body}) ${this.query(kinds, 2, [])}`;
  }

  expressions(columns: readonly ScopeColumn[], depth: number): Expressions {
    return new Expressions(this.random, this.scopeOf(columns, depth), this.mistakes);
  }

  private scopeOf(columns: readonly ScopeColumn[], depth: number): ExpressionScope {
    if (depth <= 0) return { columns, scalarQuery: null, listQuery: null };
    return {
      columns,
      scalarQuery: (kind) => this.scalar(kind, depth - 1, columns),
      listQuery: (kind) => this.plain([kind], Math.min(1, depth - 1), columns),
    };
  }

  /** A column of the wrong type would be a mistake wherever it is used. */
  private withoutMistakes(make: () => Tree): Tree {
    const { chance } = this.mistakes;
    this.mistakes.chance = 0;
    const made = make();
    this.mistakes.chance = chance;
    return made;
  }

  private kinds(count: number): Kind[] {
    return Array.from({ length: count }, () => this.random.pick(KINDS));
  }

  private alias(letter: string): string {
    return `${letter}${++this.aliases}`;
  }

  /** A query for columns of these kinds, with what may stand around it. */
  private query(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const made = tree(`query ${kinds.join(" ")}`);
    const isCompound = depth > 0 && this.random.chance(0.15);
    const body = isCompound ? this.setOperation(kinds, depth - 1, outer) : this.block(kinds, depth, outer);
    if (!this.random.chance(0.5)) return made`${body}`;
    // An order by fewer columns would leave it open which rows come first.
    const order = listed(
      kinds.map((_, at) => {
        const direction = this.random.pick(["", " ASC", " DESC", " DESC NULLS LAST", " NULLS FIRST"]);
        return tree("key")`${String(at + 1)}${direction}`;
      }),
      ", ",
    );
    const limit = this.random.chance(0.4)
      ? optional` LIMIT ${String(this.random.below(6))}${this.random.chance(0.3) ? ` OFFSET ${this.random.below(4)}` : ""}`
      : optional``;
    return made`${body} ORDER BY ${order}${limit}`;
  }

  private setOperation(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const operator = this.random.pick(["UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"]);
    const side = () => this.block(kinds, depth, outer);
    return tree(`query ${kinds.join(" ")}`)`(${side()}) ${operator} (${side()})`;
  }

  private block(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const chosen = this.random.below(10);
    if (chosen < 5) return this.plain(kinds, depth, outer);
    if (chosen < 8) return this.grouped(kinds, depth, outer);
    if (chosen < 9) return this.windowed(kinds, depth, outer);
    return this.values(kinds);
  }

  private values(kinds: readonly Kind[]): Tree {
    const row = () => {
      const expressions = this.expressions([], 0);
      return tree("row")`(${separated(
        kinds.map((kind) => expressions.of(kind, 1)),
        ", ",
      )})`;
    };
    const rows = Array.from({ length: 1 + this.random.below(3) }, row);
    return tree(`query ${kinds.join(" ")}`)`VALUES ${separated(rows, ", ")}`;
  }

  private plain(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const from = this.from(depth, outer);
    const columns = [...from.columns, ...outer];
    const expressions = this.expressions(columns, depth);
    const targets = separated(
      kinds.map((kind) => this.target(kind, expressions, 2)),
      ", ",
    );
    const distinct = this.random.chance(0.15) ? "DISTINCT " : "";
    return tree(
      `query ${kinds.join(" ")}`,
    )`SELECT ${distinct}${targets}${from.tree}${this.where(columns, depth)}`;
  }

  private target(kind: Kind, expressions: Expressions, depth: number): Tree {
    return tree("target")`${expressions.of(kind, depth)}`;
  }

  private where(columns: readonly ScopeColumn[], depth: number): Tree {
    if (!this.random.chance(0.6)) return optional``;
    return optional` WHERE ${this.expressions(columns, depth).of("bool", 2)}`;
  }

  /** One row at most: an aggregate, or a row found by its key. */
  private scalar(kind: Kind, depth: number, outer: readonly ScopeColumn[]): Tree {
    const from = this.from(Math.min(depth, 0), outer);
    // An aggregate over columns of the query around would belong to that one.
    const expressions = this.expressions(from.columns, 0);
    const value = tree("target")`${kind === "bool" ? "bool_or" : "max"}(${expressions.of(kind, 1)})`;
    return tree(`query ${kind}`)`SELECT ${value}${from.tree}${this.where([...from.columns, ...outer], 0)}`;
  }

  private grouped(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const from = this.from(depth, outer);
    const inner = this.expressions(from.columns, 0);
    const keys = Array.from({ length: this.random.below(3) }, () => this.groupKey(from, inner));
    const scope = keys.map(({ kind, node }): ScopeColumn => ({ kind, name: textOf(node) }));
    const overGroups = this.expressions([...scope, ...this.aggregates(from, inner)], 0);
    const targets = separated(
      kinds.map((kind) => this.target(kind, overGroups, 2)),
      ", ",
    );
    const grouping =
      keys.length === 0
        ? optional``
        : optional` GROUP BY ${separated(
            keys.map(({ node }) => node),
            ", ",
          )}`;
    const having = this.random.chance(0.25) ? optional` HAVING ${overGroups.of("bool", 1)}` : optional``;
    // Without a key or an aggregate it would be no grouped query: then it counts.
    const counted = keys.length === 0 ? tree("target")`count(*) > 0` : null;
    if (counted !== null) {
      return tree(
        `query ${kinds.join(" ")}`,
      )`SELECT ${targets}${from.tree}${this.where(from.columns, depth)} HAVING ${counted}`;
    }
    return tree(
      `query ${kinds.join(" ")}`,
    )`SELECT ${targets}${from.tree}${this.where(from.columns, depth)}${grouping}${having}`;
  }

  private groupKey(from: FromItem, expressions: Expressions): { kind: Kind; node: Tree } {
    const columns = from.columns.filter(({ kind }) => kind !== ID);
    if (columns.length > 0 && this.random.chance(0.7)) {
      const { kind, name } = this.random.pick(columns);
      return { kind, node: { kind: "key", parts: [name] } };
    }
    // Never a constant alone, which would be refused or be the number of a column.
    const [kind, before, after] = this.random.pick([
      ["int8", "(", " + 0)"],
      ["text", "(", " || '')"],
      ["bool", "(NOT ", ")"],
    ] as const);
    return { kind, node: { kind: "key", parts: [before, expressions.of(kind, 1), after] } };
  }

  /** Aggregates as columns of a group; each order in them is total as far as values go. */
  private aggregates(from: FromItem, expressions: Expressions): ScopeColumn[] {
    const of = (kind: Kind) => textOf(expressions.of(kind, 1));
    const filter = () => (this.random.chance(0.2) ? ` FILTER (WHERE ${of("bool")})` : "");
    const distinct = () => (this.random.chance(0.2) ? "DISTINCT " : "");
    const label = of("text");
    const number = of("int4");
    const made: ScopeColumn[] = [
      { kind: "int8", name: `count(*)${filter()}` },
      { kind: "int8", name: `count(${distinct()}${of("text")})${filter()}` },
      { kind: "int8", name: `sum(${distinct()}${of("int4")})${filter()}` },
      { kind: "numeric", name: `sum(${of("int8")})${filter()}` },
      { kind: "numeric", name: `avg(${distinct()}${of("int8")})` },
      { kind: "numeric", name: `sum(${distinct()}${of("numeric")})` },
      { kind: "int4", name: `min(${of("int4")})${filter()}` },
      { kind: "text", name: `max(${of("text")})` },
      { kind: "text", name: `string_agg(${label}, ',' ORDER BY ${label}${this.random.pick(["", " DESC"])})` },
      { kind: "int4[]", name: `array_agg(${number} ORDER BY ${number})` },
      { kind: "bool", name: `bool_and(${of("bool")})${filter()}` },
      { kind: "bool", name: `bool_or(${of("bool")})` },
      { kind: "float8", name: `max(${of("float8")})` },
    ];
    return from.columns.length === 0 ? made.slice(0, 1) : this.random.shuffle(made).slice(0, 6);
  }

  private windowed(kinds: readonly Kind[], depth: number, outer: readonly ScopeColumn[]): Tree {
    const from = this.from(0, outer);
    const inner = this.expressions(from.columns, 0);
    const partition = this.random.chance(0.5)
      ? `PARTITION BY ${textOf(inner.of(this.random.pick(KINDS), 1))} `
      : "";
    const order = `ORDER BY ${textOf(inner.of(this.random.pick(["int4", "int8", "text", "numeric"]), 1))}`;
    const direction = this.random.pick(["", " DESC", " NULLS FIRST"]);
    const total = from.key === null ? "" : `, ${from.key.join(", ")}`;
    const peers = `(${partition}${order}${direction})`;
    const windows: ScopeColumn[] = [
      { kind: "int8", name: `rank() OVER ${peers}` },
      { kind: "int8", name: `dense_rank() OVER ${peers}` },
      { kind: "int8", name: `count(*) OVER ${peers}` },
      { kind: "int8", name: `sum(${textOf(inner.of("int4", 1))}) OVER ${peers}` },
      { kind: "text", name: `max(${textOf(inner.of("text", 1))}) OVER (${partition})` },
    ];
    if (total !== "") {
      const rows = `(${partition}${order}${direction}${total}`;
      const frame = this.random.pick([
        "ROWS 1 PRECEDING",
        "ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
        "ROWS UNBOUNDED PRECEDING",
        "",
      ]);
      windows.push(
        { kind: "int8", name: `row_number() OVER ${rows})` },
        { kind: "int4", name: `lag(${textOf(inner.of("int4", 1))}, 1, 0) OVER ${rows})` },
        { kind: "text", name: `lead(${textOf(inner.of("text", 1))}) OVER ${rows})` },
        { kind: "text", name: `first_value(${textOf(inner.of("text", 1))}) OVER ${rows} ${frame})` },
        { kind: "int8", name: `sum(${textOf(inner.of("int4", 1))}) OVER ${rows} ${frame})` },
        { kind: "int4", name: `ntile(3) OVER ${rows})` },
      );
    }
    const expressions = this.expressions([...from.columns, ...this.random.shuffle(windows).slice(0, 4)], 0);
    const targets = separated(
      kinds.map((kind) => this.target(kind, expressions, 1)),
      ", ",
    );
    return tree(`query ${kinds.join(" ")}`)`SELECT ${targets}${from.tree}${this.where(from.columns, depth)}`;
  }

  private from(depth: number, outer: readonly ScopeColumn[]): FromItem {
    if (this.random.chance(0.08)) return { tree: optional``, columns: [], key: null };
    let joined = this.item(depth, outer);
    while (depth > 0 && this.random.chance(0.35))
      joined = this.join(joined, this.item(depth - 1, outer), depth);
    return { ...joined, tree: { kind: "from", parts: [" FROM ", joined.tree] } };
  }

  private join(left: FromItem, right: FromItem, depth: number): FromItem {
    const columns = [...left.columns, ...right.columns];
    const key = left.key === null || right.key === null ? null : [...left.key, ...right.key];
    const made = tree("item");
    if (this.random.chance(0.1)) return { tree: made`${left.tree} CROSS JOIN ${right.tree}`, columns, key };
    const link = this.link(left, right);
    if (link !== null && this.random.chance(0.1)) {
      return { tree: made`${left.tree} FULL JOIN ${right.tree} ON ${link}`, columns, key };
    }
    const condition =
      link === null || this.random.chance(0.2)
        ? this.expressions(columns, Math.min(depth - 1, 0)).of("bool", 1)
        : tree("bool")`${link}`;
    const more = this.random.chance(0.25)
      ? optional` AND ${this.expressions(columns, 0).of("bool", 1)}`
      : optional``;
    const type = this.random.pick(["JOIN", "LEFT JOIN", "RIGHT JOIN"]);
    return { tree: made`${left.tree} ${type} ${right.tree} ON ${condition}${more}`, columns, key };
  }

  /** Columns of the same kind on both sides that meet often. */
  private link(left: FromItem, right: FromItem): string | null {
    const pairs = left.columns.flatMap((a) =>
      right.columns.flatMap((b) => (a.kind === b.kind && a.kind !== "bool" ? [`${a.name} = ${b.name}`] : [])),
    );
    return pairs.length === 0 ? null : this.random.pick(pairs);
  }

  private item(depth: number, outer: readonly ScopeColumn[]): FromItem {
    const chosen = this.random.below(12);
    const [common] = this.common;
    if (common !== undefined && chosen < 3) return this.named(common.name, common.kinds);
    if (depth > 0 && chosen === 3) return this.derived(depth - 1, outer);
    if (chosen === 4) return this.series();
    return this.table();
  }

  private table(): FromItem {
    const { name, columns } = this.random.pick(TABLES);
    const alias = this.alias("t");
    const visible = columns.map((column) => ({ ...column, name: `${alias}.${column.name}` }));
    return { tree: tree("item")`${name} ${alias}`, columns: visible, key: [`${alias}.id`] };
  }

  private named(name: string, kinds: readonly Kind[]): FromItem {
    const alias = this.alias("w");
    const columns = kinds.map((kind, at) => ({ kind, name: `${alias}.x${at + 1}` }));
    return { tree: tree("item")`${name} ${alias}`, columns, key: null };
  }

  private derived(depth: number, outer: readonly ScopeColumn[]): FromItem {
    const kinds = this.kinds(1 + this.random.below(2));
    const alias = this.alias("q");
    const names = kinds.map((_, at) => `x${at + 1}`).join(", ");
    const columns = kinds.map((kind, at) => ({ kind, name: `${alias}.x${at + 1}` }));
    const query = this.withoutMistakes(() => this.query(kinds, depth, outer));
    return {
      tree: tree("item")`(${query}) AS ${alias} (${names})`,
      columns,
      key: null,
    };
  }

  private series(): FromItem {
    const alias = this.alias("g");
    const item = tree("item")`generate_series(1, ${String(1 + this.random.below(4))}) AS ${alias}`;
    return { tree: item, columns: [{ kind: "int4", name: alias }], key: [alias] };
  }
}
