/**
 * COPY. Data in text, csv and binary, changed, is taken or refused in the same way however it comes split, with the same
 * words and the same line in them. And rows with all sorts of labels go out, are understood by a plain reader of the format,
 * and come in again as they were.
 */

import { DeltatError } from "../../../src/errors.ts";
import type { Random } from "../../seeded-random.ts";
import { id, type TestClient, TestDatabase } from "../../sql/sql-fixture.ts";
import { bytesOf, latin1Of, mutateBytes, pieces } from "../mutators.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface Format {
  readonly name: "text" | "csv" | "binary";
  /** What stands in parentheses behind WITH. */
  readonly options: string;
  readonly delimiter: string;
  readonly nullText: string;
  readonly quote: string;
  readonly escapeSign: string;
  readonly hasHeader: boolean;
  /** FORCE_QUOTE, which only COPY TO has. */
  readonly isForced: boolean;
}

type CopyCase =
  | { readonly kind: "read"; readonly format: Format; readonly chunks: readonly string[] }
  | { readonly kind: "round trip"; readonly format: Format; readonly labels: readonly (string | null)[] };

/** What sends the data to the server; a test puts one in its place that loses a byte between two pieces. */
type Send = (client: TestClient, statement: string, chunks: readonly Uint8Array[]) => string;

const sendAll: Send = (client, statement, chunks) => client.copyIn(statement, ...chunks);

export function copyTarget(send: Send = sendAll): Target<CopyCase> {
  let client: TestClient | null = null;
  return {
    name: "copy",
    timeBoundMs: 2000,
    make: makeCase,
    check(made) {
      client ??= connect();
      if (made.kind === "round trip") return checkRoundTrip(client, made.format, made.labels);
      return checkRead(client, made.format, made.chunks, send);
    },
    *smaller(made) {
      if (made.kind === "read") {
        for (const chunks of smallerLists(made.chunks, smallerTexts)) yield { ...made, chunks };
        return;
      }
      const smallerLabels = (label: string | null) => (label === null ? [] : smallerTexts(label));
      for (const labels of smallerLists(made.labels, smallerLabels)) yield { ...made, labels };
    },
  };
}

function connect(): TestClient {
  const client = new TestDatabase().connect();
  client.run(`INSERT INTO resources (id, capacity) VALUES ('${id(1)}', 1000)`);
  return client;
}

function makeFormat(random: Random): Format {
  const name = random.pick(["text", "csv", "binary"] as const);
  if (name === "binary") {
    return {
      name,
      options: "FORMAT binary",
      delimiter: "",
      nullText: "",
      quote: "",
      escapeSign: "",
      hasHeader: false,
      isForced: false,
    };
  }
  const isCsv = name === "csv";
  const delimiter = random.pick(isCsv ? [",", ",", ";", "\t"] : ["\t", "\t", "|", ";"]);
  const nullText = random.pick(isCsv ? ["", "", "NULL"] : ["\\N", "\\N", "", "NULL"]);
  const quote = isCsv ? random.pick(['"', '"', "'"]) : "";
  const escapeSign = isCsv ? random.pick([quote, quote, "\\", "!"]) : "";
  const hasHeader = random.chance(0.2);
  const parts = [`FORMAT ${name}`, `DELIMITER ${literal(delimiter)}`, `NULL ${literal(nullText)}`];
  if (isCsv) parts.push(`QUOTE ${literal(quote)}`, `ESCAPE ${literal(escapeSign)}`);
  if (hasHeader) parts.push("HEADER");
  return {
    name,
    options: parts.join(", "),
    delimiter,
    nullText,
    quote,
    escapeSign,
    hasHeader,
    isForced: isCsv && random.chance(0.2),
  };
}

function literal(text: string): string {
  return `E'${text.replaceAll("\\", "\\\\").replaceAll("'", "''").replaceAll("\t", "\\t")}'`;
}

const LABELS = [
  "",
  "a",
  " b ",
  "\\N",
  "\\.",
  "NULL",
  "x,y",
  'say "hi"',
  "it's",
  "a\tb",
  "line\nbreak",
  "cr\rlf\r\n",
  "\\",
  "\\\\n",
  "é😀",
  ";|!",
  "\u0001\b\f\v",
  '!"',
  "\n",
  "\ufeffbom",
];

