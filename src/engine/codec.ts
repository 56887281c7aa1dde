/**
 * Commands as bytes, for the log: a kind byte, then the fields in the order of docs/storage-format.md, numbers
 * big-endian. Instants and durations are float64, as the engine holds them; a text is its length in bytes + 1 as
 * u32 (0: null) and its UTF-8. Between commands stand notes, of which replay needs nothing: with them the events of a
 * commit can be told from its bytes alone, without the state before it (events-of-commit.ts).
 */

import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import type { Id } from "../id.ts";
import type { BookingImage, Command, HoldImage, ResourceImage, RuleImage } from "./command.ts";

/** Kind bytes. They are on disk: never reuse or renumber one. */
const KIND = {
  createResource: 1,
  updateResource: 2,
  deleteResource: 3,
  addRule: 4,
  updateRule: 5,
  removeRule: 6,
  placeBooking: 7,
  moveBooking: 8,
  cancelBooking: 9,
  placeHold: 10,
  changeHold: 11,
  releaseHold: 12,
  confirmHold: 13,
  forgetBooking: 14,
} as const satisfies Record<Command["kind"], number>;

/** Kind bytes of notes; the numbers below are for commands. */
const NOTE = { removals: 128, span: 129, firstEvent: 130 } as const;

/** The tables of rows that a note names, by their number on disk. */
const TABLES = ["resource", "rule", "booking", "hold"] as const;

export interface RemovedRow {
  readonly table: (typeof TABLES)[number];
  readonly id: Id;
}

export type Note =
  /** Rows of one resource that went, or became others, in order: by the command before, or, before any, by expiry. */
  | { readonly kind: "removals"; readonly resourceId: Id; readonly rows: readonly RemovedRow[] }
  /** The span of the hold that the command before made a booking. */
  | { readonly kind: "span"; readonly start: number; readonly end: number }
  /** `seq` of the first event of this commit, were there one. */
  | { readonly kind: "firstEvent"; readonly seq: number };

const KIND_NAMES = new Map<number, Command["kind"]>(
  Object.entries(KIND).map(([name, code]) => [code, name as Command["kind"]]),
);

export function encodeCommand(out: ByteWriter, command: Command): void {
  out.u8(KIND[command.kind]);
  switch (command.kind) {
    case "createResource":
    case "updateResource":
      writeResource(out, command.resource);
      break;
    case "addRule":
    case "updateRule":
      writeRule(out, command.rule);
      break;
    case "placeBooking":
    case "moveBooking":
      writeBooking(out, command.booking);
      break;
    case "placeHold":
    case "changeHold":
      writeHold(out, command.hold);
      break;
    case "deleteResource":
    case "removeRule":
    case "cancelBooking":
    case "forgetBooking":
    case "releaseHold":
      writeId(out, command.id);
      break;
    case "confirmHold":
      writeId(out, command.bookingId);
      writeId(out, command.holdId);
      writeText(out, command.label);
      break;
  }
}

export function encodeNote(out: ByteWriter, note: Note): void {
  out.u8(NOTE[note.kind]);
  switch (note.kind) {
    case "removals":
      writeId(out, note.resourceId);
      out.u32(note.rows.length);
      for (const { table, id } of note.rows) {
        out.u8(TABLES.indexOf(table));
        writeId(out, id);
      }
      break;
    case "span":
      out.f64(note.start);
      out.f64(note.end);
      break;
    case "firstEvent":
      out.f64(note.seq);
      break;
  }
}

/** The commands of one commit. Throws DeltatError XX001 on bytes that are none. */
export function decodeCommands(bytes: Uint8Array): Command[] {
  const reader = new CommandReader(bytes);
  const commands: Command[] = [];
  while (!reader.atEnd()) if (reader.note() === null) commands.push(reader.command());
  return commands;
}

/** The commands and notes of one commit, in order. Throws DeltatError XX001 on bytes that are none. */
export function* decodeCommit(bytes: Uint8Array): Generator<Command | Note> {
  const reader = new CommandReader(bytes);
  while (!reader.atEnd()) yield reader.note() ?? reader.command();
}

/** `seq` of the first event of a commit, where it says so: then that is the first thing in it. Else null. */
export function firstEventOf(bytes: Uint8Array): number | null {
  if (bytes[0] !== NOTE.firstEvent) return null;
  const note = new CommandReader(bytes).note();
  return note?.kind === "firstEvent" ? note.seq : null;
}

function writeId(out: ByteWriter, id: Id): void {
  out.reserve(16);
  const { view, length } = out;
  view.setUint32(length, id.w0);
  view.setUint32(length + 4, id.w1);
  view.setUint32(length + 8, id.w2);
  view.setUint32(length + 12, id.w3);
  out.length = length + 16;
}

function writeText(out: ByteWriter, text: string | null): void {
  const lengthAt = out.length;
  out.u32(0);
  if (text !== null) out.patchI32(lengthAt, out.utf8(text) + 1);
}

