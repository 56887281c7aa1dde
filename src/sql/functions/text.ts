/** Functions on text (https://www.postgresql.org/docs/current/functions-string.html). Characters are code points. */

import { createHash } from "node:crypto";
import { DeltatError, SqlState } from "../../errors.ts";
import { withEscape } from "../expressions/like.ts";
import { formatValue } from "../values/codec.ts";
import { ANY, BOOL, INT4, INT8, type PgType, TEXT, TEXT_ARRAY } from "../values/types.ts";
import type { Value } from "../values/value.ts";
import { checkedLength, PieceLengths } from "../values/value-size.ts";
import { fn, number, type SqlFunction, text } from "./signature.ts";

const characters = (value: Value | undefined): string[] => [...text(value)];

/** `substring` counts from 1 and lets the start lie before the text, where it uses up length. */
function substring(source: string, start: number, length: number | null): string {
  if (length !== null && length < 0) {
    throw new DeltatError(SqlState.substringError, "negative substring length not allowed");
  }
  const all = [...source];
  const end = length === null ? all.length : start - 1 + length;
  return all.slice(Math.max(0, start - 1), Math.max(0, end)).join("");
}

/** Where `part` begins, counted from 1; 0 if nowhere. */
function characterIndex(source: string, part: string): number {
  const at = source.indexOf(part);
  return at < 0 ? 0 : [...source.slice(0, at)].length + 1;
}

/** Without characters of `set` at its beginning, its end or both. */
function trim(source: string, set: string, fromStart: boolean, fromEnd: boolean): string {
  const all = [...source];
  const wanted = new Set(set);
  let start = 0;
  let end = all.length;
  while (fromStart && start < end && wanted.has(all[start] as string)) start++;
  while (fromEnd && end > start && wanted.has(all[end - 1] as string)) end--;
  return all.slice(start, end).join("");
}

function pad(source: string, length: number, fill: string, isLeft: boolean): string {
  const all = [...source];
  const wanted = checkedLength(length);
  if (all.length >= wanted) return all.slice(0, wanted).join("");
  const filling = [...fill];
  if (filling.length === 0) return source;
  const missing = wanted - all.length;
  const whole = fill.repeat(Math.floor(missing / filling.length));
  const padding = whole + filling.slice(0, missing % filling.length).join("");
  return isLeft ? padding + source : source + padding;
}

function repeat(source: string, count: number): string {
  if (count <= 0) return "";
  checkedLength(source.length * count);
  return source.repeat(count);
}

function translate(source: string, from: string, to: string): string {
  const targets = [...to];
  const map = new Map<string, string>();
  for (const [at, character] of [...from].entries()) {
    if (!map.has(character)) map.set(character, targets[at] ?? "");
  }
  return [...source].map((character) => map.get(character) ?? character).join("");
}

function initialCapitals(source: string): string {
  return source.toLowerCase().replace(/[\p{L}\p{N}]+/gu, (word) => {
    const [first = "", ...rest] = word;
    return first.toUpperCase() + rest.join("");
  });
}

/** Field n of a text split at each separator; counted from the end where n is negative. */
function splitPart(source: string, separator: string, n: number): string {
  if (n === 0) throw new DeltatError(SqlState.invalidParameterValue, "field position must not be zero");
  const parts = separator === "" ? [source] : source.split(separator);
  return parts.at(n > 0 ? n - 1 : n) ?? "";
}

function character(code: number): string {
  if (code === 0) throw new DeltatError(SqlState.programLimitExceeded, "null character not permitted");
  if (code < 0) throw new DeltatError(SqlState.programLimitExceeded, "character number must be positive");
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
    throw new DeltatError(SqlState.programLimitExceeded, "requested character too large for encoding");
  }
  return String.fromCodePoint(code);
}

function quoteIdentifier(name: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(name) && !RESERVED.has(name) ? name : `"${name.replaceAll('"', '""')}"`;
}

/** Names that cannot be written bare, of those that columns and tables are likely to have. */
const RESERVED = new Set(
  (
    "all analyse analyze and any array as asc asymmetric authorization between binary both case cast check " +
    "collate collation column concurrently constraint create cross current_catalog current_date current_role " +
    "current_schema current_time current_timestamp current_user default deferrable desc distinct do else end " +
    "except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into " +
    "is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on " +
    "only or order outer overlaps placing primary references returning right select session_user similar some " +
    "symmetric table tablesample then to trailing true union unique user using variadic verbose when where " +
    "window with bigint bit boolean char character coalesce dec decimal exists extract float greatest grouping " +
    "inout int integer interval least national nchar none normalize nullif numeric out overlay position " +
    "precision real row setof smallint substring time timestamp treat trim values varchar xmlattributes"
  ).split(" "),
);

