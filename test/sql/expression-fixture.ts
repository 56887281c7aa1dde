/** Compiles and runs one expression, without any table behind it. */

import { DeltatError, SqlState } from "../../src/errors.ts";
import { loneCluster } from "../../src/sql/cluster.ts";
import { compile } from "../../src/sql/expressions/compile.ts";
import { CompileContext } from "../../src/sql/expressions/compile-context.ts";
import type { Expression, Scope } from "../../src/sql/expressions/expression.ts";
import { ParameterTypes } from "../../src/sql/expressions/parameters.ts";
import { resolveUntyped } from "../../src/sql/expressions/untyped.ts";
import type { SelectStmt } from "../../src/sql/parse/ast.ts";
import { parse } from "../../src/sql/parse/parser.ts";
import { type LiftedLiterals, liftLiterals } from "../../src/sql/parse/shape.ts";
import type { SessionContext } from "../../src/sql/session/session-context.ts";
import { formatValue } from "../../src/sql/values/codec.ts";
import { INT4, INT8, type PgType, TEXT } from "../../src/sql/values/types.ts";
import type { Value } from "../../src/sql/values/value.ts";

export const SESSION: SessionContext = {
  user: "alice",
  database: "clinic",
  processId: 42,
  timeZone: "UTC",
  transactionNowMs: 1_700_000_000_000,
  statementNowMs: 1_700_000_000_500,
  lastEventSeq: () => 0,
  clockNowMs: () => 1_700_000_001_000,
  getSetting: (name) => (name === "server_version" ? "15.0" : null),
  warn: () => {},
  cluster: loneCluster("clinic", new Set()),
  notify: () => {},
  setSetting: (_name, value) => value,
};

/** Columns `a` bigint, `b` integer, `t` text, all NULL. */
const COLUMNS: Scope = {
  column(fields, position): Expression {
    const types: Record<string, PgType> = { a: INT8, b: INT4, t: TEXT };
    const type = types[fields.join(".")];
    if (type !== undefined) return { type, evaluate: () => null };
    throw new DeltatError(SqlState.undefinedColumn, `column "${fields.join(".")}" does not exist`, {
      position,
    });
  },
};

export interface Compiled {
  readonly expression: Expression;
  readonly context: CompileContext;
  run(literals?: readonly Value[], parameters?: readonly Value[]): Value;
}

/** Compiles the one target of `SELECT <expression>`; `lift` reads its literals from the frame. */
export function compileExpression(text: string, lift = false, parameters = new ParameterTypes()): Compiled {
  const statement = `SELECT ${text}`;
  const literals: LiftedLiterals | null = lift ? liftLiterals(statement) : null;
  const node = parse(statement)[0]?.node as { SelectStmt: SelectStmt };
  const target = node.SelectStmt.targetList?.[0];
  if (target === undefined || !("ResTarget" in target) || target.ResTarget.val === undefined) {
    throw new Error("no target");
  }
  const context = new CompileContext(COLUMNS, parameters, literals, statement);
  const expression = resolveUntyped(compile(target.ResTarget.val, context), TEXT);
  return {
    expression,
    context,
    run: (given, values) =>
      expression.evaluate({
        parameters: values ?? [],
        literals: given ?? literals?.values ?? [],
        row: -1,
        session: SESSION,
      }),
  };
}

/** `type|value` or `!SQLSTATE message`, as test/sql/postgres-answers.ts spells answers. */
export function answer(text: string, lift: boolean): string {
  try {
    const { expression, run } = compileExpression(text, lift);
    const value = run();
    return `${expression.type.name}|${value === null ? "NULL" : formatValue(expression.type, value)}`;
  } catch (error) {
    if (error instanceof DeltatError) return `!${error.sqlState} ${error.message}`;
    throw error;
  }
}
