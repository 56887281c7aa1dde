/**
 * The settings of the server, one table: from it the environment is read (nowhere else), and `--help` printed.
 * A DELTAT_ name that is not in it is refused, since a misspelled setting that is ignored does harm quietly.
 */

import { DeltatError, SqlState } from "./errors.ts";
import { DEFAULT_MEMORY_MB, DEFAULT_WORK_MEM_MB } from "./limits.ts";

export interface Config {
  readonly port: number;
  readonly bind: string;
  readonly dataDir: string;
  readonly password: string;
  /** How the password is proved. */
  readonly auth: "scram" | "password";
  /** Paths of PEM files; both or neither. */
  readonly tlsCert: string | null;
  readonly tlsKey: string | null;
  readonly tls: "optional" | "required";
  readonly maxConnections: number;
  readonly keepAliveSeconds: number;
  readonly autoCreate: boolean;
  readonly enforceRules: boolean;
  readonly workMemMb: number;
  /** What all clients may hold together. */
  readonly memoryMb: number;
  /** Bytes of log after which a snapshot is made; 0: never by itself. */
  readonly snapshotBytes: number;
  /** Bytes of log that stay behind a snapshot. */
  readonly historyBytes: number;
  /** Bookings that ended so long ago are dropped; null: never. */
  readonly retentionMs: number | null;
}

export const DEFAULT_PASSWORD = "deltat";

const PREFIX = "DELTAT_";

interface Setting<T> {
  readonly name: string;
  readonly initial: string;
  readonly description: string;
  /** The value of a text, or undefined if it is none. */
  readonly parse: (text: string) => T | undefined;
  /** What a text must be, for the message that refuses it. */
  readonly expected: string;
}

type SettingTable = { readonly [Key in keyof Config]: Setting<Config[Key]> };

const SETTINGS: SettingTable = {
  port: {
    name: "DELTAT_PORT",
    initial: "5433",
    description: "TCP port to listen on; 0 takes any free one",
    parse: (text) => integerBetween(text, 0, 65_535),
    expected: "an integer from 0 to 65535",
  },
  bind: {
    name: "DELTAT_BIND",
    initial: "0.0.0.0",
    description: "Address to listen on",
    parse: nonEmpty,
    expected: "an address",
  },
  dataDir: {
    name: "DELTAT_DATA_DIR",
    initial: "./data",
    description: "Folder that holds the databases",
    parse: nonEmpty,
    expected: "a folder",
  },
  password: {
    name: "DELTAT_PASSWORD",
    initial: DEFAULT_PASSWORD,
    description: "Password of the user deltat",
    parse: nonEmpty,
    expected: "a password that is not empty",
  },
  auth: {
    name: "DELTAT_AUTH",
    initial: "scram",
    description: "How the password is proved: scram, or password (sent as it is)",
    parse: (text) => oneOf(text, ["scram", "password"]),
    expected: "scram or password",
  },
  tlsCert: {
    name: "DELTAT_TLS_CERT",
    initial: "",
    description: "PEM file of the TLS certificate, with its chain",
    parse: (text) => (text === "" ? null : text),
    expected: "a file",
  },
  tlsKey: {
    name: "DELTAT_TLS_KEY",
    initial: "",
    description: "PEM file of the certificate's private key",
    parse: (text) => (text === "" ? null : text),
    expected: "a file",
  },
  tls: {
    name: "DELTAT_TLS",
    initial: "optional",
    description: "Whether clients must use TLS: optional, or required",
    parse: (text) => oneOf(text, ["optional", "required"]),
    expected: "optional or required",
  },
  maxConnections: {
    name: "DELTAT_MAX_CONNECTIONS",
    initial: "1000",
    description: "Clients served at the same time",
    parse: (text) => integerBetween(text, 1, 100_000),
    expected: "an integer from 1 to 100000",
  },
  keepAliveSeconds: {
    name: "DELTAT_TCP_KEEPALIVES_IDLE",
    initial: "60",
    description: "Seconds of silence after which a client is asked by TCP whether it is still there",
    parse: (text) => integerBetween(text, 1, 32_767),
    expected: "an integer from 1 to 32767",
  },
  autoCreate: {
    name: "DELTAT_AUTO_CREATE",
    initial: "true",
    description: "Make a database when a client first connects to it",
    parse: booleanWord,
    expected: "true or false",
  },
  enforceRules: {
    name: "DELTAT_ENFORCE_RULES",
    initial: "false",
    description: "Refuse bookings outside open time where a resource does not say otherwise",
    parse: booleanWord,
    expected: "true or false",
  },
  retentionMs: {
    name: "DELTAT_RETENTION_MS",
    initial: "",
    description: "Drop bookings that ended so many milliseconds ago; empty: never",
    parse: (text) => (text === "" ? null : integerBetween(text, 0, Number.MAX_SAFE_INTEGER)),
    expected: "a number of milliseconds, 0 or more, or nothing",
  },
  snapshotBytes: {
    name: "DELTAT_SNAPSHOT_BYTES",
    initial: "67108864",
    description: "Bytes of log after which a snapshot of a database is made; 0: only by CHECKPOINT",
    parse: (text) => integerBetween(text, 0, Number.MAX_SAFE_INTEGER),
    expected: "a number of bytes, 0 or more",
  },
  historyBytes: {
    name: "DELTAT_HISTORY_BYTES",
    initial: "67108864",
    description: "Bytes of log that stay behind a snapshot, for the table events",
    parse: (text) => integerBetween(text, 0, Number.MAX_SAFE_INTEGER),
    expected: "a number of bytes, 0 or more",
  },
  workMemMb: {
    name: "DELTAT_WORK_MEM_MB",
    initial: String(DEFAULT_WORK_MEM_MB),
    description: "MiB that the unfinished results and cursors of one session may hold",
    parse: (text) => integerBetween(text, 1, 1_000_000),
    expected: "an integer from 1 to 1000000",
  },
  memoryMb: {
    name: "DELTAT_MEMORY_MB",
    initial: String(DEFAULT_MEMORY_MB),
    description: "MiB that the statements and buffers of all clients may hold together",
    parse: (text) => integerBetween(text, 1, 1_000_000),
    expected: "an integer from 1 to 1000000",
  },
};