function makeCase(random: Random): CopyCase {
  const format = makeFormat(random);
  if (random.chance(0.3)) {
    const labels = Array.from({ length: 1 + random.below(5) }, () =>
      random.chance(0.2)
        ? null
        : random.chance(0.3)
          ? random.pick(LABELS) + random.pick(LABELS)
          : random.pick(LABELS),
    );
    return { kind: "round trip", format, labels };
  }
  const rows = Array.from({ length: random.below(4) }, (_, n) => fieldsOf(random, n));
  const data = encoded(format, rows, random);
  const changed = random.chance(0.85) ? mutateBytes(random, data, PARTS) : data;
  return { kind: "read", format, chunks: pieces(random, changed) };
}

const PARTS = [
  "\\.\n",
  "\\N",
  "\r\n",
  "\n\n",
  '""',
  "\\x41\\101",
  "\t",
  latin1Of(Buffer.from("é")),
  "\xff\xff",
];

function fieldsOf(random: Random, n: number): (string | null)[] {
  return [
    id(100 + n),
    id(1),
    String(n * 10),
    String(n * 10 + 5),
    random.chance(0.2) ? null : random.pick(LABELS),
  ];
}

/** The data as another program would write it, in Latin-1 for the bytes of UTF-8. */
function encoded(format: Format, rows: readonly (readonly (string | null)[])[], random: Random): string {
  if (format.name === "binary") return latin1Of(binaryData(rows));
  const lineEnd = random.chance(0.2) ? "\r\n" : "\n";
  const lines = rows.map((row) => row.map((field) => fieldText(format, field)).join(format.delimiter));
  if (format.hasHeader) lines.unshift(["id", "resource_id", "start", "end", "label"].join(format.delimiter));
  const end = random.chance(0.2) ? `\\.${lineEnd}` : "";
  return latin1Of(Buffer.from(lines.map((line) => line + lineEnd).join("") + end));
}

function fieldText(format: Format, field: string | null): string {
  if (field === null) return format.nullText;
  if (format.name === "csv") {
    const special = new RegExp(
      `[${[format.quote, format.escapeSign].map((sign) => `\\${sign}`).join("")}]`,
      "g",
    );
    return format.quote + field.replace(special, (sign) => format.escapeSign + sign) + format.quote;
  }
  return field
    .replaceAll("\\", "\\\\")
    .replaceAll("\n", "\\n")
    .replaceAll("\r", "\\r")
    .replaceAll(format.delimiter, `\\${format.delimiter === "\t" ? "t" : format.delimiter}`);
}

function binaryData(rows: readonly (readonly (string | null)[])[]): Buffer {
  const parts = [Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")];
  const int16 = (value: number) => Buffer.from([(value >> 8) & 255, value & 255]);
  for (const row of rows) {
    parts.push(int16(row.length));
    for (const [column, field] of row.entries()) {
      const bytes =
        field === null ? Buffer.alloc(0) : column === 2 || column === 3 ? int64(field) : Buffer.from(field);
      const length = Buffer.alloc(4);
      length.writeInt32BE(field === null ? -1 : bytes.length);
      parts.push(length, Buffer.from(bytes));
    }
  }
  return Buffer.concat([...parts, int16(-1)]);
}

function int64(text: string): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(text));
  return bytes;
}

/** What came of a COPY FROM, taken back afterwards: the tag, or the error with its place, and the rows. */
function loaded(client: TestClient, format: Format, chunks: readonly Uint8Array[], send: Send): string {
  client.run("BEGIN");
  try {
    const tag = send(client, `COPY bookings FROM STDIN WITH (${format.options})`, chunks);
    return `${tag} ${JSON.stringify(client.rows("SELECT * FROM bookings ORDER BY id"))}`;
  } catch (error) {
    if (!(error instanceof DeltatError) || error.sqlState === "XX000") throw error;
    return `${error.sqlState} ${error.message} ${error.fields.where ?? ""} ${error.fields.detail ?? ""}`;
  } finally {
    client.run("ROLLBACK");
  }
}

function checkRead(client: TestClient, format: Format, chunks: readonly string[], send: Send): string | null {
  const whole = loaded(client, format, [bytesOf(chunks.join(""))], sendAll);
  const split = loaded(client, format, chunks.map(bytesOf), send);
  return split === whole ? null : `split: in pieces ${split}, as a whole ${whole}`;
}

