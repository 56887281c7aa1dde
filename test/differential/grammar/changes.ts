/**
 * Changes with RETURNING. What they write fits: capacities stay positive, spans and ids are those of rows that are there or
 * new ones, so that what decides is the expressions in them.
 */

import type { Random } from "../../seeded-random.ts";
import { type Queries, TABLES } from "./queries.ts";
import { optional, separated, type Tree, tree } from "./tree.ts";

/** A column that any value fits, and whose change nothing else sees. */
const FREE_COLUMNS: Readonly<Record<string, readonly [column: string, kind: string]>> = {
  resources: ["name", "text"],
  bookings: ["label", "text"],
  rules: ["blocking", "bool"],
};

export class Changes {
  constructor(
    private readonly random: Random,
    private readonly queries: Queries,
  ) {}

  statement(): Tree {
    return this.random.pick([
      () => this.update(),
      () => this.updateFrom(),
      () => this.remove(),
      () => this.copy(),
    ])();
  }

  private columnsOf(table: string, alias: string) {
    const shape = TABLES.find(({ name }) => name === table);
    return (shape?.columns ?? []).map((column) => ({ ...column, name: `${alias}.${column.name}` }));
  }

  private update(): Tree {
    const table = this.random.pick(Object.keys(FREE_COLUMNS));
    const [column, kind] = FREE_COLUMNS[table] ?? ["", ""];
    const columns = this.columnsOf(table, "t");
    const value = this.valueFor(column, kind, columns);
    const where = this.queries.expressions(columns, 1).of("bool", 2);
    return tree(
      "statement",
    )`UPDATE ${table} t SET ${column} = ${value} WHERE ${where}${this.returning(columns)}`;
  }

  /** A rule must block or open. */
  private valueFor(column: string, kind: string, columns: Parameters<Queries["expressions"]>[0]): Tree {
    const value = this.queries.expressions(columns, 1).of(kind, 2);
    return column === "blocking" ? tree("bool")`COALESCE(${value}, false)` : value;
  }

  /** Each row meets the one resource that it is on. */
  private updateFrom(): Tree {
    const table = this.random.pick(["bookings", "rules"]);
    const [column, kind] = FREE_COLUMNS[table] ?? ["", ""];
    const columns = [...this.columnsOf(table, "t"), ...this.columnsOf("resources", "r")];
    const value = this.valueFor(column, kind, columns);
    const where = this.queries.expressions(columns, 0).of("bool", 2);
    return tree(
      "statement",
    )`UPDATE ${table} t SET ${column} = ${value} FROM resources r WHERE r.id = t.resource_id AND ${where}${this.returning(columns)}`;
  }

  private remove(): Tree {
    const table = this.random.pick(["bookings", "holds", "rules"]);
    const own = this.columnsOf(table, "t");
    if (this.random.chance(0.6)) {
      const where = this.queries.expressions(own, 1).of("bool", 2);
      return tree("statement")`DELETE FROM ${table} t WHERE ${where}${this.returning(own)}`;
    }
    const columns = [...own, ...this.columnsOf("resources", "r")];
    const where = this.queries.expressions(columns, 0).of("bool", 2);
    return tree(
      "statement",
    )`DELETE FROM ${table} t USING resources r WHERE r.id = t.resource_id AND ${where}${this.returning(columns)}`;
  }

  /** New rules like those that are there. */
  private copy(): Tree {
    const columns = this.columnsOf("rules", "t");
    const where = this.queries.expressions(columns, 1).of("bool", 2);
    const blocking = this.valueFor("blocking", "bool", columns);
    const id = "'01KE60000000000000000F' || lpad((row_number() OVER (ORDER BY t.id))::text, 4, '0')";
    const inserted = this.columnsOf("rules", "rules");
    return tree(
      "statement",
    )`INSERT INTO rules SELECT ${id}, t.resource_id, t.start, t."end" + 1, ${blocking} FROM rules t WHERE ${where}${this.returning(inserted)}`;
  }

  private returning(columns: Parameters<Queries["expressions"]>[0]): Tree {
    if (this.random.chance(0.3)) return optional``;
    const expressions = this.queries.expressions(columns, 0);
    const targets = ["int8", "text", "bool"].map((kind) => tree("target")`${expressions.of(kind, 1)}`);
    return optional` RETURNING ${separated(targets, ", ")}`;
  }
}
