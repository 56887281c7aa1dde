/** The commands beside `serve`: what each takes, and how it is run. Exit codes: 0 done, 1 damage or failure, 2 usage. */

import { resolve } from "node:path";
import { backup } from "./backup.ts";
import { dump } from "./dump.ts";
import { restore } from "./restore.ts";
import { writeOut } from "./standard-output.ts";
import { verify } from "./verify.ts";

export const COMMAND_HELP = `       deltat verify <folder>
                           check every frame and snapshot of a data folder, a backup or one database
       deltat backup <data folder> <target>
                           copy all databases, also of a running server; what the target has is not copied again
       deltat dump <data folder> [--database <name>]
                           print a database as COPY statements with data
       deltat restore <data folder> --database <name>
                           load such a dump from stdin into a folder that no server has open`;

/** What a command wants to say to whoever typed it wrongly. */
export class UsageError extends Error {}

const COMMANDS: ReadonlySet<string> = new Set(["verify", "backup", "dump", "restore"]);

export function isCommand(word: string): boolean {
  return COMMANDS.has(word);
}

/** Runs a command; returns its exit code. Throws UsageError, and whatever the command does. */
export async function runCommand(command: string, words: readonly string[]): Promise<number> {
  const { paths, database } = argumentsOf(words);
  const print = (line: string): void => writeOut(`${line}\n`);
  const path = (at: number, what: string): string => {
    const found = paths[at];
    if (found === undefined) throw new UsageError(`deltat ${command} needs ${what}`);
    return resolve(found);
  };
  const count = command === "backup" ? 2 : 1;
  if (paths.length > count) throw new UsageError(`unknown argument ${JSON.stringify(paths[count])}`);
  const takesDatabase = command === "dump" || command === "restore";
  if (database !== null && !takesDatabase) throw new UsageError(`deltat ${command} takes no --database`);
  switch (command) {
    case "verify":
      return verify(path(0, "a folder"), print) ? 0 : 1;
    case "backup":
      await backup(path(0, "a data folder"), path(1, "a target"), print);
      return 0;
    case "dump":
      dump(path(0, "a folder"), database, writeOut);
      return 0;
    default:
      if (database === null) throw new UsageError("deltat restore needs --database <name>");
      await restore(path(0, "a data folder"), database, Bun.stdin.stream(), (message) =>
        process.stderr.write(`deltat: warning: ${message}\n`),
      );
      return 0;
  }
}

function argumentsOf(words: readonly string[]): {
  readonly paths: string[];
  readonly database: string | null;
} {
  const paths: string[] = [];
  let database: string | null = null;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === "--database") {
      database = words[++at] ?? null;
      if (database === null) throw new UsageError("--database needs a name");
    } else if (word.startsWith("-")) throw new UsageError(`unknown option ${word}`);
    else paths.push(word);
  }
  return { paths, database };
}
