/**
 * The run-time settings that psql and drivers set or ask for, one table: how each is called, what it starts
 * as, and which values it takes. A setting whose effect this server does not have takes only the values that
 * ask for what it does anyway; the rest is refused, never silently ignored.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_WORK_MEMORY_BYTES } from "../../limits.ts";
import { findZone, offsetZoneName } from "../time/time-zone.ts";

export interface SettingDefinition {
  /** Spelled as PostgreSQL shows it; looked up without regard to case. */
  readonly name: string;
  readonly initial: string;
  readonly description: string;
  /** Its changes are told to the client by ParameterStatus. */
  readonly reported: boolean;
  /** The canonical form of a value given, or undefined if it is not acceptable; null: cannot be changed. */
  readonly canonical: ((value: string) => string | undefined) | null;
}

const BOOLEAN_WORDS: ReadonlyMap<string, string> = new Map([
  ["on", "on"],
  ["true", "on"],
  ["yes", "on"],
  ["1", "on"],
  ["off", "off"],
  ["false", "off"],
  ["no", "off"],
  ["0", "off"],
]);

function booleanValue(value: string): string | undefined {
  return BOOLEAN_WORDS.get(value.trim().toLowerCase());
}

function anyText(value: string): string {
  return value;
}

/** One of the words given, in the spelling given. */
function oneOf(...words: readonly string[]): (value: string) => string | undefined {
  return (value) => words.find((word) => word.toLowerCase() === value.trim().toLowerCase());
}

function integerBetween(low: number, high: number): (value: string) => string | undefined {
  return (value) => {
    if (!/^\s*[+-]?\d+\s*$/.test(value)) return undefined;
    const number = Number(value);
    return number >= low && number <= high ? String(number) : undefined;
  };
}

/** Units of PostgreSQL's time settings, largest first (postgresql.org/docs/current/config-setting.html). */
const TIME_UNITS: readonly (readonly [unit: string, ms: number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
  ["s", 1000],
  ["ms", 1],
];

/** The number of milliseconds that a canonical value of such a setting stands for. */
export function millisecondsOf(canonical: string): number {
  const [, number = "0", unit = "ms"] = /^(\d+)([a-z]*)$/.exec(canonical) ?? [];
  return Number(number) * (TIME_UNITS.find(([name]) => name === unit)?.[1] ?? 1);
}

/** Milliseconds, shown in the largest unit that holds them exactly: `5000` is `5s`. */
function milliseconds(value: string): string | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/.exec(value);
  if (match === null) return undefined;
  const unit = match[2] ?? "ms";
  const scale = unit === "us" ? 0.001 : (TIME_UNITS.find(([name]) => name === unit)?.[1] ?? 1);
  const total = Math.round(Number(match[1]) * scale);
  if (total > 2_147_483_647) return undefined;
  if (total === 0) return "0";
  for (const [name, ms] of TIME_UNITS) if (total % ms === 0) return `${total / ms}${name}`;
  return undefined;
}

/** Bytes in kB, MB or GB, shown in the largest unit that holds them exactly; a bare number is kB. */
function memorySize(leastKb: number, mostBytes: number): (value: string) => string | undefined {
  return (value) => {
    const match = /^\s*(\d+)\s*(kB|MB|GB)?\s*$/.exec(value);
    if (match === null) return undefined;
    const kb = Number(match[1]) * (match[2] === "GB" ? 1024 ** 2 : match[2] === "MB" ? 1024 : 1);
    if (kb < leastKb || kb * 1024 > mostBytes) return undefined;
    if (kb % 1024 ** 2 === 0) return `${kb / 1024 ** 2}GB`;
    return kb % 1024 === 0 ? `${kb / 1024}MB` : `${kb}kB`;
  };
}

/** SQL_ASCII asks for bytes as they are, and they are UTF-8. */
function encodingName(value: string): string | undefined {
  const plain = value.replaceAll(/[^A-Za-z0-9]/g, "").toUpperCase();
  if (plain === "UTF8" || plain === "UNICODE") return "UTF8";
  return plain === "SQLASCII" ? "SQL_ASCII" : undefined;
}

/** Dates are written in ISO style; the order of fields is kept, since it only concerns ambiguous input. */
function dateStyle(value: string): string | undefined {
  let order = "MDY";
  for (const part of value.split(",")) {
    const word = part.trim().toUpperCase();
    if (word === "ISO" || word === "DEFAULT") continue;
    if (word === "MDY" || word === "US" || word.startsWith("NONEURO")) order = "MDY";
    else if (word === "DMY" || word.startsWith("EURO")) order = "DMY";
    else if (word === "YMD") order = "YMD";
    else return undefined;
  }
  return `ISO, ${order}`;
}

/** Any zone that exists; hours east of Greenwich in POSIX's spelling, which counts westward. */
function timeZone(value: string): string | undefined {
  const name = value.trim();
  if (/^[+-]?\d{1,2}(\.\d+)?$/.test(name)) {
    return offsetZoneName(Math.round(Number(name) * 3600));
  }
  return findZone(name)?.name;
}

const isolationLevel = oneOf("serializable", "repeatable read", "read committed", "read uncommitted");

function setting(
  name: string,
  initial: string,
  canonical: SettingDefinition["canonical"],
  description: string,
): SettingDefinition {
  return { name, initial, canonical, description, reported: false };
}

function reported(definition: SettingDefinition): SettingDefinition {
  return { ...definition, reported: true };
}

