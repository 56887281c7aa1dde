/** COPY: which table or query, which columns, and in which direction. */

import { ByteWriter } from "../../bytes.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Plan } from "../execution.ts";
import { type CopyStmt, type Node, nameParts, type RangeVar } from "../parse/ast.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { isCopyIn } from "../rows/row-stream.ts";
import type { StatementCompiler } from "../statements/statement-compiler.ts";
import { resolveRelation } from "../tables/relation.ts";
import { columnIndex, isStored, type Table } from "../tables/schema.ts";
import { CopyLoad } from "./load.ts";
import { type CopyOptions, copyOptions } from "./options.ts";
import { CopyOut } from "./out.ts";

const COPY_FIELDS = new Set(["relation", "query", "attlist", "is_from", "options"]);

/** @param planQuery plans the query whose result is copied */
export function planCopy(
  node: CopyStmt,
  compiler: StatementCompiler,
  planQuery: (query: Node) => Plan,
): Plan {
  if (node.is_program === true) throw notSupported("COPY to or from a program");
  if (node.filename !== undefined) {
    throw notSupported("COPY to or from a file of the server", "Use STDIN or STDOUT; in psql, \\copy.");
  }
  if (node.whereClause !== undefined) throw notSupported("COPY … FROM with WHERE");
  refuseOtherFields(node, COPY_FIELDS);
  const options = copyOptions(node, (location) => compiler.position(location));
  if (node.query !== undefined) return planCopyTo(planQuery(node.query), options);
  const relation = node.relation as RangeVar;
  const { table } = resolveRelation(relation, compiler.statementText);
  const isFrom = node.is_from === true;
  if (!isStored(table)) {
    throw new DeltatError(
      SqlState.wrongObjectType,
      `cannot copy ${isFrom ? "to" : "from"} view "${table.name}"`,
      isFrom ? {} : { hint: `Try COPY (SELECT … FROM ${table.name} WHERE …) TO STDOUT.` },
    );
  }
  const list = columnList(node.attlist, table);
  if (!isFrom) return planCopyTo(planQuery(selectOf(relation, list, table)), options);
  return {
    command: "COPY FROM",
    usage: "write",
    parameterTypes: [],
    columns: null,
    run: (execution) => new CopyLoad(table, list, options, execution),
  };
}

function planCopyTo(query: Plan, options: CopyOptions): Plan {
  const { columns } = query;
  if (columns === null) {
    throw new DeltatError(SqlState.featureNotSupported, "COPY query must have a RETURNING clause");
  }
  if (query.parameterTypes.length > 0) {
    throw new DeltatError(SqlState.undefinedParameter, "there is no parameter $1");
  }
  checkForceQuote(
    options,
    columns.map(({ name }) => name),
  );
  return {
    command: query.command,
    usage: query.usage,
    parameterTypes: [],
    columns: null,
    run(execution) {
      const { out } = execution;
      const written = new ByteWriter();
      execution.out = written;
      execution.formats = options.format === "binary" ? [1] : [];
      const result = query.run(execution);
      const rest = typeof result === "string" || isCopyIn(result) ? null : result;
      return new CopyOut(written, rest, out, columns, options);
    },
  };
}

/** Positions of the columns that COPY lists, all but the hidden ones without a list. Throws 42703, 42701, 0A000. */
function columnList(list: readonly Node[] | undefined, table: Table): number[] {
  if (list === undefined) {
    return [...table.columns.keys()].filter((at) => table.columns[at]?.hidden === false);
  }
  const positions: number[] = [];
  for (const name of nameParts(list)) {
    const at = columnIndex(table, name);
    if (at < 0) {
      throw new DeltatError(
        SqlState.undefinedColumn,
        `column "${name}" of relation "${table.name}" does not exist`,
      );
    }
    if (positions.includes(at)) {
      throw new DeltatError(SqlState.duplicateColumn, `column "${name}" specified more than once`);
    }
    if (table.columns[at]?.hidden === true) throw notSupported(`COPY with column "${name}"`);
    positions.push(at);
  }
  return positions;
}

function selectOf(relation: RangeVar, list: readonly number[], table: Table): Node {
  const targetList: Node[] = list.map((at) => ({
    ResTarget: {
      val: { ColumnRef: { fields: [{ String: { sval: table.columns[at]?.name ?? "" } }], location: -1 } },
      location: -1,
    },
  }));
  return { SelectStmt: { targetList, fromClause: [{ RangeVar: relation }], op: "SETOP_NONE" } };
}

function checkForceQuote({ forceQuote }: CopyOptions, names: readonly string[]): void {
  if (forceQuote === "*") return;
  for (const name of forceQuote) {
    if (names.includes(name)) continue;
    throw new DeltatError(SqlState.undefinedColumn, `column "${name}" does not exist`);
  }
}
