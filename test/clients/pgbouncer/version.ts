/** Which PgBouncer there is, and what it can do. */

/** `1.18.0`; empty if it does not say. */
export function versionOf(program: string): string {
  const said = Bun.spawnSync([program, "--version"]).stdout.toString();
  return /^PgBouncer (\S+)/.exec(said)?.[1] ?? "";
}

/** Since 1.21 it prepares anew what a client has prepared on another connection. */
export function carriesStatements(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 21);
}
