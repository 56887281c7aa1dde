/**
 * The functions a statement may call, one line each. All are strict (NULL in, NULL out) unless they say otherwise;
 * what they need of the session comes with each call, since plans are shared by sessions.
 */

import { DeltatError, SqlState } from "../errors.ts";
import { ANY_FUNCTIONS } from "./any-functions.ts";
import { CATALOG_FUNCTIONS } from "./catalog/catalog-functions.ts";
import { withEscape } from "./like.ts";
import { compareDecimals, decimalOf, divisionByZero, formatDecimal, rescale } from "./numeric.ts";
import { REGEX_FUNCTIONS } from "./regex-functions.ts";
import { integerValue } from "./scalar-text.ts";
import type { SessionContext } from "./session-context.ts";
import { TIME_FUNCTIONS } from "./time/functions.ts";
import {
  ANY_ARRAY,
  BOOL,
  FLOAT8,
  INT4,
  INT8,
  NAME,
  NAME_ARRAY,
  NUMERIC,
  type PgType,
  TEXT,
  VOID,
} from "./types.ts";
import type { Value } from "./value.ts";

/** Types were checked when the call was compiled. */
type Body = (args: readonly Value[], session: SessionContext, types: readonly PgType[]) => Value;

export interface SqlFunction {
  readonly name: string;
  readonly parameters: readonly PgType[];
  readonly result: PgType;
  /** Whether the last parameter stands for any number of arguments. */
  readonly isVariadic: boolean;
  /** Whether a NULL argument makes the result NULL without a call. */
  readonly isStrict: boolean;
  readonly body: Body;
}

const byName = new Map<string, SqlFunction[]>();

function define(
  name: string,
  parameters: readonly PgType[],
  result: PgType,
  body: Body,
  isStrict = true,
): void {
  add({ name, parameters, result, isStrict, body, isVariadic: false });
}

function add(entry: SqlFunction): void {
  const { name } = entry;
  const overloads = byName.get(name);
  if (overloads === undefined) byName.set(name, [entry]);
  else overloads.push(entry);
}

/** The functions of this name; empty if there is none. */
export function functionsNamed(name: string): readonly SqlFunction[] {
  return byName.get(name) ?? [];
}

const text = (value: Value | undefined): string => String(value);
const number = (value: Value | undefined): number => Number(value);
const characters = (value: Value | undefined): string[] => [...text(value)];

function setting(session: SessionContext, name: string, missingIsNull: boolean): Value {
  const value = session.getSetting(name);
  if (value === null && !missingIsNull) {
    throw new DeltatError(SqlState.undefinedObject, `unrecognized configuration parameter "${name}"`);
  }
  return value;
}

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

function absolute(value: number | bigint): number | bigint {
  if (value >= 0) return value;
  const negated = typeof value === "bigint" ? integerValue(-value) : -value;
  if (typeof negated === "bigint" && negated > 9223372036854775807n) {
    throw new DeltatError(SqlState.numericValueOutOfRange, "bigint out of range");
  }
  return negated;
}

function remainder(a: number | bigint, b: number | bigint): number | bigint {
  if (Number(b) === 0) throw divisionByZero();
  return integerValue(BigInt(a) % BigInt(b));
}

function absoluteInt4(value: number): number {
  if (value === -2147483648) throw new DeltatError(SqlState.numericValueOutOfRange, "integer out of range");
  return Math.abs(value);
}

/** Rounds a float as C's rint does: halves to the even number. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Up or down to a whole number. */
function towards(direction: 1 | -1, source: string): string {
  const value = decimalOf(source);
  const cut = { digits: value.digits / 10n ** BigInt(value.scale), scale: 0 };
  const isPast = compareDecimals(value, cut) * direction > 0;
  return formatDecimal(isPast ? { digits: cut.digits + BigInt(direction), scale: 0 } : cut);
}

// The session and the server.
define("version", [], TEXT, (_, s) => `PostgreSQL ${s.getSetting("server_version") ?? ""} (deltat)`);
define("current_database", [], NAME, (_, s) => s.database);
define("current_catalog", [], NAME, (_, s) => s.database);
define("current_schema", [], NAME, () => "public");
define("current_schemas", [BOOL], NAME_ARRAY, ([all]) =>
  all === true ? ["pg_catalog", "public"] : ["public"],
);
define("current_user", [], NAME, (_, s) => s.user);
define("current_role", [], NAME, (_, s) => s.user);
define("session_user", [], NAME, (_, s) => s.user);
define("user", [], NAME, (_, s) => s.user);
define("pg_backend_pid", [], INT4, (_, s) => s.processId);
define("pg_is_in_recovery", [], BOOL, () => false);
define("pg_client_encoding", [], NAME, () => "UTF8");
define("current_setting", [TEXT], TEXT, ([name], s) => setting(s, text(name), false));
define("current_setting", [TEXT, BOOL], TEXT, ([name, ok], s) => setting(s, text(name), ok === true));
define("set_config", [TEXT, TEXT, BOOL], TEXT, ([name, value, local], s) =>
  s.setSetting(text(name), text(value), local === true),
);

