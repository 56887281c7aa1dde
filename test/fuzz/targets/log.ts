/**
 * Reading a log whose files were changed: bits, lengths, sectors and whole ranges, frames sealed anew, files cut or gone.
 * Either opening it is refused, naming file and offset, or its commits are the first of those that were written, unchanged;
 * if some are missing at the end, there is a warning of a torn tail, or nothing but zeros is left where they were.
 */

import { DeltatError } from "../../../src/errors.ts";
import { inspectLog } from "../../../src/storage/log-reader.ts";
import type { Random } from "../../seeded-random.ts";
import { appendCommit, bodyOf, FOLDER, type OpenedLog, openLog } from "../../storage/log-fixture.ts";
import { MemoryFiles } from "../../storage/memory-files.ts";
import { bytesOf, latin1Of, mutateBytes } from "../mutators.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

/** Lengths of the bodies of commits, by the group that one sync made durable. */
type Groups = readonly (readonly number[])[];

/** `bytes` replaces what stands at `at` of the file, or `length` bytes of zeros do. */
interface Edit {
  readonly file: number;
  readonly at: number;
  readonly bytes: string;
}

interface LogCase {
  readonly groups: Groups;
  readonly isClosed: boolean;
  readonly edits: readonly Edit[];
  /** The file whose end is cut, and how much is left; null: none. */
  readonly cut: readonly [file: number, length: number] | null;
  /** The file that is gone, or -1. */
  readonly gone: number;
}

/** How a log is opened; a test puts a careless reader in its place. */
type Open = (files: MemoryFiles) => Pick<OpenedLog, "commits" | "cuts">;

export function logTarget(open: Open = openLog): Target<LogCase> {
  return {
    name: "log",
    timeBoundMs: 1000,
    make(random) {
      const groups = Array.from({ length: 1 + random.below(8) }, () =>
        Array.from({ length: 1 + random.below(4) }, () => random.pick([0, 1, 8, 33, 200, 700, 1500])),
      );
      const isClosed = random.chance(0.5);
      const files = written(groups, isClosed);
      const names = logNames(files);
      const edits = Array.from({ length: 1 + random.below(3) }, () => makeEdit(random, files, names));
      const cut = random.chance(0.05) ? ([random.below(names.length), random.below(4097)] as const) : null;
      return { groups, isClosed, edits, cut, gone: random.chance(0.03) ? random.below(names.length) : -1 };
    },
    check(made) {
      const files = written(made.groups, made.isClosed);
      const names = logNames(files);
      const ends = frameEnds(files, names);
      for (const edit of made.edits) apply(files, names, edit);
      if (made.cut !== null) cutFile(files, names[made.cut[0]], made.cut[1]);
      const gone = names[made.gone];
      if (gone !== undefined) files.remove(`${FOLDER}/${gone}`);
      return verdict(files, made.groups.flat(), ends, open);
    },
    *smaller(made) {
      if (made.cut !== null) yield { ...made, cut: null };
      if (made.gone >= 0) yield { ...made, gone: -1 };
      for (const edits of smallerLists(made.edits, smallerEdits)) yield { ...made, edits };
      for (const groups of smallerLists(made.groups)) if (groups.length > 0) yield { ...made, groups };
    },
  };
}

function* smallerEdits(edit: Edit): Generator<Edit> {
  for (const bytes of smallerTexts(edit.bytes)) if (bytes !== "") yield { ...edit, bytes };
}

function logNames(files: MemoryFiles): string[] {
  return files.list(FOLDER).sort();
}

function written(groups: Groups, isClosed: boolean): MemoryFiles {
  const files = new MemoryFiles();
  const { log } = openLog(files);
  for (const lengths of groups) {
    for (const length of lengths) appendCommit(log, length);
    log.flush();
  }
  // In blocking mode all of it is written before this returns; what it waits for is the next segment.
  if (isClosed) void log.close();
  return files;
}

function makeEdit(random: Random, files: MemoryFiles, names: readonly string[]): Edit {
  const file = random.below(names.length);
  const whole = files.contents(`${FOLDER}/${names[file]}`);
  let end = whole.length;
  while (end > 0 && whole[end - 1] === 0) end--;
  const at = random.below(end + 9);
  const length = random.pick([1, 1, 4, 4, 32, 512, 2000]);
  const old = latin1Of(whole.subarray(at, at + length));
  if (random.chance(0.3)) return { file, at, bytes: "\0".repeat(length) };
  if (random.chance(0.2)) {
    // Another place's bytes: what a disk does that writes a block to the wrong place.
    const from = random.below(end + 1) & ~7;
    return { file, at: at & ~7, bytes: latin1Of(whole.subarray(from, from + length)) };
  }
  const bytes = mutateBytes(random, old, []).slice(0, Math.max(1, old.length));
  return { file, at, bytes };
}

