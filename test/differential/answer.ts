/** What a server answered, as far as it is compared: every message in words, so that two answers compare as lists. */

import type { Message } from "./connection.ts";

interface ErrorAnswer {
  readonly code: string;
  readonly message: string;
  /** 1-based, in characters; null if the error names none. */
  readonly position: string | null;
}

export interface Answer {
  /** Columns, parameter types and command tags, in the order in which they came. */
  readonly words: readonly string[];
  /** Each row as one text. */
  readonly rows: readonly string[];
  readonly error: ErrorAnswer | null;
  /** The transaction's state afterwards: I, T or E. */
  readonly status: string;
}

/** Reads fields one after the other. */
class Fields {
  private at = 0;

  constructor(private readonly body: Buffer) {}

  int16(): number {
    this.at += 2;
    return this.body.readInt16BE(this.at - 2);
  }

  int32(): number {
    this.at += 4;
    return this.body.readInt32BE(this.at - 4);
  }

  text(): string {
    const end = this.body.indexOf(0, this.at);
    const text = this.body.toString("utf8", this.at, end);
    this.at = end + 1;
    return text;
  }

  bytes(length: number): Buffer {
    this.at += length;
    return this.body.subarray(this.at - length, this.at);
  }

  /** A type letter, or 0 at the end. */
  letter(): string {
    return String.fromCharCode(this.body[this.at++] ?? 0);
  }
}

/** @param isBinary whether rows are shown as hexadecimal digits */
export function readAnswer(messages: readonly Message[], isBinary: boolean): Answer {
  const words: string[] = [];
  const rows: string[] = [];
  let error: ErrorAnswer | null = null;
  let status = "";
  for (const { type, body } of messages) {
    if (type === "T") words.push(`columns ${columnsOf(body)}`);
    else if (type === "t") words.push(`parameters ${parametersOf(body)}`);
    else if (type === "D") rows.push(rowOf(body, isBinary));
    else if (type === "C") words.push(`tag ${new Fields(body).text()}`);
    else if (type === "E") error = errorOf(body);
    else if (type === "Z") status = body.toString("latin1");
    else if (type === "n" || type === "I" || type === "s") words.push(type);
  }
  return { words, rows, error, status };
}

/** Name, type, modifier and position in its table of each column; OIDs of tables are each server's own. */
function columnsOf(body: Buffer): string {
  const fields = new Fields(body);
  return Array.from({ length: fields.int16() }, () => {
    const name = fields.text();
    const hasTable = fields.int32() !== 0;
    const attribute = fields.int16();
    const type = fields.int32();
    const length = fields.int16();
    const modifier = fields.int32();
    fields.int16();
    return `${name}:${type}/${length}/${modifier}${hasTable ? `@${attribute}` : ""}`;
  }).join(" ");
}

function parametersOf(body: Buffer): string {
  const fields = new Fields(body);
  return Array.from({ length: fields.int16() }, () => fields.int32()).join(" ");
}

function rowOf(body: Buffer, isBinary: boolean): string {
  const fields = new Fields(body);
  return Array.from({ length: fields.int16() }, () => {
    const length = fields.int32();
    if (length < 0) return "NULL";
    const bytes = fields.bytes(length);
    return isBinary ? `x${bytes.toString("hex")}` : JSON.stringify(bytes.toString());
  }).join(" ");
}

function errorOf(body: Buffer): ErrorAnswer {
  const fields = new Fields(body);
  const parts = new Map<string, string>();
  for (let letter = fields.letter(); letter !== "\0"; letter = fields.letter())
    parts.set(letter, fields.text());
  return { code: parts.get("C") ?? "", message: parts.get("M") ?? "", position: parts.get("P") ?? null };
}

/** Where two answers part, in the order of weight; null: nowhere. */
export type Difference = "error" | "columns" | "rows" | "status" | "message" | "position";

/** @param isOrdered whether the statement says in which order its rows come */
export function compareAnswers(ours: Answer, theirs: Answer, isOrdered: boolean): Difference | null {
  if (ours.error?.code !== theirs.error?.code) return "error";
  if (ours.error === null && ours.words.join("\n") !== theirs.words.join("\n")) return "columns";
  if (ours.error === null && joinRows(ours, isOrdered) !== joinRows(theirs, isOrdered)) return "rows";
  if (ours.status !== theirs.status) return "status";
  if (ours.error?.message !== theirs.error?.message) return "message";
  if (ours.error?.position !== theirs.error?.position) return "position";
  return null;
}

function joinRows({ rows }: Answer, isOrdered: boolean): string {
  return (isOrdered ? rows : rows.toSorted()).join("\n");
}

const SHOWN_ROWS = 12;

/** An answer for people to read. */
export function showAnswer({ words, rows, error, status }: Answer): string {
  const lines: string[] = [...words, ...rows.slice(0, SHOWN_ROWS)];
  if (rows.length > SHOWN_ROWS) lines.push(`… ${rows.length} rows`);
  if (error !== null) lines.push(`${error.code} ${error.message} (at ${error.position ?? "-"})`);
  lines.push(`[${status}]`);
  return lines.map((line) => `      ${line}`).join("\n");
}
