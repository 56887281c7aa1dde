/** What the environment may say, what comes of saying nothing, and that whatever else is said is refused. */

import { describe, expect, test } from "bun:test";
import { SystemClock } from "../src/clock.ts";
import { describeSettings, readConfig } from "../src/config.ts";

describe("settings", () => {
  test("have defaults, and other variables of the environment are not ours", () => {
    expect(readConfig({ PATH: "/bin", PORT: "x" })).toEqual({
      port: 5433,
      bind: "0.0.0.0",
      dataDir: "./data",
      password: "deltat",
      auth: "scram",
      tlsCert: null,
      tlsKey: null,
      tls: "optional",
      maxConnections: 1000,
      autoCreate: true,
      enforceRules: false,
      retentionMs: null,
      snapshotBytes: 67_108_864,
      historyBytes: 67_108_864,
      workMemMb: 256,
      memoryMb: 1024,
      keepAliveSeconds: 60,
    });
  });

  test("come from the environment", () => {
    expect(
      readConfig({
        DELTAT_PORT: "0",
        DELTAT_BIND: "127.0.0.1",
        DELTAT_DATA_DIR: "/srv/deltat",
        DELTAT_PASSWORD: "secret",
        DELTAT_AUTH: "Password",
        DELTAT_TLS_CERT: "/etc/deltat.crt",
        DELTAT_TLS_KEY: "/etc/deltat.key",
        DELTAT_TLS: "required",
        DELTAT_MAX_CONNECTIONS: "1",
        DELTAT_AUTO_CREATE: "FALSE",
        DELTAT_ENFORCE_RULES: "on",
        DELTAT_RETENTION_MS: "0",
        DELTAT_SNAPSHOT_BYTES: "1000000",
        DELTAT_HISTORY_BYTES: "0",
        DELTAT_WORK_MEM_MB: "64",
        DELTAT_MEMORY_MB: "128",
        DELTAT_TCP_KEEPALIVES_IDLE: "5",
      }),
    ).toEqual({
      port: 0,
      bind: "127.0.0.1",
      dataDir: "/srv/deltat",
      password: "secret",
      auth: "password",
      tlsCert: "/etc/deltat.crt",
      tlsKey: "/etc/deltat.key",
      tls: "required",
      maxConnections: 1,
      autoCreate: false,
      enforceRules: true,
      retentionMs: 0,
      snapshotBytes: 1_000_000,
      historyBytes: 0,
      workMemMb: 64,
      memoryMb: 128,
      keepAliveSeconds: 5,
    });
  });

  test.each([
    ["DELTAT_PORT", "65536"],
    ["DELTAT_PORT", "-1"],
    ["DELTAT_SNAPSHOT_BYTES", "-1"],
    ["DELTAT_HISTORY_BYTES", "1.5"],
    ["DELTAT_RETENTION_MS", "a year"],
    ["DELTAT_PORT", "5433x"],
    ["DELTAT_PORT", ""],
    ["DELTAT_AUTH", "md5"],
    ["DELTAT_TLS", "on"],
    ["DELTAT_MAX_CONNECTIONS", "0"],
    ["DELTAT_AUTO_CREATE", "maybe"],
    ["DELTAT_ENFORCE_RULES", ""],
    ["DELTAT_WORK_MEM_MB", "0"],
    ["DELTAT_MEMORY_MB", "0"],
    ["DELTAT_TCP_KEEPALIVES_IDLE", "0"],
    ["DELTAT_TCP_KEEPALIVES_IDLE", "32768"],
    ["DELTAT_BIND", ""],
    ["DELTAT_DATA_DIR", ""],
  ])("%s=%p is refused by name", (name, value) => {
    expect(() => readConfig({ [name]: value })).toThrow(new RegExp(`^${name} must be .*, not "${value}"$`));
  });

  test("retention and log may be as large as an exact number: years, gigabytes", () => {
    const year = 365 * 24 * 3_600_000;
    expect(readConfig({ DELTAT_RETENTION_MS: String(10 * year) }).retentionMs).toBe(10 * year);
    const largest = String(Number.MAX_SAFE_INTEGER);
    expect(readConfig({ DELTAT_SNAPSHOT_BYTES: largest }).snapshotBytes).toBe(Number.MAX_SAFE_INTEGER);
    expect(readConfig({ DELTAT_HISTORY_BYTES: largest }).historyBytes).toBe(Number.MAX_SAFE_INTEGER);
    expect(() => readConfig({ DELTAT_HISTORY_BYTES: "9007199254740992" })).toThrow(
      /^DELTAT_HISTORY_BYTES must/,
    );
  });

  test("a certificate and its key belong together, and TLS cannot be required without them", () => {
    for (const half of [{ DELTAT_TLS_CERT: "c.pem" }, { DELTAT_TLS_KEY: "k.pem", DELTAT_TLS_CERT: "" }]) {
      expect(() => readConfig(half)).toThrow(/^DELTAT_TLS_CERT and DELTAT_TLS_KEY belong together/);
    }
    expect(() => readConfig({ DELTAT_TLS: "required" })).toThrow(/^DELTAT_TLS=required needs a certificate/);
  });

  test("a misspelled name is refused, with the names there are", () => {
    expect(() => readConfig({ DELTAT_PROT: "5433" })).toThrow(/unknown setting DELTAT_PROT; .*DELTAT_PORT/);
  });

  test("an empty password is refused and no password is ever shown", () => {
    expect(() => readConfig({ DELTAT_PASSWORD: "" })).toThrow(
      /^DELTAT_PASSWORD must be a password that is not empty$/,
    );
  });

  test("are all in the help", () => {
    const help = describeSettings();
    for (const name of [
      "PORT",
      "BIND",
      "DATA_DIR",
      "PASSWORD",
      "AUTH",
      "TLS_CERT",
      "TLS_KEY",
      "TLS",
      "MAX_CONNECTIONS",
      "AUTO_CREATE",
      "RETENTION_MS",
      "SNAPSHOT_BYTES",
      "HISTORY_BYTES",
      "WORK_MEM_MB",
      "MEMORY_MB",
      "TCP_KEEPALIVES_IDLE",
      "ENFORCE_RULES",
    ]) {
      expect(help).toContain(`DELTAT_${name} `);
    }
    expect(help.split("\n")).toHaveLength(17);
  });
});

describe("the clock", () => {
  test("follows the system's forwards and never goes back", () => {
    const system = [1000.7, 2000, 500, 1999, 2001];
    const clock = new SystemClock(() => system.shift() ?? 0);
    expect([clock.now(), clock.now(), clock.now(), clock.now(), clock.now()]).toEqual([
      1000, 2000, 2000, 2000, 2001,
    ]);
  });
});