const notify: Body = ([channel, payload], s) => {
  s.notify(text(channel ?? ""), text(payload ?? ""));
  return "";
};
define("pg_notify", [TEXT, TEXT], VOID, notify, false);

// Text.
define("upper", [TEXT], TEXT, ([a]) => text(a).toUpperCase());
define("lower", [TEXT], TEXT, ([a]) => text(a).toLowerCase());
define("length", [TEXT], INT4, ([a]) => characters(a).length);
define("char_length", [TEXT], INT4, ([a]) => characters(a).length);
define("character_length", [TEXT], INT4, ([a]) => characters(a).length);
define("octet_length", [TEXT], INT4, ([a]) => Buffer.byteLength(text(a)));
define("btrim", [TEXT], TEXT, ([a]) => text(a).replace(/^ +| +$/g, ""));
define("ltrim", [TEXT], TEXT, ([a]) => text(a).replace(/^ +/, ""));
define("rtrim", [TEXT], TEXT, ([a]) => text(a).replace(/ +$/, ""));
define("left", [TEXT, INT4], TEXT, ([a, n]) => characters(a).slice(0, number(n)).join(""));
define("right", [TEXT, INT4], TEXT, ([a, n]) => {
  const all = characters(a);
  return all.slice(number(n) < 0 ? -number(n) : Math.max(0, all.length - number(n))).join("");
});
define("substring", [TEXT, INT4], TEXT, ([a, from]) => substring(text(a), number(from), null));
define("substring", [TEXT, INT4, INT4], TEXT, ([a, from, n]) => substring(text(a), number(from), number(n)));
define("substr", [TEXT, INT4], TEXT, ([a, from]) => substring(text(a), number(from), null));
define("substr", [TEXT, INT4, INT4], TEXT, ([a, from, n]) => substring(text(a), number(from), number(n)));
define("replace", [TEXT, TEXT, TEXT], TEXT, ([a, from, to]) =>
  from === "" ? text(a) : text(a).replaceAll(text(from), () => text(to)),
);
define("strpos", [TEXT, TEXT], INT4, ([a, b]) => characterIndex(text(a), text(b)));
define("position", [TEXT, TEXT], INT4, ([a, b]) => characterIndex(text(a), text(b)));
define("starts_with", [TEXT, TEXT], BOOL, ([a, b]) => text(a).startsWith(text(b)));
define("quote_ident", [TEXT], TEXT, ([a]) =>
  /^[a-z_][a-z0-9_$]*$/.test(text(a)) ? text(a) : `"${text(a).replaceAll('"', '""')}"`,
);
define("quote_literal", [TEXT], TEXT, ([a]) => `'${text(a).replaceAll("'", "''")}'`);
define("like_escape", [TEXT, TEXT], TEXT, ([pattern, sign]) => withEscape(text(pattern), text(sign)));

// Numbers.
define("abs", [INT4], INT4, ([a]) => absoluteInt4(number(a)));
define("abs", [INT8], INT8, ([a]) => absolute(a as number | bigint));
define("abs", [FLOAT8], FLOAT8, ([a]) => Math.abs(number(a)));
define("abs", [NUMERIC], NUMERIC, ([a]) => text(a).replace(/^-/, ""));
define("round", [FLOAT8], FLOAT8, ([a]) => roundHalfEven(number(a)));
define("round", [NUMERIC], NUMERIC, ([a]) => formatDecimal(rescale(decimalOf(text(a)), 0)));
define("round", [NUMERIC, INT4], NUMERIC, ([a, n]) => formatDecimal(rescale(decimalOf(text(a)), number(n))));
define("ceil", [FLOAT8], FLOAT8, ([a]) => Math.ceil(number(a)));
define("ceil", [NUMERIC], NUMERIC, ([a]) => towards(1, text(a)));
define("ceiling", [FLOAT8], FLOAT8, ([a]) => Math.ceil(number(a)));
define("ceiling", [NUMERIC], NUMERIC, ([a]) => towards(1, text(a)));
define("floor", [FLOAT8], FLOAT8, ([a]) => Math.floor(number(a)));
define("floor", [NUMERIC], NUMERIC, ([a]) => towards(-1, text(a)));
define("mod", [INT4, INT4], INT4, ([a, b]) => remainder(a as number, b as number));
define("mod", [INT8, INT8], INT8, ([a, b]) => remainder(a as number, b as number));

// Arrays.
define("array_length", [ANY_ARRAY, INT4], INT4, ([a, dimension]) => {
  const items = a as readonly Value[];
  return dimension === 1 && items.length > 0 ? items.length : null;
});
define("cardinality", [ANY_ARRAY], INT4, ([a]) => (a as readonly Value[]).length);
for (const entry of [...ANY_FUNCTIONS, ...REGEX_FUNCTIONS, ...TIME_FUNCTIONS, ...CATALOG_FUNCTIONS])
  add(entry);