function apply(files: MemoryFiles, names: readonly string[], { file, at, bytes }: Edit): void {
  const name = names[file];
  if (name === undefined) return;
  files.edit(`${FOLDER}/${name}`, (content) => {
    content.set(bytesOf(bytes).subarray(0, Math.max(0, content.length - at)), Math.min(at, content.length));
  });
}

function cutFile(files: MemoryFiles, name: string | undefined, length: number): void {
  if (name === undefined) return;
  const path = `${FOLDER}/${name}`;
  const left = files.contents(path).slice(0, length);
  const fd = files.open(path, "create");
  files.write(fd, left, 0);
  files.sync(fd);
  files.close(fd);
}

/** Of a segment, and of a frame. */
const HEADER_BYTES = 32;

const REFUSALS = ["XX001", "0A000"];

function verdict(
  files: MemoryFiles,
  lengths: readonly number[],
  ends: readonly { name: string; end: number }[],
  open: Open,
): string | null {
  const before = snapshotOf(files);
  const untouched = files.clone();
  const inspected = outcomeOf(() => inspectLog(files, FOLDER, 0, "all", () => undefined)?.lastLsn ?? 0);
  if (snapshotOf(files) !== before) return "changed: reading alone has changed a file";
  let opened: Pick<OpenedLog, "commits" | "cuts">;
  try {
    opened = open(files);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    if (!REFUSALS.includes(error.sqlState)) return `code: ${error.sqlState} ${error.message}`;
    if (!error.message.includes(FOLDER)) return `nameless: no file is named: ${error.message}`;
    if (snapshotOf(files) !== before) return "changed: a refused log has been changed";
    return inspected === error.message ? null : `inspect: it said ${inspected}, opening ${error.message}`;
  }
  const { commits, cuts } = opened;
  for (const [i, { lsn, at, body }] of commits.entries()) {
    const isRight =
      lsn === i + 1 && at === 1000 + i && Buffer.compare(body, bodyOf(lsn, lengths[i] ?? -1)) === 0;
    if (!isRight || i >= lengths.length) return `content: commit ${i + 1} is not what was written`;
  }
  if (inspected !== String(commits.length)) return `inspect: it said ${inspected}, opening ${commits.length}`;
  if (commits.length === lengths.length || cuts.length > 0) return null;
  if (isZeroBehind(untouched, ends[commits.length - 1])) return null;
  return `silent: ${lengths.length - commits.length} commits are missing without a word`;
}

function outcomeOf(read: () => number): string {
  try {
    return String(read());
  } catch (error) {
    if (error instanceof DeltatError) return error.message;
    throw error;
  }
}

/** All files, as one text to compare. */
function snapshotOf(files: MemoryFiles): string {
  return logNames(files)
    .map((name) => `${name}:${latin1Of(files.contents(`${FOLDER}/${name}`))}`)
    .join("\n");
}

/** Where the frame of each commit ends, read from a log that nobody has touched. */
function frameEnds(files: MemoryFiles, names: readonly string[]): { name: string; end: number }[] {
  const ends: { name: string; end: number }[] = [];
  for (const name of names) {
    const content = Buffer.from(files.contents(`${FOLDER}/${name}`));
    for (let at = HEADER_BYTES; at + HEADER_BYTES <= content.length; ) {
      const length = content.readUInt32BE(at + 4);
      if (length === 0) break;
      at += Math.ceil(length / 8) * 8;
      if (content.readUInt32BE(at - Math.ceil(length / 8) * 8 + 12) === 1) ends.push({ name, end: at });
    }
  }
  return ends;
}

/** Whether no byte is left behind the last commit that is kept: then it looks as if no other had ever been written. */
function isZeroBehind(files: MemoryFiles, last: { name: string; end: number } | undefined): boolean {
  return logNames(files)
    .filter((name) => name.endsWith(".log") && (last === undefined || name >= last.name))
    .every((name) => {
      const from = name === last?.name ? last.end : HEADER_BYTES;
      return files
        .contents(`${FOLDER}/${name}`)
        .subarray(from)
        .every((byte) => byte === 0);
    });
}
