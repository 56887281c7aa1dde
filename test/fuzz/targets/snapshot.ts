/**
 * Reading a snapshot that was changed, and commits that were. A changed file is refused, naming it, or read as what was
 * written. A table of sections that lies under a right checksum, and sections and commits that are no such thing, are refused
 * with an error of their own, in bounded time and memory; what replays is a state that keeps the invariant.
 */

import { ByteWriter } from "../../../src/bytes.ts";
import { decodeCommit, encodeCommand } from "../../../src/engine/codec.ts";
import type { Command } from "../../../src/engine/command.ts";
import { Engine } from "../../../src/engine/engine.ts";
import { captureSnapshot } from "../../../src/engine/snapshot.ts";
import { DeltatError } from "../../../src/errors.ts";
import { snapshotName, writeSnapshot } from "../../../src/storage/snapshot-file.ts";
import { loadSnapshot, replayCommit } from "../../../src/tenants/stored-state.ts";
import { bookingId, holdId, resourceId, ruleId } from "../../engine/stories.ts";
import { Random } from "../../seeded-random.ts";
import { MemoryFiles } from "../../storage/memory-files.ts";
import { bytesOf, latin1Of, mutateBytes } from "../mutators.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface Edit {
  readonly at: number;
  readonly bytes: string;
}

type SnapshotCase = { readonly state: number } & (
  | { readonly kind: "file"; readonly edits: readonly Edit[]; readonly cut: number | null }
  | { readonly kind: "table"; readonly entry: number; readonly field: number; readonly value: string }
  | { readonly kind: "section"; readonly section: number; readonly bytes: string }
  | { readonly kind: "commit"; readonly body: string }
);

const FOLDER = "/db";
const LSN = 42;
const NOW = 5000;
const PATH = `${FOLDER}/${snapshotName(LSN)}`;

/** How a database is read; a test puts a careless reader in its place. */
type Load = (files: MemoryFiles, engine: Engine) => void;

const loadAll: Load = (files, engine) => void loadSnapshot(files, FOLDER, engine);

export function snapshotTarget(load: Load = loadAll): Target<SnapshotCase> {
  return {
    name: "snapshot",
    timeBoundMs: 1000,
    make: makeCase,
    check(made) {
      if (made.kind === "commit") return checkCommit(made.state, bytesOf(made.body));
      const engine = engineOf(made.state);
      const files = new MemoryFiles();
      const sections = captureSnapshot(engine);
      if (made.kind === "section") sections.set(made.section, new Uint8Array(bytesOf(made.bytes)));
      writeSnapshot(files, FOLDER, { lsn: LSN, at: engine.now, sections });
      if (made.kind === "file") changeFile(files, made.edits, made.cut);
      if (made.kind === "table") changeTable(files, made.entry, made.field, made.value);
      // Sections of other numbers or contents are another snapshot, if they are one.
      const isOther = made.kind === "section" || (made.kind === "table" && made.field === 0);
      return checkLoad(files, engine, isOther, load);
    },
    *smaller(made) {
      if (made.kind === "file") {
        if (made.cut !== null) yield { ...made, cut: null };
        for (const edits of smallerLists(made.edits)) yield { ...made, edits };
      }
      if (made.kind === "section") for (const bytes of smallerTexts(made.bytes)) yield { ...made, bytes };
      if (made.kind === "commit") for (const body of smallerTexts(made.body)) yield { ...made, body };
    },
  };
}

/** Commands that fit each other, the same for the same number. */
function commandsOf(state: number): Command[] {
  const random = new Random(state);
  const resources = 1 + random.below(4);
  const text = () => random.pick([null, "", "a", "\ufeffé😀", "x".repeat(300)]);
  const commands: Command[] = [];
  for (let n = 0; n < resources; n++) {
    const parentId = n > 0 && random.chance(0.5) ? resourceId(random.below(n)) : null;
    const enforceRules = random.pick([null, true, false]);
    const capacity = 1 + random.below(3);
    commands.push({
      kind: "createResource",
      resource: {
        id: resourceId(n),
        parentId,
        name: text(),
        capacity,
        bufferAfterMs: random.below(9),
        enforceRules,
      },
    });
  }
  const span = (n: number) => ({ start: n * 100, end: n * 100 + 1 + random.below(90) });
  const owner = () => resourceId(random.below(resources));
  for (let n = random.below(5); n > 0; n--) {
    commands.push({
      kind: "addRule",
      rule: { id: ruleId(n), resourceId: owner(), ...span(n), blocking: random.chance(0.5) },
    });
  }
  for (let n = random.below(20); n > 0; n--) {
    commands.push({
      kind: "placeBooking",
      booking: { id: bookingId(n), resourceId: owner(), ...span(n), label: text() },
    });
  }
  for (let n = random.below(5); n > 0; n--) {
    commands.push({
      kind: "placeHold",
      hold: { id: holdId(n), resourceId: owner(), ...span(40 + n), expiresAt: NOW + 1 + random.below(99) },
    });
  }
  return commands;
}

function engineOf(state: number): Engine {
  const engine = new Engine();
  engine.replay(commandsOf(state), NOW);
  return engine;
}

function bodyOf(commands: readonly Command[]): string {
  const body = new ByteWriter();
  for (const command of commands) encodeCommand(body, command);
  return latin1Of(body.written());
}