function checkRoundTrip(
  client: TestClient,
  format: Format,
  labels: readonly (string | null)[],
): string | null {
  const rows = labels.map((label, n) => [id(100 + n), id(1), String(n * 10), String(n * 10 + 5), label]);
  client.run("BEGIN");
  try {
    for (const row of rows) {
      client.prepared(
        'INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)',
        row,
      );
    }
    const forced = format.isForced ? ", FORCE_QUOTE *" : "";
    const sent = Buffer.from(client.copyOut(`COPY bookings TO STDOUT WITH (${format.options}${forced})`));
    // Text cannot tell a value that reads as NULL does from NULL.
    const isNone = (field: string | null) =>
      format.name === "text" && field === format.nullText && !/\\/.test(field);
    const expected = JSON.stringify(rows.map((row) => row.map((field) => (isNone(field) ? null : field))));
    const understood = JSON.stringify(plainlyRead(format, sent).sort());
    if (understood !== expected) return `out: ${JSON.stringify(latin1Of(sent))} reads as ${understood}`;
    client.run("DELETE FROM bookings");
    const half = sent.length >> 1;
    client.copyIn(
      `COPY bookings FROM STDIN WITH (${format.options})`,
      sent.subarray(0, half),
      sent.subarray(half),
    );
    const back = JSON.stringify(client.rows("SELECT * FROM bookings ORDER BY id"));
    return back === expected ? null : `in: ${JSON.stringify(latin1Of(sent))} comes back as ${back}`;
  } finally {
    client.run("ROLLBACK");
  }
}

/** The rows of what COPY TO has sent, header left out. */
function plainlyRead(format: Format, data: Buffer): (string | null)[][] {
  if (format.name === "binary") return binaryRows(data);
  const text = data.toString("utf8");
  const rows = format.name === "csv" ? csvRows(format, text) : textRows(format, text);
  return format.hasHeader ? rows.slice(1) : rows;
}

const UNESCAPED: Readonly<Record<string, string>> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v" };

function textRows({ delimiter, nullText }: Format, text: string): (string | null)[][] {
  const isPlain = new RegExp(`(?:\\\\[^]|[^\\\\])*?(?=${delimiter === "|" ? "\\|" : delimiter}|$)`, "y");
  return text
    .split("\n")
    .slice(0, -1)
    .map((line) => {
      const fields: (string | null)[] = [];
      for (let at = 0; at <= line.length; ) {
        isPlain.lastIndex = at;
        const field = isPlain.exec(line)?.[0] ?? "";
        fields.push(
          field === nullText ? null : field.replace(/\\(.)/gs, (_, sign: string) => UNESCAPED[sign] ?? sign),
        );
        at += field.length + 1;
      }
      return fields;
    });
}

function csvRows({ delimiter, nullText, quote, escapeSign }: Format, text: string): (string | null)[][] {
  const rows: (string | null)[][] = [];
  const row: (string | null)[] = [];
  let field = "";
  let isQuoted = false;
  let isInside = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at] ?? "";
    const next = text[at + 1] ?? "";
    if (isInside && sign === escapeSign && (next === quote || next === escapeSign)) field += text[++at];
    else if (sign === quote) {
      isInside = !isInside;
      isQuoted = true;
    } else if (!isInside && (sign === delimiter || sign === "\n")) {
      row.push(!isQuoted && field === nullText ? null : field);
      field = "";
      isQuoted = false;
      if (sign === "\n") rows.push(row.splice(0));
    } else field += sign;
  }
  return rows;
}

function binaryRows(data: Buffer): (string | null)[][] {
  const rows: (string | null)[][] = [];
  for (let at = 19; data.readInt16BE(at) >= 0; ) {
    const count = data.readInt16BE(at);
    at += 2;
    const row: (string | null)[] = [];
    for (let column = 0; column < count; column++) {
      const length = data.readInt32BE(at);
      const bytes = data.subarray(at + 4, at + 4 + Math.max(0, length));
      at += 4 + Math.max(0, length);
      if (length < 0) row.push(null);
      else row.push(column === 2 || column === 3 ? String(bytes.readBigInt64BE()) : bytes.toString("utf8"));
    }
    rows.push(row);
  }
  return rows;
}
