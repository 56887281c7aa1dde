/**
 * The prepared statements of one session: those of PREPARE and those that Parse has named are the same, as in
 * PostgreSQL. Parse's unnamed one is kept here too, under the empty name that SQL cannot spell.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_PREPARED_PER_CONNECTION } from "../../limits.ts";

/** How a named statement came to be. */
interface Origin {
  /** Unix milliseconds. */
  readonly preparedAtMs: number;
  /** By PREPARE, not by Parse. */
  readonly isFromSql: boolean;
}

export class PreparedStatements<Statement> {
  private readonly statements = new Map<string, Statement>();
  private readonly origins = new Map<string, Origin>();

  constructor(private readonly nowMs: () => number) {}

  /** Throws 42P05 for a name that is taken, unless it is the empty one, and 54000 when there are too many. */
  requireFree(name: string): void {
    if (name !== "" && this.statements.has(name)) {
      throw new DeltatError(
        SqlState.duplicatePreparedStatement,
        `prepared statement "${name}" already exists`,
      );
    }
    if (this.statements.size < MAX_PREPARED_PER_CONNECTION) return;
    if (name === "" && this.statements.has(name)) return;
    throw new DeltatError(
      SqlState.programLimitExceeded,
      `limit exceeded: prepared statements of one connection, at most ${MAX_PREPARED_PER_CONNECTION} are kept`,
    );
  }

  /** Keeps a statement under a name that `requireFree` has accepted. */
  add(name: string, statement: Statement, isFromSql: boolean): void {
    this.statements.set(name, statement);
    if (name !== "") this.origins.set(name, { preparedAtMs: this.nowMs(), isFromSql });
  }

  /** All that have a name, as pg_prepared_statements lists them. */
  named(): (Origin & { readonly name: string; readonly statement: Statement })[] {
    return [...this.origins].flatMap(([name, origin]) => {
      const statement = this.statements.get(name);
      return statement === undefined ? [] : [{ ...origin, name, statement }];
    });
  }

  /** Throws 26000. */
  get(name: string): Statement {
    const statement = this.statements.get(name);
    if (statement !== undefined) return statement;
    const which = name === "" ? "unnamed prepared statement" : `prepared statement "${name}"`;
    throw new DeltatError(SqlState.invalidSqlStatementName, `${which} does not exist`);
  }

  /** Returns what was kept under the name, if anything was. */
  remove(name: string): Statement | undefined {
    const statement = this.statements.get(name);
    if (statement === undefined) return undefined;
    this.statements.delete(name);
    if (name !== "") this.origins.delete(name);
    return statement;
  }

  clear(): void {
    this.statements.clear();
    this.origins.clear();
  }
}