const VALUES = [
  "NaN",
  "-8",
  "0",
  "8",
  "41",
  "1e300",
  "9007199254740992",
  "Infinity",
  "-Infinity",
  "4294967296",
  "0.5",
];

function makeCase(random: Random): SnapshotCase {
  const state = random.below(1000);
  switch (random.below(4)) {
    case 0: {
      const edits = Array.from({ length: 1 + random.below(3) }, () => ({
        at: random.below(random.chance(0.5) ? 800 : 4000),
        bytes: mutateBytes(random, "\0\0\0\0", []),
      }));
      return { state, kind: "file", edits, cut: random.chance(0.2) ? random.below(2000) : null };
    }
    case 1:
      return {
        state,
        kind: "table",
        entry: random.below(21),
        field: random.below(5),
        value: random.pick(VALUES),
      };
    case 2: {
      const section = 1 + random.below(21);
      const bytes = latin1Of(captureSnapshot(engineOf(state)).get(section) ?? new Uint8Array(0));
      return { state, kind: "section", section, bytes: mutateBytes(random, bytes, []) };
    }
    default: {
      const commands = commandsOf(random.below(1000));
      const from = random.below(commands.length);
      return { state, kind: "commit", body: mutateBytes(random, bodyOf(commands.slice(from, from + 4)), []) };
    }
  }
}

function changeFile(files: MemoryFiles, edits: readonly Edit[], cut: number | null): void {
  files.edit(PATH, (content) => {
    for (const { at, bytes } of edits) {
      const from = Math.min(at, content.length);
      content.set(bytesOf(bytes).subarray(0, content.length - from), from);
    }
  });
  if (cut === null) return;
  const left = files.contents(PATH).slice(0, cut);
  const fd = files.open(PATH, "create");
  files.write(fd, left, 0);
  files.close(fd);
}

/** Changes a number of the head or of the table, and makes the checksums over both right again. */
function changeTable(files: MemoryFiles, entry: number, field: number, value: string): void {
  files.edit(PATH, (content) => {
    const view = new DataView(content.buffer, content.byteOffset, content.length);
    const at = 40 + entry * 32;
    const number = Number(value);
    if (field === 0) view.setUint32(at, number);
    else if (field === 1) view.setFloat64(at + 8, number);
    else if (field === 2) view.setFloat64(at + 16, number);
    else if (field === 3) view.setUint32(12, number);
    else view.setFloat64(24, number);
    const tableEnd = Math.min(content.length, 40 + view.getUint32(12) * 32);
    view.setUint32(32, Bun.hash.crc32(content.subarray(40, tableEnd)));
    view.setUint32(36, Bun.hash.crc32(content.subarray(0, 36)));
  });
}

function checkLoad(files: MemoryFiles, original: Engine, isOther: boolean, load: Load): string | null {
  const copy = new Engine();
  try {
    load(files, copy);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    if (error.sqlState !== "XX001" && error.sqlState !== "0A000")
      return `code: ${error.sqlState} ${error.message}`;
    return error.message.includes(PATH) ? null : `nameless: no file is named: ${error.message}`;
  }
  if (isOther) return null;
  const before = captureSnapshot(original);
  for (const [section, bytes] of captureSnapshot(copy)) {
    if (Buffer.compare(bytes, before.get(section) ?? new Uint8Array(0)) === 0) continue;
    return `content: section ${section} is not what was written`;
  }
  return null;
}

function checkCommit(state: number, body: Uint8Array): string | null {
  const engine = engineOf(state);
  try {
    replayCommit(engine, { lsn: LSN, at: NOW + 1, body }, FOLDER);
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    if (error.sqlState !== "XX001") return `code: ${error.sqlState} ${error.message}`;
  }
  return unreadable(body) ?? overfull(engine);
}

/** Notes are read for the table of events alone: their reader is refused in the same words as that of commands. */
function unreadable(body: Uint8Array): string | null {
  try {
    for (const _ of decodeCommit(body));
    return null;
  } catch (error) {
    return error instanceof DeltatError && error.sqlState === "XX001" ? null : `code: ${error}`;
  }
}

/** Whether more footprints than its capacity cover an instant of some resource. */
function overfull(engine: Engine): string | null {
  const changes = new Map<string, { at: number; by: number }[]>();
  const capacities = new Map<string, number>();
  const { allocations, resources } = engine;
  const keyOf = (id: object) => JSON.stringify(id);
  for (let row = 0; row < allocations.limit; row++) {
    if (!allocations.isLive(row)) continue;
    const image = allocations.isBooking(row) ? engine.bookingImage(row) : engine.holdImage(row);
    const resource = engine.resourceImage(resources.find(image.resourceId));
    capacities.set(keyOf(resource.id), resource.capacity);
    const list = changes.get(keyOf(resource.id)) ?? [];
    list.push({ at: image.start, by: 1 }, { at: image.end + resource.bufferAfterMs, by: -1 });
    changes.set(keyOf(resource.id), list);
  }
  for (const [key, list] of changes) {
    let used = 0;
    for (const { by } of list.toSorted((a, b) => a.at - b.at || a.by - b.by)) {
      used += by;
      if (used > (capacities.get(key) ?? 0)) return `invariant: ${used} allocations at one instant of ${key}`;
    }
  }
  return null;
}
