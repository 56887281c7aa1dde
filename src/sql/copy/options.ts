/**
 * What COPY says about its data: format, header, and the characters of the text formats
 * (https://www.postgresql.org/docs/current/sql-copy.html), in the checks and words of PostgreSQL.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { type CopyStmt, type DefElem, type Node, nameParts } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";

type CopyFormat = "text" | "csv" | "binary";

export interface CopyOptions {
  readonly format: CopyFormat;
  /** The first line names the columns; `match`: and they must be those expected. */
  readonly header: boolean | "match";
  /** A byte, as are quote and escape. */
  readonly delimiter: number;
  readonly quote: number;
  readonly escape: number;
  /** What stands for NULL, UTF-8. */
  readonly nullText: Uint8Array;
  /** Columns whose values are always quoted; `*`: all. */
  readonly forceQuote: readonly string[] | "*";
}

const NOT_SUPPORTED: ReadonlySet<string> = new Set([
  "freeze",
  "default",
  "force_null",
  "force_not_null",
  "on_error",
  "log_verbosity",
  "reject_limit",
]);
const KNOWN: ReadonlySet<string> = new Set([
  "format",
  "header",
  "delimiter",
  "quote",
  "escape",
  "null",
  "force_quote",
  "encoding",
]);

const UTF8_NAMES: ReadonlySet<string> = new Set(["utf8", "utf-8", "unicode"]);

/** PostgreSQL's list of what cannot delimit text: these characters mean something behind a backslash. */
const NOT_TEXT_DELIMITERS = "\\.abcdefghijklmnopqrstuvwxyz0123456789";

const encoder = new TextEncoder();

/**
 * @param position of a location in the statement, as errors tell it
 * Throws 42601, 22023, 0A000.
 */
export function copyOptions(node: CopyStmt, position: (location: number | undefined) => number): CopyOptions {
  const given = new Map<string, DefElem>();
  for (const item of node.options ?? []) {
    if (!("DefElem" in item)) continue;
    const option = item.DefElem;
    const name = option.defname ?? "";
    const at = { position: position(option.location) };
    if (NOT_SUPPORTED.has(name)) throw notSupported(`COPY option ${name.toUpperCase()}`);
    if (!KNOWN.has(name)) throw new DeltatError(SqlState.syntaxError, `option "${name}" not recognized`, at);
    if (given.has(name)) throw new DeltatError(SqlState.syntaxError, "conflicting or redundant options", at);
    given.set(name, option);
  }
  const encoding = textOf(given, "encoding");
  if (encoding !== null && !UTF8_NAMES.has(encoding.toLowerCase())) {
    throw notSupported(`COPY with encoding ${encoding}`);
  }
  const isFrom = node.is_from === true;
  const format = formatOf(given, position);
  const header = headerOf(given.get("header"), isFrom);
  if (format === "binary") return binaryOptions(given, header);
  const options = {
    format,
    header,
    delimiter: singleByte(textOf(given, "delimiter") ?? (format === "csv" ? "," : "\t"), "delimiter"),
    nullText: encoder.encode(textOf(given, "null") ?? (format === "csv" ? "" : "\\N")),
    ...csvOptions(given, format, isFrom),
  };
  checkCharacters(options);
  return options;
}

function formatOf(
  given: ReadonlyMap<string, DefElem>,
  position: (location: number | undefined) => number,
): CopyFormat {
  const name = textOf(given, "format");
  if (name === null) return "text";
  if (name === "text" || name === "csv" || name === "binary") return name;
  throw new DeltatError(SqlState.invalidParameterValue, `COPY format "${name}" not recognized`, {
    position: position(given.get("format")?.location),
  });
}

function binaryOptions(given: ReadonlyMap<string, DefElem>, header: CopyOptions["header"]): CopyOptions {
  for (const name of ["delimiter", "null"]) {
    if (!given.has(name)) continue;
    throw new DeltatError(SqlState.syntaxError, `cannot specify ${name.toUpperCase()} in BINARY mode`);
  }
  if (header !== false) throw unsuitable("cannot specify HEADER in BINARY mode");
  const csv = csvOptions(given, "binary", false);
  return { format: "binary", header, delimiter: 0, nullText: new Uint8Array(0), ...csv };
}

