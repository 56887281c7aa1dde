/**
 * COPY … FROM STDIN. Rows are decoded as they come and kept in columns; when all have come they are placed in one go, as
 * one transaction or as part of the open one. Staged while they come they would be undone and placed again whenever
 * another session has its turn in between.
 */

import type { Command } from "../../engine/command.ts";
import type { Transaction } from "../../engine/transaction.ts";
import { limitExceeded } from "../../engine/violations.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import type { Id } from "../../id.ts";
import { MAX_COPY_BYTES, MAX_TRANSACTION_CHANGES } from "../../limits.ts";
import { decodeUtf8 } from "../../utf8.ts";
import type { Execution } from "../execution.ts";
import { ROWS_PER_TIMEOUT_CHECK } from "../rows/row-source.ts";
import type { CopyIn } from "../rows/row-stream.ts";
import { newId } from "../statements/insert.ts";
import { checkNotNull } from "../statements/write-target.ts";
import { checkSpan, instantOf } from "../tables/field-values.ts";
import type { Column, StoredTable } from "../tables/schema.ts";
import { BOOKINGS, HOLDS, RESOURCES, RULES } from "../tables/stored-tables.ts";
import { INT4, INT8 } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { BinaryReader } from "./binary.ts";
import { type CopyColumn, IdColumn, NumberColumn, ValueColumn } from "./columns.ts";
import { CsvSyntax } from "./csv.ts";
import { LineReader } from "./lines.ts";
import type { CopyOptions } from "./options.ts";
import type { CopyReader, RowSink } from "./reader.ts";
import { TextSyntax } from "./text.ts";

/** Bytes of a row in its columns, texts aside. */
const ROW_BYTES = 72;

/** As PostgreSQL cuts what it shows of a line or a value (MAX_COPY_DATA_DISPLAY). */
const SHOWN_BYTES = 100;

const START = 2;
const END = 3;

export class CopyLoad implements CopyIn, RowSink {
  readonly isBinary: boolean;
  readonly columnNames: readonly string[];
  private readonly reader: CopyReader;
  private readonly columns: readonly CopyColumn[];
  /** By position in the data. */
  private readonly listed: readonly CopyColumn[];
  private readonly required: readonly boolean[];
  /** Those that the data does not have, and what they get. */
  private readonly unlisted: readonly (() => void)[];
  private readonly texts: readonly ValueColumn[];
  private lines = new Uint32Array(256);
  private count = 0;
  /** The row has a NULL in a column that must not. */
  private lacksValue = false;
  /** What is being converted, for CONTEXT: a position in the data, -1 for none, and what stands there. */
  private column = -1;
  private shown: string | null = null;

  /**
   * @param list positions in `table.columns` of the columns of the data, in their order
   * @param maxBytes what the rows may take before they are placed
   */
  constructor(
    private readonly table: StoredTable,
    list: readonly number[],
    options: CopyOptions,
    private readonly execution: Execution,
    private readonly maxBytes = MAX_COPY_BYTES,
  ) {
    this.isBinary = options.format === "binary";
    const visible = table.columns.filter(({ hidden }) => !hidden);
    this.columns = visible.map(copyColumn);
    this.columnNames = list.map((at) => table.columns[at]?.name ?? "");
    this.listed = list.map((at) => this.columns[at] as CopyColumn);
    this.required = list.map((at) => table.columns[at]?.nullable === false);
    this.unlisted = visible.flatMap((column, at) =>
      list.includes(at) ? [] : [this.fallback(column, this.columns[at] as CopyColumn, at)],
    );
    this.texts = this.columns.filter((column) => column instanceof ValueColumn);
    if (this.isBinary) this.reader = new BinaryReader(this);
    else {
      const syntax = options.format === "csv" ? new CsvSyntax(options) : new TextSyntax(options);
      this.reader = new LineReader(syntax, options, this);
    }
  }

  get columnCount(): number {
    return this.columnNames.length;
  }

  receive(bytes: Uint8Array): void {
    this.located(() => this.reader.receive(bytes));
    this.execution.session.checkTimeout();
  }