function quoteLiteral(source: string): string {
  const quoted = `'${source.replaceAll("'", "''").replaceAll("\\", "\\\\")}'`;
  return source.includes("\\") ? `E${quoted}` : quoted;
}

function replace(source: string, from: string, to: string): string {
  if (from === "") return source;
  const pieces = new PieceLengths();
  return source.replaceAll(from, () => pieces.checked(to));
}

/** format('%1$-10s %I %L %%', …). */
function format(template: string, args: readonly Value[], types: readonly PgType[]): string {
  let next = 0;
  const pieces = new PieceLengths();
  const argument = (place: string | undefined): Value => {
    const at = place === undefined ? next : Number(place) - 1;
    if (at < 0)
      throw new DeltatError(
        SqlState.invalidParameterValue,
        "format specifies argument 0, but arguments are numbered from 1",
      );
    if (at >= args.length)
      throw new DeltatError(SqlState.invalidParameterValue, "too few arguments for format()");
    next = at + 1;
    return args[at] ?? null;
  };
  return template.replace(
    /%(?:(\d+)\$)?(-)?(?:\*(?:(\d+)\$)?|(\d+))?(.?)/gs,
    (specifier, place, minus, starPlace, fixedWidth, kind: string) => {
      if (kind === "%" && specifier === "%%") return "%";
      if (!"sIL".includes(kind) || kind === "") {
        throw new DeltatError(
          SqlState.invalidParameterValue,
          kind === ""
            ? "unterminated format() type specifier"
            : `unrecognized format() type specifier "${kind}"`,
          { hint: 'For a single "%" use "%%".' },
        );
      }
      const starred = specifier.includes("*") ? Number(argument(starPlace) ?? 0) : Number(fixedWidth ?? 0);
      const value = argument(place);
      const shown = formatted(kind, value, types[next - 1] ?? TEXT);
      const isLeft = minus !== undefined || starred < 0;
      const width = checkedLength(Math.abs(starred));
      return pieces.checked(isLeft ? shown.padEnd(width) : shown.padStart(width));
    },
  );
}

function formatted(kind: string, value: Value, type: PgType): string {
  if (value === null) {
    if (kind === "I")
      throw new DeltatError(
        SqlState.nullValueNotAllowed,
        "null values cannot be formatted as an SQL identifier",
      );
    return kind === "L" ? "NULL" : "";
  }
  const shown = formatValue(type, value);
  return kind === "I" ? quoteIdentifier(shown) : kind === "L" ? quoteLiteral(shown) : shown;
}

/** Splits at a separator: into characters without one, not at all at an empty one. */
function toArray(source: string | null, separator: string | null, missing: string | null): Value {
  if (source === null) return null;
  if (source === "") return [];
  const parts = separator === null ? [...source] : separator === "" ? [source] : source.split(separator);
  return parts.map((part) => (part === missing ? null : part));
}

const nullable = (value: Value | undefined): string | null => (value == null ? null : String(value));

