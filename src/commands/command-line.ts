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
       deltat dump <data folder> [--database <name> | --all] [--salvage]
                           print a database, or all, as COPY statements with data, also of a running server;
                           with --salvage what can be read of one that is damaged
       deltat restore <data folder> --database <name> | --all
                           load such a dump from stdin into a folder that no server has open`;

/** What a command wants to say to whoever typed it wrongly. */
export class UsageError extends Error {}

const COMMANDS: ReadonlySet<string> = new Set(["verify", "backup", "dump", "restore"]);

export function isCommand(word: string): boolean {
  return COMMANDS.has(word);
}

const OPTIONS: Readonly<Record<string, readonly (keyof Options)[]>> = {
  verify: [],
  backup: [],
  dump: ["database", "all", "salvage"],
  restore: ["database", "all"],
};

interface Options {
  database?: string;
  all?: true;
  salvage?: true;
}

/** Runs a command; returns its exit code. Throws UsageError, and whatever the command does. */
export async function runCommand(command: string, words: readonly string[]): Promise<number> {
  const { paths, options } = argumentsOf(command, words);
  const print = (line: string): void => writeOut(`${line}\n`);
  const warn = (message: string): void => void process.stderr.write(`deltat: warning: ${message}\n`);
  const path = (at: number, what: string): string => {
    const found = paths[at];
    // The empty word of a variable that is not set would be the folder at hand.
    if (found === undefined || found === "") throw new UsageError(`deltat ${command} needs ${what}`);
    return resolve(found);
  };
  const count = command === "backup" ? 2 : 1;
  if (paths.length > count) throw new UsageError(`unknown argument ${JSON.stringify(paths[count])}`);
  const { database = null, all = false, salvage = false } = options;
  if (all && database !== null) throw new UsageError("--all and --database exclude each other");
  switch (command) {
    case "verify":
      return verify(path(0, "a folder"), print) ? 0 : 1;
    case "backup":
      await backup(path(0, "a data folder"), path(1, "a target"), print);
      return 0;
    case "dump":
      return dump(path(0, "a folder"), { database, all, salvage }, writeOut, warn) ? 0 : 1;
    default: {
      const dataDir = path(0, "a data folder");
      if (database === null && !all) throw new UsageError("deltat restore needs --database <name>, or --all");
      await restore(dataDir, database, Bun.stdin.stream(), warn);
      return 0;
    }
  }
}

function argumentsOf(
  command: string,
  words: readonly string[],
): { readonly paths: readonly string[]; readonly options: Options } {
  const paths: string[] = [];
  const options: Options = {};
  const allowed = OPTIONS[command] ?? [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (!word.startsWith("-")) {
      paths.push(word);
      continue;
    }
    const [, name = "", , value] = /^--([a-z]+)(=(.*))?$/s.exec(word) ?? [];
    const option = allowed.find((known) => known === name);
    if (option === undefined) throw new UsageError(`deltat ${command} has no option ${word}`);
    if (options[option] !== undefined) throw new UsageError(`--${option} is given twice`);
    if (option === "database") {
      const named = value ?? words[++at];
      if (named === undefined) throw new UsageError("--database needs a name");
      options.database = named;
    } else if (value === undefined) options[option] = true;
    else throw new UsageError(`--${option} takes no value`);
  }
  return { paths, options };
}
