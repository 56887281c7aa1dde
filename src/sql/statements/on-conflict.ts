/**
 * ON CONFLICT: what becomes of a row to insert whose id is used. It is skipped, or the row that is there is changed, by
 * expressions over that row and over `excluded`, the one that was to be inserted.
 */

import type { Command } from "../../engine/command.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { formatId, type Id } from "../../id.ts";
import type { Execution } from "../execution.ts";
import type { Expression, Frame } from "../expressions/expression.ts";
import { type InsertStmt, type Node, nameParts } from "../parse/ast.ts";
import { refuseOtherFields } from "../parse/unsupported.ts";
import { canonicalId } from "../tables/field-values.ts";
import { type Relation, RelationScope } from "../tables/relation.ts";
import { columnIndex, isStored, type StoredTable } from "../tables/schema.ts";
import type { Value } from "../values/value.ts";
import type { StatementCompiler } from "./statement-compiler.ts";
import { type Assignment, assignedColumns, compileAssignments, newImage } from "./update.ts";

type Clause = NonNullable<InsertStmt["onConflictClause"]>;

/** What DO UPDATE does; of DO NOTHING there is nothing to say. */
interface ConflictUpdate {
  readonly assignments: readonly Assignment[];
  /** null: every row. */
  readonly condition: Expression | null;
}

export interface OnConflict {
  /** null: DO NOTHING. */
  readonly update: ConflictUpdate | null;
}

const CLAUSE_FIELDS = new Set(["action", "infer", "location", "targetList", "whereClause"]);
const INFER_FIELDS = new Set(["indexElems", "conname", "location"]);
const INDEX_FIELDS = new Set(["name", "ordering", "nulls_ordering"]);
const EXCLUDED = "excluded";

/** The clause, compiled; null without one. Throws 42P10 for a key that is not the id. */
export function planOnConflict(
  clause: Clause | undefined,
  relation: Relation,
  compiler: StatementCompiler,
): OnConflict | null {
  const { table } = relation;
  if (clause === undefined || !isStored(table)) return null;
  refuseOtherFields(clause, CLAUSE_FIELDS);
  if (clause.action === "ONCONFLICT_UPDATE" && clause.infer === undefined) {
    throw new DeltatError(
      SqlState.syntaxError,
      "ON CONFLICT DO UPDATE requires inference specification or constraint name",
      { hint: "For example, ON CONFLICT (column_name).", position: compiler.position(clause.location) },
    );
  }
  checkKey(clause, table, compiler);
  return {
    update: clause.action === "ONCONFLICT_UPDATE" ? planUpdate(clause, relation, table, compiler) : null,
  };
}

/** The id is the one key that ON CONFLICT can mean. */
function checkKey({ infer }: Clause, table: StoredTable, compiler: StatementCompiler): void {
  if (infer === undefined) return;
  refuseOtherFields(infer, INFER_FIELDS);
  const { conname, indexElems, location } = infer;
  if (conname !== undefined) {
    if (conname === `${table.name}_pkey`) return;
    throw new DeltatError(
      SqlState.undefinedObject,
      `constraint "${conname}" for table "${table.name}" does not exist`,
    );
  }
  const [element, ...others] = indexElems ?? [];
  if (element !== undefined && "IndexElem" in element && others.length === 0) {
    refuseOtherFields(element.IndexElem, INDEX_FIELDS);
    const { name } = element.IndexElem;
    if (name === "id") return;
    if (name !== undefined && columnIndex(table, name) < 0) {
      throw new DeltatError(SqlState.undefinedColumn, `column "${name}" does not exist`, {
        position: compiler.position(location),
      });
    }
  }
  throw new DeltatError(
    SqlState.invalidColumnReference,
    "there is no unique or exclusion constraint matching the ON CONFLICT specification",
  );
}

function planUpdate(
  { targetList, whereClause }: Clause,
  relation: Relation,
  table: StoredTable,
  compiler: StatementCompiler,
): ConflictUpdate {
  // Mappers set all columns; an id that is set to the one it met stays as it is.
  const changed = (targetList ?? []).filter((target) => !setsIdToExcluded(target));
  const targets = assignedColumns(changed, table, compiler);
  compiler.enter(new ConflictScope(relation));
  const assignments = compileAssignments(targets, compiler);
  return { assignments, condition: compiler.condition(whereClause) };
}

function setsIdToExcluded(target: Node): boolean {
  if (!("ResTarget" in target) || target.ResTarget.name !== "id") return false;
  const { val } = target.ResTarget;
  if (val === undefined || !("ColumnRef" in val)) return false;
  return nameParts(val.ColumnRef.fields).join(".") === `${EXCLUDED}.id`;
}

/** The names of the row that is there, and of `excluded`. A name without a table is both's, so it is 42702. */
class ConflictScope extends RelationScope {
  override column(fields: readonly string[], position: number): Expression {
    const [first, name] = fields;
    if (first === undefined || RelationScope.isBound(fields)) return super.column(fields, position);
    const { table } = this.relation as Relation;
    if (fields.length === 1 && columnIndex(table, first) >= 0) {
      throw new DeltatError(SqlState.ambiguousColumn, `column reference "${first}" is ambiguous`, {
        position,
      });
    }
    if (first !== EXCLUDED || fields.length !== 2) return super.column(fields, position);
    const index = columnIndex(table, name as string);
    const column = table.columns[index];
    if (column === undefined) {
      throw new DeltatError(SqlState.undefinedColumn, `column ${EXCLUDED}.${name} does not exist`, {
        position,
      });
    }
    return {
      type: column.type,
      // Every frame that column references meet is made by the session: it is an Execution.
      evaluate: (frame: Frame) => (frame as Execution).excluded[index] ?? null,
    };
  }
}

/** The ids that one INSERT … ON CONFLICT DO UPDATE has written: none is written twice. */
export class WrittenIds {
  private readonly ids = new Set<string>();

  /** Throws 21000 for an id that was written before. */
  add(id: Id): void {
    const shown = formatId(id);
    if (this.ids.has(shown)) {
      throw new DeltatError(
        SqlState.cardinalityViolation,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
        {
          hint: "Ensure that no rows proposed for insertion within the same command have duplicate constrained values.",
        },
      );
    }
    this.ids.add(shown);
  }
}

/** What the row `row`, whose id `values` were to be inserted under, becomes; null if WHERE leaves it as it is. */
export function changeOfUsed(
  { assignments, condition }: ConflictUpdate,
  table: StoredTable,
  row: number,
  values: readonly Value[],
  execution: Execution,
): Command | null {
  execution.row = row;
  execution.excluded = values.map((value, at) =>
    value !== null && table.columns[at]?.isId === true ? canonicalId(value as string) : value,
  );
  if (condition !== null && condition.evaluate(execution) !== true) return null;
  const assigned = assignments.map(({ value }) => value?.evaluate(execution) ?? null);
  return newImage({ table, assignments }, assigned, execution);
}