  finish(): string {
    this.located(() => this.reader.finish());
    this.place();
    return `COPY ${this.count}`;
  }

  text(column: number, bytes: Uint8Array, start: number, end: number): void {
    try {
      (this.listed[column] as CopyColumn).text(bytes, start, end);
    } catch (error) {
      this.column = column;
      this.shown = `"${shownText(bytes, start, end)}"`;
      throw error;
    }
  }

  binary(column: number, bytes: Uint8Array, start: number, end: number): void {
    try {
      (this.listed[column] as CopyColumn).binary(bytes, start, end);
    } catch (error) {
      this.column = column;
      throw error;
    }
  }

  none(column: number): void {
    if (this.required[column] === true) this.lacksValue = true;
    (this.listed[column] as CopyColumn).none();
  }

  endRow(line: number): void {
    const { table, count, columns } = this;
    for (const fill of this.unlisted) fill();
    if (this.lacksValue) this.refuseNull();
    if (table !== RESOURCES) {
      checkSpan((columns[START] as NumberColumn).number(count), (columns[END] as NumberColumn).number(count));
    }
    if (count === this.lines.length) {
      const lines = new Uint32Array(count * 2);
      lines.set(this.lines);
      this.lines = lines;
    }
    this.lines[count] = line;
    this.count++;
    if ((this.execution.transaction?.changes.length ?? 0) + this.count > MAX_TRANSACTION_CHANGES) {
      throw limitExceeded("changes of one transaction", MAX_TRANSACTION_CHANGES);
    }
    let bytes = this.count * ROW_BYTES;
    for (const column of this.texts) bytes += column.bytes;
    if (bytes > this.maxBytes) throw limitExceeded("bytes of one COPY", this.maxBytes);
    this.execution.session.memory.stage(bytes);
  }

  /** What a column that the data does not have gets for the next row. */
  private fallback({ isId, nullable, fallback }: Column, column: CopyColumn, at: number): () => void {
    if (at === 0 && isId && column instanceof IdColumn)
      return () => column.add(newId(this.execution.engine.now));
    if (typeof fallback === "number" && column instanceof NumberColumn) return () => column.add(fallback);
    return () => {
      if (!nullable) this.lacksValue = true;
      column.none();
    };
  }

  private refuseNull(): void {
    const values: Value[] = this.columns.map((column) => column.value(this.count));
    checkNotNull(this.table, values, (table, _, at) => table.columns[at]?.nullable === true);
  }

  private place(): void {
    const { execution, table, columns, count } = this;
    const { database, session, engine } = execution;
    const transaction = execution.transaction as Transaction;
    database.enter(transaction);
    session.awaitLsn(database.appendedLsn);
    const commandOf = COMMANDS.get(table) as CommandOf;
    const order = table === RESOURCES ? parentsFirst(columns, count) : null;
    let row = 0;
    try {
      for (let i = 0; i < count; i++) {
        row = order === null ? i : (order[i] as number);
        engine.apply(transaction, commandOf(columns, row));
        if ((i & (ROWS_PER_TIMEOUT_CHECK - 1)) === 0) session.checkTimeout();
      }
    } catch (error) {
      throw withWhere(error, `COPY ${table.name}, line ${this.lines[row]}`);
    }
  }

  /** Runs `work`; an error tells where in the data it arose. */
  private located(work: () => void): void {
    try {
      work();
    } catch (error) {
      const { reader, column, shown } = this;
      if (reader.line === 0) throw error;
      let where = `COPY ${this.table.name}, line ${reader.line}`;
      if (column >= 0) where += `, column ${this.columnNames[column]}${shown === null ? "" : `: ${shown}`}`;
      else {
        const line = reader.lineText();
        if (line !== null) where += `: "${cut(line)}"`;
      }
      throw withWhere(error, where);
    }
  }
}

function withWhere(error: unknown, where: string): unknown {
  if (!(error instanceof DeltatError)) return error;
  const { hint, ...fields } = error.fields;
  // That of a used id names ON CONFLICT, which COPY does not have.
  const kept = hint === undefined || error.sqlState === SqlState.uniqueViolation ? {} : { hint };
  return new DeltatError(error.sqlState, error.message, { ...fields, ...kept, where });
}