/** Version of the PostgreSQL whose grammar and protocol this server speaks. */
const SERVER_VERSION = "15.0";

export const SETTINGS: readonly SettingDefinition[] = [
  reported(setting("application_name", "", anyText, "Name that the client gives itself.")),
  setting("backslash_quote", "safe_encoding", oneOf("safe_encoding", "on", "off"), "Kept only."),
  setting("bytea_output", "hex", oneOf("hex"), "Format of binary strings."),
  setting("check_function_bodies", "on", booleanValue, "Kept only: there are no functions to create."),
  reported(setting("client_encoding", "UTF8", encodingName, "Encoding of text; always UTF-8.")),
  setting(
    "client_min_messages",
    "notice",
    oneOf("debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error"),
    "Least severity of the notices sent.",
  ),
  reported(setting("DateStyle", "ISO, MDY", dateStyle, "Format of dates; always ISO.")),
  setting("default_table_access_method", "heap", oneOf("heap"), "Kept only."),
  setting("default_tablespace", "", oneOf(""), "Kept only."),
  setting("default_transaction_deferrable", "off", booleanValue, "Kept only."),
  setting(
    "default_transaction_isolation",
    "read committed",
    isolationLevel,
    "Isolation of new transactions.",
  ),
  reported(
    setting(
      "default_transaction_read_only",
      "off",
      booleanValue,
      "Whether new transactions refuse to write.",
    ),
  ),
  setting("escape_string_warning", "on", booleanValue, "Kept only."),
  setting("extra_float_digits", "1", integerBetween(-15, 3), "Floats are always written exactly."),
  setting(
    "idle_in_transaction_session_timeout",
    "0",
    milliseconds,
    "How long a session may idle in a transaction; 0: for ever.",
  ),
  setting("idle_session_timeout", "0", milliseconds, "How long a session may idle; 0: for ever."),
  reported(setting("in_hot_standby", "off", null, "Whether this server is a standby.")),
  reported(setting("integer_datetimes", "on", null, "Whether instants are integers.")),
  reported(setting("IntervalStyle", "postgres", oneOf("postgres"), "Format of intervals.")),
  reported(setting("is_superuser", "off", null, "Whether the user is a superuser.")),
  setting("jit", "off", booleanValue, "Kept only."),
  setting("lc_messages", "C", oneOf("C", "POSIX"), "Language of messages."),
  setting("lock_timeout", "0", milliseconds, "Kept only: nothing waits for locks."),
  setting("max_identifier_length", "63", null, "Longest identifier, bytes."),
  setting("max_index_keys", "32", null, "Columns of an index at most."),
  setting("plan_cache_mode", "auto", oneOf("auto", "force_generic_plan", "force_custom_plan"), "Kept only."),
  setting("quote_all_identifiers", "off", booleanValue, "Kept only."),
  reported(setting("search_path", '"$user", public', anyText, "Kept only: the tables are in public.")),
  setting("row_security", "on", booleanValue, "Kept only: there are no policies."),
  reported(setting("server_encoding", "UTF8", null, "Encoding of stored text.")),
  reported(setting("server_version", SERVER_VERSION, null, "PostgreSQL version spoken.")),
  setting("server_version_num", "150000", null, "PostgreSQL version spoken, as a number."),
  reported(setting("session_authorization", "", null, "The user.")),
  reported(
    setting("standard_conforming_strings", "on", oneOf("on"), "Backslashes in '…' are ordinary characters."),
  ),
  setting("statement_timeout", "0", milliseconds, "How long a statement may take; 0: for ever."),
  setting("synchronize_seqscans", "on", booleanValue, "Kept only."),
  setting("synchronous_commit", "on", oneOf("on"), "A commit is durable before it is acknowledged."),
  reported(setting("TimeZone", "UTC", timeZone, "Zone in which instants are read and written as text.")),
  setting("transaction_deferrable", "off", booleanValue, "Kept only."),
  setting("transaction_isolation", "read committed", isolationLevel, "Isolation of this transaction."),
  setting("transaction_read_only", "off", booleanValue, "Whether this transaction refuses to write."),
  setting("transaction_timeout", "0", milliseconds, "Kept only, not enforced."),
  setting(
    "work_mem",
    "4GB",
    memorySize(64, MAX_WORK_MEMORY_BYTES),
    "Memory for sorting, grouping and joining; never more than DELTAT_WORK_MEM_MB.",
  ),
  setting("xmloption", "content", oneOf("content", "document"), "Kept only."),
];

const BY_LOWER_NAME: ReadonlyMap<string, SettingDefinition> = new Map(
  SETTINGS.map((definition) => [definition.name.toLowerCase(), definition]),
);

/** A name such as `app.user`: any client may keep what it likes there, as in PostgreSQL. */
const CUSTOM_NAME = /^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)+$/;

/** The setting called `name`, in any case; undefined if there is none. Custom names always exist. */
export function findSetting(name: string): SettingDefinition | undefined {
  const lower = name.toLowerCase();
  const known = BY_LOWER_NAME.get(lower);
  if (known !== undefined || !CUSTOM_NAME.test(name)) return known;
  return setting(lower, "", anyText, "");
}

/** As `findSetting`; throws 42704 if there is none. */
export function requireSetting(name: string): SettingDefinition {
  const found = findSetting(name);
  if (found !== undefined) return found;
  throw new DeltatError(SqlState.undefinedObject, `unrecognized configuration parameter "${name}"`);
}