const SECRETS: ReadonlySet<string> = new Set([SETTINGS.password.name]);

/**
 * The settings that `environment` gives, and the defaults of the others. Throws DeltatError F0000 for a value
 * that cannot be, and for a DELTAT_ name that is no setting.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  refuseUnknown(Object.keys(environment));
  const config: Config = {
    port: read(SETTINGS.port, environment),
    bind: read(SETTINGS.bind, environment),
    dataDir: read(SETTINGS.dataDir, environment),
    password: read(SETTINGS.password, environment),
    auth: read(SETTINGS.auth, environment),
    tlsCert: read(SETTINGS.tlsCert, environment),
    tlsKey: read(SETTINGS.tlsKey, environment),
    tls: read(SETTINGS.tls, environment),
    maxConnections: read(SETTINGS.maxConnections, environment),
    keepAliveSeconds: read(SETTINGS.keepAliveSeconds, environment),
    autoCreate: read(SETTINGS.autoCreate, environment),
    enforceRules: read(SETTINGS.enforceRules, environment),
    retentionMs: read(SETTINGS.retentionMs, environment),
    snapshotBytes: read(SETTINGS.snapshotBytes, environment),
    historyBytes: read(SETTINGS.historyBytes, environment),
    workMemMb: read(SETTINGS.workMemMb, environment),
    memoryMb: read(SETTINGS.memoryMb, environment),
  };
  refuseHalfOfTls(config);
  return config;
}

function refuseHalfOfTls({ tlsCert, tlsKey, tls }: Config): void {
  if ((tlsCert === null) !== (tlsKey === null)) {
    throw new DeltatError(
      SqlState.configFileError,
      "DELTAT_TLS_CERT and DELTAT_TLS_KEY belong together: one is set, the other is not",
    );
  }
  if (tls === "required" && tlsCert === null) {
    throw new DeltatError(
      SqlState.configFileError,
      "DELTAT_TLS=required needs a certificate: set DELTAT_TLS_CERT and DELTAT_TLS_KEY",
    );
  }
}

/** The settings, one a line: name, what it is for, default. */
export function describeSettings(): string {
  const settings = Object.values(SETTINGS);
  const width = Math.max(...settings.map((setting) => setting.name.length));
  return settings
    .map(
      (setting) =>
        `  ${setting.name.padEnd(width)}  ${setting.description} (default: ${setting.initial || "none"})`,
    )
    .join("\n");
}

function read<T>(setting: Setting<T>, environment: Readonly<Record<string, string | undefined>>): T {
  const text = environment[setting.name] ?? setting.initial;
  const value = setting.parse(text);
  if (value !== undefined) return value;
  const given = SECRETS.has(setting.name) ? "" : `, not "${text}"`;
  throw new DeltatError(SqlState.configFileError, `${setting.name} must be ${setting.expected}${given}`);
}

function refuseUnknown(names: readonly string[]): void {
  const known = new Set<string>(Object.values(SETTINGS).map((setting) => setting.name));
  const unknown = names.filter((name) => name.startsWith(PREFIX) && !known.has(name));
  if (unknown.length === 0) return;
  throw new DeltatError(
    SqlState.configFileError,
    `unknown setting ${unknown.join(", ")}; the settings are ${[...known].join(", ")}`,
  );
}

function integerBetween(text: string, low: number, high: number): number | undefined {
  if (!/^\d{1,16}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= low && value <= high ? value : undefined;
}

function nonEmpty(text: string): string | undefined {
  return text === "" ? undefined : text;
}

function oneOf<Word extends string>(text: string, words: readonly Word[]): Word | undefined {
  return words.find((word) => word === text.toLowerCase());
}

function booleanWord(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case "true":
    case "on":
    case "yes":
    case "1":
      return true;
    case "false":
    case "off":
    case "no":
    case "0":
      return false;
    default:
      return undefined;
  }
}