function shownText(bytes: Uint8Array, start: number, end: number): string {
  try {
    return cut(decodeUtf8(bytes.subarray(start, end)));
  } catch {
    return "";
  }
}

function cut(text: string): string {
  return text.length <= SHOWN_BYTES ? text : `${text.slice(0, SHOWN_BYTES)}...`;
}

function copyColumn(column: Column): CopyColumn {
  if (column.isId) return new IdColumn();
  if (column.type === INT4) return new NumberColumn(column, Number);
  if (column.type !== INT8) return new ValueColumn(column);
  const isInstant = column.name !== "buffer_after";
  return new NumberColumn(column, isInstant ? (value) => instantOf(value, column.name) : Number);
}

type CommandOf = (columns: readonly CopyColumn[], row: number) => Command;

function idAt(columns: readonly CopyColumn[], at: number, row: number): Id {
  return (columns[at] as IdColumn).id(row);
}

function numberAt(columns: readonly CopyColumn[], at: number, row: number): number {
  return (columns[at] as NumberColumn).number(row);
}

function valueAt(columns: readonly CopyColumn[], at: number, row: number): Value {
  return (columns[at] as ValueColumn).value(row);
}

/** Columns stand in the order of the table's. */
const COMMANDS: ReadonlyMap<StoredTable, CommandOf> = new Map<StoredTable, CommandOf>([
  [
    RESOURCES,
    (columns, row) => ({
      kind: "createResource",
      resource: {
        id: idAt(columns, 0, row),
        parentId: (columns[1] as IdColumn).idOrNull(row),
        name: valueAt(columns, 2, row) as string | null,
        capacity: numberAt(columns, 3, row),
        bufferAfterMs: numberAt(columns, 4, row),
        enforceRules: valueAt(columns, 5, row) as boolean | null,
      },
    }),
  ],
  [
    RULES,
    (columns, row) => ({
      kind: "addRule",
      rule: {
        id: idAt(columns, 0, row),
        resourceId: idAt(columns, 1, row),
        start: numberAt(columns, START, row),
        end: numberAt(columns, END, row),
        blocking: valueAt(columns, 4, row) as boolean,
      },
    }),
  ],
  [
    BOOKINGS,
    (columns, row) => ({
      kind: "placeBooking",
      booking: {
        id: idAt(columns, 0, row),
        resourceId: idAt(columns, 1, row),
        start: numberAt(columns, START, row),
        end: numberAt(columns, END, row),
        label: valueAt(columns, 4, row) as string | null,
      },
    }),
  ],
  [
    HOLDS,
    (columns, row) => ({
      kind: "placeHold",
      hold: {
        id: idAt(columns, 0, row),
        resourceId: idAt(columns, 1, row),
        start: numberAt(columns, START, row),
        end: numberAt(columns, END, row),
        expiresAt: numberAt(columns, 4, row),
      },
    }),
  ],
]);

/**
 * Rows in an order in which parents come before their children, else as they came: PostgreSQL looks at foreign keys at
 * the end of the statement. What is its own ancestor stays where it is, to be refused.
 */
function parentsFirst(columns: readonly CopyColumn[], count: number): Int32Array {
  const ids = columns[0] as IdColumn;
  const parents = columns[1] as IdColumn;
  const rowOf = new Map<string, number>();
  for (let row = 0; row < count; row++) rowOf.set(ids.value(row) as string, row);
  const order = new Int32Array(count);
  const isPlaced = new Uint8Array(count);
  let placed = 0;
  const chain: number[] = [];
  for (let first = 0; first < count; first++) {
    let row: number | undefined = first;
    while (row !== undefined && isPlaced[row] === 0) {
      isPlaced[row] = 1;
      chain.push(row);
      const parent = parents.value(row);
      row = parent === null ? undefined : rowOf.get(parent as string);
    }
    for (let next = chain.pop(); next !== undefined; next = chain.pop()) order[placed++] = next;
  }
  return order;
}
