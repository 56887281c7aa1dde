/**
 * The expressions of one statement, compiled for the places they stand in: conditions, ids, bounds, assigned
 * values. Around the general compiler this adds what is particular to our tables: ids are compared in their
 * canonical spelling, so that upper and lower case name the same row.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { coerceForAssignment, tryCast } from "../expressions/casts.ts";
import { compile, compileCondition } from "../expressions/compile.ts";
import { CompileContext } from "../expressions/compile-context.ts";
import type { Expression, Frame, Scope } from "../expressions/expression.ts";
import { normaliseIds } from "../expressions/id-comparison.ts";
import { noOperator } from "../expressions/operators.ts";
import { ParameterTypes } from "../expressions/parameters.ts";
import { resolveTypeName } from "../expressions/type-names.ts";
import { resolveUntyped } from "../expressions/untyped.ts";
import { type Node, nodeLocation } from "../parse/ast.ts";
import type { LiftedLiterals } from "../parse/shape.ts";
import { notSupported } from "../parse/unsupported.ts";
import type { LiteralCheck } from "../plan-cache.ts";
import { refuseAggregates } from "../relational/aggregate-calls.ts";
import type { CteEnvironment } from "../relational/cte.ts";
import { RelationScope } from "../tables/relation.ts";
import type { Column } from "../tables/schema.ts";
import { INT8, isInteger, isString, type PgType, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import type { ColumnCondition } from "./conjuncts.ts";

export class StatementCompiler {
  private readonly parameters: ParameterTypes;
  private context: CompileContext;
  private scope = new RelationScope(null);

  /** The changes in WITH that the statement being planned may read. */
  changes: CteEnvironment | null = null;
  /** Whether a part of the statement is being planned, whose parameters are not all that there are. */
  private inPart = false;

  constructor(
    readonly statementText: string,
    declaredOids: readonly number[] | null,
    literals: LiftedLiterals | null,
  ) {
    this.parameters = new ParameterTypes(declaredOids ?? [], declaredOids !== null);
    this.context = new CompileContext(this.scope, this.parameters, literals, statementText);
  }

  /** From here on names are resolved in `scope`. */
  enter(scope: RelationScope): void {
    this.scope = scope;
    this.context = this.context.withScope(scope);
  }

  /** The statement's context with names resolved by `scope`, for who compiles by itself. */
  contextFor(scope: Scope): CompileContext {
    return this.context.withScope(scope);
  }

  /** The 1-based character position of a node's location. */
  position(location: number | undefined): number {
    return this.context.position(location);
  }

  /** Plans a statement that is part of another. */
  part<T>(plan: () => T): T {
    this.inPart = true;
    try {
      return plan();
    } finally {
      this.inPart = false;
    }
  }

  /** OIDs of all parameters, once everything is compiled. Throws 42P18, and 42P02 where there can be none. */
  parameterTypes(): readonly number[] {
    if (this.inPart) return [];
    return this.parameters.finish();
  }

  isShapeSafe(): boolean {
    return this.context.isShapeSafe();
  }

  /** For a plan that is kept by its shape. */
  get literalChecks(): readonly LiteralCheck[] {
    return this.context.literalChecks;
  }

  /** An expression whose value is sent to the client, or counted: what nothing types is text. */
  output(node: Node): Expression {
    return resolveUntyped(this.compile(node), TEXT);
  }

  /** A condition; null where there is none. Throws 42804 for what is not boolean. */
  condition(node: Node | undefined, clause = "WHERE"): Expression | null {
    if (node === undefined) return null;
    this.refuseAggregates(node, clause);
    return compileCondition(normaliseIds(node, this.scope, this), this.context, clause);
  }

  /** An expression of exactly `type`, after what casts an assignment would make. */
  typed(node: Node, type: PgType, what: string): Expression {
    const expression = resolveUntyped(this.compile(node), type);
    if (expression.type === type) return expression;
    if (type === INT8 && isInteger(expression.type)) return expression;
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `argument of ${what} must be type ${type.name}, not type ${expression.type.name}`,
      { position: this.position(nodeLocation(node)) },
    );
  }

  /** What an id is compared with by `conjunct`: text. Throws 42883 for other types. */
  text(node: Node, conjunct: Node): Expression {
    const expression = resolveUntyped(this.compile(node), TEXT);
    if (isString(expression.type)) return expression;
    throw this.noOperator(expression.type, conjunct);
  }

  /** A bound for a column of numbers: its value is whatever the numeric type holds. Throws 42883. */
  number(node: Node): Expression {
    const expression = resolveUntyped(this.compile(node), INT8);
    if (expression.type.category === "numeric") return expression;
    throw noOperator(INT8.name, "=", expression.type.name, this.position(nodeLocation(node)));
  }

  /** As `number` for whole numbers; null for other types. */
  integer(node: Node): Expression | null {
    const expression = resolveUntyped(this.compile(node), INT8);
    return isInteger(expression.type) ? expression : null;
  }

  /** The ids that a condition on an id column lists. */
  idList(condition: ColumnCondition, conjunct: Node): (frame: Frame) => readonly Value[] | null {
    switch (condition.kind) {
      case "compare": {
        const id = this.text(condition.value, conjunct);
        return (frame) => [id.evaluate(frame)];
      }
      case "in": {
        const ids = condition.values.map((value) => this.text(value, conjunct));
        return (frame) => ids.map((id) => id.evaluate(frame));
      }
      case "any": {
        const array = this.idArray(condition.array, conjunct);
        return (frame) => array.evaluate(frame) as readonly Value[] | null;
      }
      default:
        return () => null;
    }
  }

  /** The value of an INSERT or UPDATE for `column`; `clause` is what it stands in. Throws 42804. */
  assigned(node: Node, column: Column, clause: "VALUES" | "UPDATE"): Expression {
    const position = this.position(nodeLocation(node));
    return coerceForAssignment(this.compile(node, clause), column.type, column.name, position);
  }

  /** An argument of EXECUTE. Throws 42804. */
  argument(node: Node, type: PgType, number: number): Expression {
    const expression = this.compile(node);
    const cast = tryCast(expression, type, "assignment");
    if (cast !== null) return cast;
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `parameter $${number} of type ${expression.type.name} cannot be coerced to the expected type ${type.name}`,
      {
        hint: "You will need to rewrite or cast the expression.",
        position: this.position(nodeLocation(node)),
      },
    );
  }

  /** OID of the type that a TypeName names; 0 for `unknown`. Throws 42704, 0A000. */
  typeOid(node: Node): number {
    if (!("TypeName" in node)) return 0;
    return resolveTypeName(node.TypeName, this.context).type.oid;
  }

  /** The number after LIMIT or OFFSET. */
  rowCount(node: Node, clause: string): Expression {
    return this.asRowCount(this.compile(node, clause), node, clause);
  }

  /** As `rowCount`, with names resolved by `scope`. */
  rowCountIn(scope: Scope, node: Node, clause: string): Expression {
    return this.asRowCount(compile(node, this.contextFor(scope)), node, clause);
  }

  private asRowCount(expression: Expression, node: Node, clause: string): Expression {
    const count = tryCast(resolveUntyped(expression, INT8), INT8, "assignment");
    if (count !== null) return count;
    throw new DeltatError(
      SqlState.datatypeMismatch,
      `argument of ${clause} must be type bigint, not type ${expression.type.name}`,
      { position: this.position(nodeLocation(node)) },
    );
  }

  /** An array of texts. Throws 42883 for other types. */
  private idArray(node: Node, conjunct: Node): Expression {
    const expression = resolveUntyped(this.compile(node), TEXT_ARRAY);
    const element = expression.type.arrayOf;
    if (element !== undefined && isString(element)) return expression;
    throw this.noOperator(element ?? expression.type, conjunct);
  }

  /** Compiles without looking for comparisons with ids in it. */
  compilePlain(node: Node): Expression {
    return compile(node, this.context);
  }

  private compile(node: Node, clause?: string): Expression {
    if (clause !== undefined) this.refuseAggregates(node, clause);
    if ("SubLink" in node) throw notSupported("a subquery");
    return compile(normaliseIds(node, this.scope, this), this.context);
  }

  private refuseAggregates(node: Node, clause: string): void {
    refuseAggregates(node, clause, (location) => this.position(location));
  }

  /** Throws why the condition cannot be, in its own words and places. */
  private noOperator(type: PgType, conjunct: Node): DeltatError {
    this.condition(conjunct);
    return new DeltatError(SqlState.undefinedFunction, `operator does not exist: text = ${type.name}`);
  }
}