function csvOptions(given: ReadonlyMap<string, DefElem>, format: CopyFormat, isFrom: boolean) {
  if (format !== "csv") {
    for (const name of ["quote", "escape", "force_quote"]) {
      if (given.has(name)) throw unsuitable(`COPY ${name.replace("_", " ")} available only in CSV mode`);
    }
  }
  if (isFrom && given.has("force_quote")) throw unsuitable("COPY force quote only available using COPY TO");
  const quote = singleByte(textOf(given, "quote") ?? '"', "quote");
  const escapeText = textOf(given, "escape");
  return {
    quote,
    escape: escapeText === null ? quote : singleByte(escapeText, "escape"),
    forceQuote: columnsOf(given.get("force_quote")),
  };
}

function checkCharacters({ format, delimiter, quote, nullText }: CopyOptions): void {
  const character = String.fromCharCode(delimiter);
  if (character === "\n" || character === "\r") {
    throw invalid("COPY delimiter cannot be newline or carriage return");
  }
  if (nullText.includes(10) || nullText.includes(13)) {
    throw invalid("COPY null representation cannot use newline or carriage return");
  }
  if (format === "text" && NOT_TEXT_DELIMITERS.includes(character)) {
    throw invalid(`COPY delimiter cannot be "${character}"`);
  }
  if (format === "csv" && delimiter === quote) throw invalid("COPY delimiter and quote must be different");
  if (nullText.includes(delimiter)) {
    throw invalid("COPY delimiter must not appear in the NULL specification");
  }
  if (format === "csv" && nullText.includes(quote)) {
    throw invalid("CSV quote character must not appear in the NULL specification");
  }
}

function headerOf(option: DefElem | undefined, isFrom: boolean): boolean | "match" {
  if (option === undefined) return false;
  const text = argumentText(option.arg)?.toLowerCase() ?? "true";
  if (text === "match") {
    if (!isFrom) throw unsuitable('cannot use "match" with HEADER in COPY TO');
    return "match";
  }
  if (text === "true" || text === "on" || text === "1") return true;
  if (text === "false" || text === "off" || text === "0") return false;
  throw new DeltatError(SqlState.syntaxError, 'header requires a Boolean value or "match"');
}

function columnsOf(option: DefElem | undefined): readonly string[] | "*" {
  const { arg } = option ?? {};
  if (arg === undefined) return [];
  if ("A_Star" in arg) return "*";
  if ("List" in arg) return nameParts(arg.List.items);
  throw new DeltatError(
    SqlState.invalidParameterValue,
    'argument to option "force_quote" must be a list of column names',
  );
}

/** The text of an option's argument; null where the option is not given. Throws 42601 for one without an argument. */
function textOf(given: ReadonlyMap<string, DefElem>, name: string): string | null {
  const option = given.get(name);
  if (option === undefined) return null;
  const text = argumentText(option.arg);
  if (text === null) throw new DeltatError(SqlState.syntaxError, `${name} requires a parameter`);
  return text;
}

function argumentText(arg: Node | undefined): string | null {
  if (arg === undefined) return null;
  if ("String" in arg) return arg.String.sval ?? "";
  if ("Boolean" in arg) return arg.Boolean.boolval === true ? "true" : "false";
  if ("Integer" in arg) return String(arg.Integer.ival ?? 0);
  if ("Float" in arg) return arg.Float.fval ?? "";
  return null;
}

function singleByte(text: string, what: string): number {
  if (text.length === 1 && text.charCodeAt(0) < 128) return text.charCodeAt(0);
  throw unsuitable(`COPY ${what} must be a single one-byte character`);
}

function unsuitable(message: string): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, message);
}

function invalid(message: string): DeltatError {
  return new DeltatError(SqlState.invalidParameterValue, message);
}
