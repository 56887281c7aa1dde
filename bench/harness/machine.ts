/** The machine and the versions that figures come from: without them they mean nothing. */

import { cpus, release, totalmem } from "node:os";
import { findPostgres } from "../../test/postgres-server.ts";

export function describeMachine(): string {
  const processors = cpus();
  const cores = `${processors[0]?.model}, ${processors.length} cores`;
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cores}, ${memory}, ${process.platform} ${release()}, ${fileSystem(import.meta.dir)}`;
}

/** What a program says of its version, or that it is not there. */
function versionOf(program: string | null): string {
  if (program === null) return "not installed";
  const { stdout } = Bun.spawnSync([program, "--version"], { stderr: "ignore" });
  return stdout.toString().split("\n")[0] ?? "";
}

/** Name and version of everything that takes part. */
export function versions(): Record<string, string> {
  const postgres = findPostgres();
  return {
    bun: Bun.version,
    postgres: versionOf(postgres === null ? null : `${postgres}/postgres`),
    pgbench: versionOf(Bun.which("pgbench")),
    cc: versionOf(Bun.which("cc")),
  };
}

/** The type of the file system that a folder is on. */
export function fileSystem(folder: string): string {
  const command = ["df", "--output=fstype", folder];
  const { stdout, success } = Bun.spawnSync(command, { stderr: "ignore" });
  return (success ? stdout.toString().trim().split("\n")[1] : undefined) ?? "file system unknown";
}
