/** Names in a statement: which table is meant, and what its columns are called there. */

import { DeltatError, SqlState } from "../../errors.ts";
import type { Execution } from "../execution.ts";
import type { ColumnOrigin, Expression, Frame, Scope } from "../expressions/expression.ts";
import { BOUND_CONSTANT } from "../expressions/membership.ts";
import type { Node, RangeVar } from "../parse/ast.ts";
import { characterPosition } from "../parse/parser.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { type Column, columnIndex, findTable, type Table } from "./schema.ts";

/** A table as one statement names it. */
export interface Relation {
  readonly table: Table;
  /** What qualifies its columns: the alias, else the table's name. */
  readonly name: string;
  readonly hasAlias: boolean;
}

const RANGE_FIELDS = new Set(["schemaname", "relname", "inh", "relpersistence", "alias", "location"]);
const ALIAS_FIELDS = new Set(["aliasname"]);

/** Throws 42P01 for a table that does not exist, 0A000 for ONLY and column aliases. */
export function resolveRelation(range: RangeVar, text: string): Relation {
  refuseOtherFields(range, RANGE_FIELDS);
  if (range.inh !== true) throw notSupported("ONLY");
  if (range.alias !== undefined) refuseOtherFields(range.alias, ALIAS_FIELDS);
  const name = range.relname ?? "";
  const inPublic = range.schemaname === undefined || range.schemaname === "public";
  const table = inPublic ? findTable(name) : undefined;
  if (table === undefined) {
    const shown = range.schemaname === undefined ? name : `${range.schemaname}.${name}`;
    throw new DeltatError(SqlState.undefinedTable, `relation "${shown}" does not exist`, {
      position: characterPosition(text, range.location ?? 0),
    });
  }
  return { table, name: range.alias?.aliasname ?? name, hasAlias: range.alias !== undefined };
}

/** A column reference. Planners look through it to read columns without making Values. */
export class ColumnExpression implements Expression {
  readonly type: PgType;
  readonly origin: ColumnOrigin;

  constructor(
    readonly column: Column,
    readonly table: Table,
    /** Position in `table.columns`. */
    readonly index: number,
  ) {
    this.type = column.type;
    this.origin = { tableOid: table.oid, columnNumber: index + 1 };
  }

  evaluate(frame: Frame): Value {
    // Every frame that column references meet is made by the session: it is an Execution.
    return this.column.read(frame as Execution);
  }
}

/** 42P01 for a table that FROM does not have; `alias`: what it has that table under. */
export function missingEntry(name: string, position: number, alias: string | null): DeltatError {
  if (alias === null) {
    const message = `missing FROM-clause entry for table "${name}"`;
    return new DeltatError(SqlState.undefinedTable, message, { position });
  }
  return new DeltatError(
    SqlState.undefinedTable,
    `invalid reference to FROM-clause entry for table "${name}"`,
    {
      hint: `Perhaps you meant to reference the table alias "${alias}".`,
      position,
    },
  );
}

/** First parts of the names that stand for expressions already compiled; no text can spell them. */
const BOUND = "\0bound";

/**
 * The names of at most one relation, and besides them expressions that were compiled before and put back into
 * the tree under a name of their own (see `bind`).
 */
export class RelationScope implements Scope {
  private readonly bound: Expression[] = [];

  constructor(readonly relation: Relation | null) {}

  column(fields: readonly string[], position: number): Expression {
    const [first, second] = fields;
    if (first === BOUND || first === BOUND_CONSTANT) return this.bound[Number(second)] as Expression;
    const found = this.resolve(fields, position);
    if (found.column.filterOnly) {
      throw notSupported(
        `reading column "${found.column.name}" of relation "${found.table.name}"`,
        found.column.description,
      );
    }
    return found;
  }

  /** As `column`, but hidden columns resolve too. */
  resolve(fields: readonly string[], position: number): ColumnExpression {
    const name = fields.at(-1) as string;
    const qualifier = fields.slice(0, -1);
    if (!this.isQualifier(qualifier)) throw this.missingEntry(qualifier, position);
    const table = this.relation?.table;
    const index = table === undefined ? -1 : columnIndex(table, name);
    const column = table?.columns[index];
    if (table === undefined || column === undefined) {
      const shown = qualifier.length > 0 ? fields.join(".") : `"${name}"`;
      throw new DeltatError(SqlState.undefinedColumn, `column ${shown} does not exist`, { position });
    }
    return new ColumnExpression(column, table, index);
  }

  private missingEntry(qualifier: readonly string[], position: number): DeltatError {
    const { relation } = this;
    const name = qualifier.at(-1) ?? "";
    const isHidden = relation?.hasAlias === true && relation.table.name === name;
    return missingEntry(name, position, isHidden ? relation.name : null);
  }

  /** Whether `parts` (before a column's name or `*`) name this relation; none always do. */
  isQualifier(parts: readonly string[]): boolean {
    if (parts.length === 0) return true;
    const { relation } = this;
    if (relation === null || parts.at(-1) !== relation.name) return false;
    if (parts.length === 1) return true;
    return parts.length === 2 && parts[0] === "public" && !relation.hasAlias;
  }

  /** Whether a column reference is one that `bind` made. */
  static isBound(fields: readonly string[]): boolean {
    return fields[0] === BOUND || fields[0] === BOUND_CONSTANT;
  }

  /** A node that stands for `expression` in a tree compiled in this scope; `isConstant`: it has one value for a run. */
  bind(expression: Expression, location: number, isConstant = false): Node {
    const index = this.bound.push(expression) - 1;
    return {
      ColumnRef: {
        fields: [
          { String: { sval: isConstant ? BOUND_CONSTANT : BOUND } },
          { String: { sval: String(index) } },
        ],
        location,
      },
    };
  }
}
