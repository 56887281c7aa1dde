/**
 * What the runner knows of a client that is not of JavaScript's world, or needs a program of its own: a folder with a
 * small real project, how to get what it is made with, and how to start it.
 *
 * The project learns by its environment where the server is (PGHOST, PGPORT, PGUSER, PGPASSWORD, PGDATABASE, and
 * DATABASE_URL, which says the same) and what to tell (STORY: the path of a JSON file with what `newStory` makes). It
 * uses databases of any name, which deltat makes. On stdout each line says one thing, by its first word:
 *
 *     version <client> <version>        what tells
 *     story <client> <JSON>             what it saw: an `Outcome` of ../story.ts, in one line
 *     ok <client> <what>                something beyond the story that went as it should
 *
 * Other lines are shown as they come. It exits with 0 if all was well, and says on stderr what was not.
 */

import type { ServerProcess } from "../../server/harness.ts";
import type { Outcome } from "../story.ts";

export type Command = readonly [program: string, ...args: string[]];

/** A program that must be on the PATH. */
export interface NeededProgram {
  readonly program: string;
  /** Debian's package that brings it: installed if this runs as root and it is missing. */
  readonly debian?: string;
}

/** Something that stands between the client and the server. */
export interface Front {
  readonly port: number;
  stop(): Promise<void>;
}

export interface ForeignClient {
  /** The name by which it is run, and its folder beside this one. */
  readonly name: string;
  readonly needs: readonly NeededProgram[];
  /**
   * Who tells the story, by the name in its `story` line, and which parts of the outcome it cannot know. Each must
   * tell it.
   */
  readonly tellers: Readonly<Record<string, readonly (keyof Outcome)[]>>;
  /** Gets what others have written, from the registries that the tools are set up for. One that fails: skipped. */
  readonly fetch: readonly Command[];
  /** Makes it ready to run, without the network. One that fails: the client failed. */
  readonly build: readonly Command[];
  readonly run: Command;
  /** Where it runs, if not in a temporary copy of its folder. */
  readonly inPlace?: string;
  /** Variables on top of those above. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Settings of the server. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Starts what stands in front; `folder` is its own, and goes when all is over. */
  front?(server: ServerProcess, folder: string): Promise<Front>;
}