function writeResource(out: ByteWriter, resource: ResourceImage): void {
  writeId(out, resource.id);
  out.u8(resource.parentId === null ? 0 : 1);
  if (resource.parentId !== null) writeId(out, resource.parentId);
  writeText(out, resource.name);
  out.u32(resource.capacity);
  out.f64(resource.bufferAfterMs);
  out.u8(resource.enforceRules === null ? 0 : resource.enforceRules ? 2 : 1);
}

function writeRule(out: ByteWriter, rule: RuleImage): void {
  writeId(out, rule.id);
  writeId(out, rule.resourceId);
  out.f64(rule.start);
  out.f64(rule.end);
  out.u8(rule.blocking ? 1 : 0);
}

function writeBooking(out: ByteWriter, booking: BookingImage): void {
  writeId(out, booking.id);
  writeId(out, booking.resourceId);
  out.f64(booking.start);
  out.f64(booking.end);
  writeText(out, booking.label);
}

function writeHold(out: ByteWriter, hold: HoldImage): void {
  writeId(out, hold.id);
  writeId(out, hold.resourceId);
  out.f64(hold.start);
  out.f64(hold.end);
  out.f64(hold.expiresAt);
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class CommandReader {
  private readonly view: DataView;
  private offset = 0;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  atEnd(): boolean {
    return this.offset === this.bytes.length;
  }

  /** The note that comes next; null, and nothing read, where there is none. */
  note(): Note | null {
    switch (this.bytes[this.offset]) {
      case NOTE.removals:
        this.u8();
        return { kind: "removals", resourceId: this.id(), rows: this.removedRows() };
      case NOTE.span:
        this.u8();
        return { kind: "span", start: this.f64(), end: this.f64() };
      case NOTE.firstEvent:
        this.u8();
        return { kind: "firstEvent", seq: this.f64() };
      default:
        return null;
    }
  }

  private removedRows(): RemovedRow[] {
    const count = this.u32();
    const rows: RemovedRow[] = [];
    for (let i = 0; i < count; i++) {
      const table = TABLES[this.u8()];
      if (table === undefined)
        throw corrupted(`unknown table in a note at byte ${this.offset - 1} of a commit`);
      rows.push({ table, id: this.id() });
    }
    return rows;
  }

  command(): Command {
    const code = this.u8();
    const kind = KIND_NAMES.get(code);
    switch (kind) {
      case "createResource":
      case "updateResource":
        return { kind, resource: this.resource() };
      case "addRule":
      case "updateRule":
        return { kind, rule: this.rule() };
      case "placeBooking":
      case "moveBooking":
        return { kind, booking: this.booking() };
      case "placeHold":
      case "changeHold":
        return { kind, hold: this.hold() };
      case "deleteResource":
      case "removeRule":
      case "cancelBooking":
      case "forgetBooking":
      case "releaseHold":
        return { kind, id: this.id() };
      case "confirmHold":
        return { kind, bookingId: this.id(), holdId: this.id(), label: this.text() };
      case undefined:
        throw corrupted(`unknown command kind ${code} at byte ${this.offset - 1} of a commit`);
    }
  }

  private resource(): ResourceImage {
    const id = this.id();
    const parentId = this.u8() === 0 ? null : this.id();
    const name = this.text();
    const capacity = this.u32();
    const bufferAfterMs = this.f64();
    const enforce = this.u8();
    return {
      id,
      parentId,
      name,
      capacity,
      bufferAfterMs,
      enforceRules: enforce === 0 ? null : enforce === 2,
    };
  }

  private rule(): RuleImage {
    return {
      id: this.id(),
      resourceId: this.id(),
      start: this.f64(),
      end: this.f64(),
      blocking: this.u8() === 1,
    };
  }

  private booking(): BookingImage {
    return { id: this.id(), resourceId: this.id(), start: this.f64(), end: this.f64(), label: this.text() };
  }

  private hold(): HoldImage {
    return {
      id: this.id(),
      resourceId: this.id(),
      start: this.f64(),
      end: this.f64(),
      expiresAt: this.f64(),
    };
  }

  private id(): Id {
    return { w0: this.u32(), w1: this.u32(), w2: this.u32(), w3: this.u32() };
  }

  private text(): string | null {
    const lengthPlusOne = this.u32();
    if (lengthPlusOne === 0) return null;
    const from = this.take(lengthPlusOne - 1);
    try {
      return utf8.decode(this.bytes.subarray(from, this.offset));
    } catch {
      throw corrupted(`a text that is not UTF-8 at byte ${from} of a commit`);
    }
  }

  private u8(): number {
    return this.view.getUint8(this.take(1));
  }

  private u32(): number {
    return this.view.getUint32(this.take(4));
  }

  private f64(): number {
    return this.view.getFloat64(this.take(8));
  }

  /** Moves on by `count` bytes; returns where they begin. */
  private take(count: number): number {
    const from = this.offset;
    if (from + count > this.bytes.length) throw corrupted("a commit ends in the middle of a command");
    this.offset = from + count;
    return from;
  }
}

function corrupted(what: string): DeltatError {
  return new DeltatError(SqlState.dataCorrupted, what);
}
