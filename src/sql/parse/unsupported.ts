/**
 * Nothing is silently ignored: each planner lists the fields of its node that it understands, and whatever
 * else the parser has put there is refused by name.
 */

import { DeltatError, SqlState } from "../../errors.ts";

/** How the grammar's field names are called in SQL, where the name alone would not tell. */
const CLAUSE_NAMES: ReadonlyMap<string, string> = new Map([
  ["distinctClause", "SELECT DISTINCT"],
  ["intoClause", "SELECT INTO"],
  ["groupClause", "GROUP BY"],
  ["groupDistinct", "GROUP BY DISTINCT"],
  ["havingClause", "HAVING"],
  ["windowClause", "WINDOW"],
  ["lockingClause", "FOR UPDATE or FOR SHARE"],
  ["withClause", "WITH"],
  ["larg", "UNION, INTERSECT or EXCEPT"],
  ["rarg", "UNION, INTERSECT or EXCEPT"],
  ["all", "UNION ALL"],
  ["usingClause", "DELETE … USING"],
  ["fromClause", "UPDATE … FROM"],
  ["whereClause", "ON CONFLICT … WHERE"],
  ["options", "RETURNING WITH (OLD or NEW AS …)"],
  ["agg_filter", "FILTER"],
  ["agg_order", "ORDER BY in an aggregate"],
  ["agg_distinct", "DISTINCT in an aggregate"],
  ["agg_within_group", "WITHIN GROUP"],
  ["over", "OVER"],
  ["func_variadic", "VARIADIC"],
  ["join_using_alias", "JOIN … USING (…) AS name"],
  ["colnames", "a list of column aliases"],
  ["indirection", "a subscript or field"],
  ["catalogname", "a name with a database in it"],
  ["gid", "two-phase commit"],
]);

export function notSupported(what: string, hint?: string): DeltatError {
  return new DeltatError(
    SqlState.featureNotSupported,
    `${what} is not supported`,
    hint === undefined ? {} : { hint },
  );
}

/** The same with a place; `what` brings its verb: `subqueries are`. */
export function notSupportedAt(what: string, position: number): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, `${what} not supported`, { position });
}

/** Throws 0A000 if `node` has a field that is not in `handled`. */
export function refuseOtherFields(node: object, handled: ReadonlySet<string>): void {
  for (const field in node) {
    if (!handled.has(field)) throw notSupported(CLAUSE_NAMES.get(field) ?? field);
  }
}

/** "VariableSetStmt" as a person would say it: for statements that have no words of their own here. */
const STATEMENT_NAMES: ReadonlyMap<string, string> = new Map([
  ["CreateStmt", "CREATE TABLE"],
  ["CreateTableAsStmt", "CREATE TABLE AS"],
  ["ViewStmt", "CREATE VIEW"],
  ["IndexStmt", "CREATE INDEX"],
  ["CreatedbStmt", "CREATE DATABASE"],
  ["DropdbStmt", "DROP DATABASE"],
  ["CreateSchemaStmt", "CREATE SCHEMA"],
  ["CreateRoleStmt", "CREATE ROLE"],
  ["CreateSeqStmt", "CREATE SEQUENCE"],
  ["CreateFunctionStmt", "CREATE FUNCTION"],
  ["CreateTrigStmt", "CREATE TRIGGER"],
  ["CreateExtensionStmt", "CREATE EXTENSION"],
  ["AlterTableStmt", "ALTER TABLE"],
  ["AlterRoleStmt", "ALTER ROLE"],
  ["DropStmt", "DROP"],
  ["TruncateStmt", "TRUNCATE"],
  ["ExplainStmt", "EXPLAIN"],
  ["LockStmt", "LOCK TABLE"],
  ["VacuumStmt", "VACUUM or ANALYZE"],
  ["GrantStmt", "GRANT or REVOKE"],
  ["GrantRoleStmt", "GRANT or REVOKE"],
  ["MergeStmt", "MERGE"],
  ["CallStmt", "CALL"],
  ["DoStmt", "DO"],
  ["ConstraintsSetStmt", "SET CONSTRAINTS"],
  ["CommentStmt", "COMMENT"],
  ["ReindexStmt", "REINDEX"],
  ["ClusterStmt", "CLUSTER"],
  ["LoadStmt", "LOAD"],
  ["AlterSystemStmt", "ALTER SYSTEM"],
]);

/** 0A000 for a statement of a kind that no planner takes. */
export function unsupportedStatement(kind: string): DeltatError {
  const words =
    STATEMENT_NAMES.get(kind) ?? kind.replace(/Stmt$/, "").replaceAll(/(?<=[a-z])(?=[A-Z])/g, " ");
  return notSupported(words.toUpperCase());
}