export const TEXT_FUNCTIONS: readonly SqlFunction[] = [
  fn("upper", [TEXT], TEXT, ([a]) => text(a).toUpperCase()),
  fn("lower", [TEXT], TEXT, ([a]) => text(a).toLowerCase()),
  fn("initcap", [TEXT], TEXT, ([a]) => initialCapitals(text(a))),
  fn("length", [TEXT], INT4, ([a]) => characters(a).length),
  fn("char_length", [TEXT], INT4, ([a]) => characters(a).length),
  fn("character_length", [TEXT], INT4, ([a]) => characters(a).length),
  fn("octet_length", [TEXT], INT4, ([a]) => Buffer.byteLength(text(a))),
  fn("bit_length", [TEXT], INT4, ([a]) => Buffer.byteLength(text(a)) * 8),
  fn("btrim", [TEXT], TEXT, ([a]) => trim(text(a), " ", true, true)),
  fn("btrim", [TEXT, TEXT], TEXT, ([a, set]) => trim(text(a), text(set), true, true)),
  fn("ltrim", [TEXT], TEXT, ([a]) => trim(text(a), " ", true, false)),
  fn("ltrim", [TEXT, TEXT], TEXT, ([a, set]) => trim(text(a), text(set), true, false)),
  fn("rtrim", [TEXT], TEXT, ([a]) => trim(text(a), " ", false, true)),
  fn("rtrim", [TEXT, TEXT], TEXT, ([a, set]) => trim(text(a), text(set), false, true)),
  fn("lpad", [TEXT, INT4], TEXT, ([a, n]) => pad(text(a), number(n), " ", true)),
  fn("lpad", [TEXT, INT4, TEXT], TEXT, ([a, n, fill]) => pad(text(a), number(n), text(fill), true)),
  fn("rpad", [TEXT, INT4], TEXT, ([a, n]) => pad(text(a), number(n), " ", false)),
  fn("rpad", [TEXT, INT4, TEXT], TEXT, ([a, n, fill]) => pad(text(a), number(n), text(fill), false)),
  fn("repeat", [TEXT, INT4], TEXT, ([a, n]) => repeat(text(a), number(n))),
  fn("reverse", [TEXT], TEXT, ([a]) => characters(a).reverse().join("")),
  fn("translate", [TEXT, TEXT, TEXT], TEXT, ([a, from, to]) => translate(text(a), text(from), text(to))),
  fn("left", [TEXT, INT4], TEXT, ([a, n]) => characters(a).slice(0, number(n)).join("")),
  fn("right", [TEXT, INT4], TEXT, ([a, n]) => {
    const all = characters(a);
    return all.slice(number(n) < 0 ? -number(n) : Math.max(0, all.length - number(n))).join("");
  }),
  fn("substring", [TEXT, INT4], TEXT, ([a, from]) => substring(text(a), number(from), null)),
  fn("substring", [TEXT, INT4, INT4], TEXT, ([a, from, n]) => substring(text(a), number(from), number(n))),
  fn("substr", [TEXT, INT4], TEXT, ([a, from]) => substring(text(a), number(from), null)),
  fn("substr", [TEXT, INT4, INT4], TEXT, ([a, from, n]) => substring(text(a), number(from), number(n))),
  fn("overlay", [TEXT, TEXT, INT4], TEXT, ([a, by, from]) => overlay(text(a), text(by), number(from), null)),
  fn("overlay", [TEXT, TEXT, INT4, INT4], TEXT, ([a, by, from, n]) =>
    overlay(text(a), text(by), number(from), number(n)),
  ),
  fn("replace", [TEXT, TEXT, TEXT], TEXT, ([a, from, to]) => replace(text(a), text(from), text(to))),
  fn("strpos", [TEXT, TEXT], INT4, ([a, b]) => characterIndex(text(a), text(b))),
  fn("position", [TEXT, TEXT], INT4, ([a, b]) => characterIndex(text(a), text(b))),
  fn("starts_with", [TEXT, TEXT], BOOL, ([a, b]) => text(a).startsWith(text(b))),
  fn("split_part", [TEXT, TEXT, INT4], TEXT, ([a, by, n]) => splitPart(text(a), text(by), number(n))),
  fn("string_to_array", [TEXT, TEXT], TEXT_ARRAY, ([a, by]) => toArray(nullable(a), nullable(by), null), {
    isStrict: false,
  }),
  fn(
    "string_to_array",
    [TEXT, TEXT, TEXT],
    TEXT_ARRAY,
    ([a, by, missing]) => toArray(nullable(a), nullable(by), nullable(missing)),
    { isStrict: false },
  ),
  fn("ascii", [TEXT], INT4, ([a]) => text(a).codePointAt(0) ?? 0),
  fn("chr", [INT4], TEXT, ([code]) => character(number(code))),
  fn("md5", [TEXT], TEXT, ([a]) => createHash("md5").update(text(a)).digest("hex")),
  fn("to_hex", [INT4], TEXT, ([a]) => (number(a) >>> 0).toString(16)),
  fn("to_hex", [INT8], TEXT, ([a]) => BigInt.asUintN(64, BigInt(a as number | bigint)).toString(16)),
  fn("quote_ident", [TEXT], TEXT, ([a]) => quoteIdentifier(text(a))),
  fn("quote_literal", [TEXT], TEXT, ([a]) => quoteLiteral(text(a))),
  fn("quote_literal", [ANY], TEXT, ([a = null], _, [type]) => quoteLiteral(formatValue(type ?? TEXT, a))),
  fn("quote_nullable", [TEXT], TEXT, ([a]) => (a == null ? "NULL" : quoteLiteral(text(a))), {
    isStrict: false,
  }),
  fn("like_escape", [TEXT, TEXT], TEXT, ([pattern, sign]) => withEscape(text(pattern), text(sign))),
  fn("format", [TEXT], TEXT, ([template = null]) => format(String(template), [], [])),
  fn(
    "format",
    [TEXT, ANY],
    TEXT,
    ([template = null, ...args], _, [, ...types]) =>
      template === null ? null : format(String(template), args, types),
    { isStrict: false, isVariadic: true },
  ),
];

function overlay(source: string, by: string, from: number, length: number | null): string {
  if (from <= 0) throw new DeltatError(SqlState.substringError, "negative substring length not allowed");
  const count = length ?? [...by].length;
  return substring(source, 1, from - 1) + by + substring(source, from + count, null);
}
