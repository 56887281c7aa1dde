/**
 * The settings of one session. They follow the transaction as in PostgreSQL: SET lasts if it commits and is
 * undone if it does not, SET LOCAL ends with the transaction either way.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import {
  findSetting,
  millisecondsOf,
  requireSetting,
  SETTINGS,
  type SettingDefinition,
} from "./setting-definitions.ts";

/** What one setting will be, while a transaction that touched it is open. */
interface TransactionChange {
  readonly afterCommit: string | undefined;
}

const NO_REPORTS: readonly never[] = [];

/** Settings that end with the transaction, however they are set. */
const TRANSACTION_SETTINGS: ReadonlySet<string> = new Set([
  "transaction_isolation",
  "transaction_read_only",
  "transaction_deferrable",
]);

/** What one SET replaced, for ROLLBACK TO. */
interface Replaced {
  readonly name: string;
  readonly value: string | undefined;
  readonly change: TransactionChange | undefined;
}

/** Keys of a start-up packet that are no settings. */
const STARTUP_KEYS: ReadonlySet<string> = new Set(["user", "database", "options", "replication"]);

export class Settings {
  /** By lower-case name, where they differ from `starting`. */
  private readonly values = new Map<string, string>();
  /** What RESET goes back to: what the client asked for at start-up. */
  private readonly starting = new Map<string, string>();
  private readonly changes = new Map<string, TransactionChange>();
  private replaced: Replaced[] = [];
  private readonly unreported = new Set<string>();
  private readonly lastReported = new Map<string, string>();
  /** transaction_read_only, at hand because every write asks. */
  isReadOnly = false;
  /** default_transaction_read_only, because every transaction asks. */
  startsReadOnly = false;
  /** Whether transaction_isolation is one above read committed: what is read must not change before the commit. */
  isSerializable = false;
  /** default_transaction_isolation, because every transaction asks. */
  startsIsolation = "read committed";
  /** TimeZone, because every instant that is read or written asks. */
  timeZone = "UTC";
  /** statement_timeout and the two of idle sessions, milliseconds, 0: none; every statement asks. */
  statementTimeoutMs = 0;
  idleInTransactionTimeoutMs = 0;
  idleTimeoutMs = 0;

  /**
   * @param startupOptions the start-up packet's keys and values; `options` may hold `-c name=value`.
   * Throws 42704 or 22023 for a setting that cannot be had.
   */
  constructor(user: string, startupOptions: ReadonlyMap<string, string>) {
    this.starting.set("session_authorization", user);
    for (const [name, value] of commandLineSettings(startupOptions.get("options") ?? "")) {
      this.setStarting(name, value);
    }
    for (const [name, value] of startupOptions) {
      if (!STARTUP_KEYS.has(name) && !name.startsWith("_pq_.")) this.setStarting(name, value);
    }
    this.startsReadOnly = this.starting.get("default_transaction_read_only") === "on";
    this.startsIsolation = this.starting.get("default_transaction_isolation") ?? "read committed";
    this.readTimeouts();
    this.timeZone = this.get("TimeZone");
    for (const definition of SETTINGS) {
      if (definition.reported) this.unreported.add(definition.name);
    }
  }

  /** The value of a setting that exists. Throws 42704. */
  get(name: string): string {
    return this.valueOf(requireSetting(name));
  }

  /** The value, or undefined for a setting that does not exist or a custom one that was never set. */
  find(name: string): string | undefined {
    const definition = findSetting(name);
    if (definition === undefined) return undefined;
    const lower = definition.name.toLowerCase();
    if (lower.includes(".")) return this.values.get(lower) ?? this.starting.get(lower);
    return this.valueOf(definition);
  }

  /** Throws 42704 (no such setting), 55P02 (cannot be changed) or 22023 (not a value for it). */
  set(name: string, value: string, local: boolean): void {
    const definition = requireSetting(name);
    this.change(definition, acceptedValue(definition, value), local);
  }

  /** Back to what it was at start-up. Throws 42704 or 55P02. */
  reset(name: string, local: boolean): void {
    const definition = requireSetting(name);
    refuseReadOnly(definition);
    this.change(definition, undefined, local);
  }

  resetAll(): void {
    for (const name of [...this.values.keys()]) {
      const definition = requireSetting(name);
      if (!definition.name.startsWith("transaction_")) this.change(definition, undefined, false);
    }
  }

  commit(): void {
    if (this.changes.size === 0) return;
    for (const [name, change] of this.changes) this.store(name, change.afterCommit);
    this.changes.clear();
    this.replaced = [];
  }

  rollback(): void {
    if (this.replaced.length > 0) this.rollbackTo(0);
  }

  /** How much the open transaction has set: for `rollbackTo`. */
  get mark(): number {
    return this.replaced.length;
  }

  rollbackTo(mark: number): void {
    for (let i = this.replaced.length - 1; i >= mark; i--) {
      const { name, value, change } = this.replaced[i] as Replaced;
      this.store(name, value);
      if (change === undefined) this.changes.delete(name);
      else this.changes.set(name, change);
    }
    this.replaced.length = Math.min(this.replaced.length, mark);
  }

  /** Name, value and description of every setting that SHOW ALL lists. */
  all(): readonly (readonly [name: string, value: string, description: string])[] {
    return SETTINGS.map((definition) => [definition.name, this.valueOf(definition), definition.description]);
  }

  /** Reported settings that the client does not know yet; at first all of them. */
  takeReports(): readonly (readonly [name: string, value: string])[] {
    if (this.unreported.size === 0) return NO_REPORTS;
    const reports: [string, string][] = [];
    for (const name of this.unreported) {
      const value = this.get(name);
      if (this.lastReported.get(name) === value) continue;
      this.lastReported.set(name, value);
      reports.push([name, value]);
    }
    this.unreported.clear();
    return reports;
  }

  private valueOf(definition: SettingDefinition): string {
    const lower = definition.name.toLowerCase();
    const value = this.values.get(lower) ?? this.starting.get(lower);
    if (value === undefined && lower.includes(".")) {
      throw new DeltatError(
        SqlState.undefinedObject,
        `unrecognized configuration parameter "${definition.name}"`,
      );
    }
    return value ?? definition.initial;
  }

  private setStarting(name: string, value: string): void {
    const definition = requireSetting(name);
    this.starting.set(definition.name.toLowerCase(), acceptedValue(definition, value));
  }

  /** `value` undefined: the value at start-up. */
  private change(definition: SettingDefinition, value: string | undefined, local: boolean): void {
    const lower = definition.name.toLowerCase();
    const current = this.values.get(lower);
    const change = this.changes.get(lower);
    this.replaced.push({ name: lower, value: current, change });
    const afterCommit = change === undefined ? current : change.afterCommit;
    const isOfTransaction = local || TRANSACTION_SETTINGS.has(lower);
    this.changes.set(lower, { afterCommit: isOfTransaction ? afterCommit : value });
    this.store(lower, value);
  }

  private store(lower: string, value: string | undefined): void {
    if (value === undefined) this.values.delete(lower);
    else this.values.set(lower, value);
    if (lower === "transaction_read_only") this.isReadOnly = value === "on";
    if (lower === "default_transaction_read_only") {
      this.startsReadOnly = (value ?? this.starting.get(lower)) === "on";
    }
    if (lower === "transaction_isolation") {
      this.isSerializable = value === "serializable" || value === "repeatable read";
    }
    if (lower === "default_transaction_isolation") {
      this.startsIsolation = value ?? this.starting.get(lower) ?? "read committed";
    }
    if (lower.endsWith("timeout")) this.readTimeouts();
    if (lower === "timezone") this.timeZone = this.get("TimeZone");
    const definition = findSetting(lower);
    if (definition?.reported) this.unreported.add(definition.name);
  }

  private readTimeouts(): void {
    this.statementTimeoutMs = millisecondsOf(this.get("statement_timeout"));
    this.idleInTransactionTimeoutMs = millisecondsOf(this.get("idle_in_transaction_session_timeout"));
    this.idleTimeoutMs = millisecondsOf(this.get("idle_session_timeout"));
  }
}

function refuseReadOnly(definition: SettingDefinition): void {
  if (definition.canonical !== null) return;
  throw new DeltatError(
    SqlState.cantChangeRuntimeParameter,
    `parameter "${definition.name}" cannot be changed`,
  );
}

function acceptedValue(definition: SettingDefinition, value: string): string {
  refuseReadOnly(definition);
  const canonical = definition.canonical?.(value);
  if (canonical !== undefined) return canonical;
  throw new DeltatError(
    SqlState.invalidParameterValue,
    `invalid value for parameter "${definition.name}": "${value}"`,
  );
}

/** The settings in a start-up packet's `options`: `-c name=value`, `-cname=value` or `--name=value`. */
function commandLineSettings(options: string): [string, string][] {
  const settings: [string, string][] = [];
  const words = options.match(/(?:\\.|[^\s\\])+/g)?.map((word) => word.replaceAll(/\\(.)/g, "$1")) ?? [];
  for (let i = 0; i < words.length; i++) {
    let word = words[i] as string;
    if (word === "-c") word = words[++i] ?? "";
    else if (word.startsWith("-c") || word.startsWith("--")) word = word.slice(2);
    else throw unknownOption(word);
    const equals = word.indexOf("=");
    if (equals <= 0) throw unknownOption(word);
    settings.push([word.slice(0, equals).replaceAll("-", "_"), word.slice(equals + 1)]);
  }
  return settings;
}

function unknownOption(word: string): DeltatError {
  return new DeltatError(SqlState.syntaxError, `invalid command-line argument for server process: ${word}`);
}
