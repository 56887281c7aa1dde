/**
 * A frame is what one commit is on disk: a header of 32 bytes, the body, and zeros up to a multiple of 8.
 *
 *     0 u32 checksum   4 u32 length   8 u32 durable end   12 u32 kind   16 u64 lsn   24 f64 at   32 body
 *
 * All big-endian. `length` counts header and body. The checksum is CRC-32 (zlib's) over everything after
 * itself, padding included, started from `salt + offset` of the frame in its segment: a frame is valid only
 * where it was written, so neither a misplaced block nor bytes that a client put into a label can pass for one.
 * `durable end` is the offset in this segment up to which the log was known to be durable when the frame was
 * made; recovery reads from it whether a bad place before the frame had ever been promised to anyone.
 */

import type { ByteWriter } from "../bytes.ts";

export const FRAME_HEADER_BYTES = 32;
export const FRAME_ALIGNMENT_BYTES = 8;

export const FrameKind = {
  commit: 1,
  /** Written by a clean stop; consumes no lsn: carries that of the last commit. */
  cleanEnd: 2,
} as const;

const LENGTH_AT = 4;
const DURABLE_END_AT = 8;
const KIND_AT = 12;
const LSN_AT = 16;
const INSTANT_AT = 24;

/** Bytes a frame of `length` (header and body) takes on disk. */
export function alignedBytes(length: number): number {
  return Math.ceil(length / FRAME_ALIGNMENT_BYTES) * FRAME_ALIGNMENT_BYTES;
}

/** Makes room for the header of a frame at the writer's end; the body is written after it. */
export function openFrame(writer: ByteWriter): void {
  writer.reserve(FRAME_HEADER_BYTES);
  writer.length += FRAME_HEADER_BYTES;
}

/** Adds the zeros after the body of the frame begun at `start`; returns `length`, header and body without them. */
export function padFrame(writer: ByteWriter, start: number): number {
  const length = writer.length - start;
  const padding = alignedBytes(length) - length;
  writer.reserve(padding);
  writer.bytes.fill(0, writer.length, writer.length + padding);
  writer.length += padding;
  return length;
}

/**
 * Fills in the header of the padded frame at `start` of the writer, the last thing in it.
 * @param seed salt of the segment plus the frame's offset in it
 */
export function sealFrame(
  writer: ByteWriter,
  start: number,
  length: number,
  durableEnd: number,
  kind: number,
  lsn: number,
  at: number,
  seed: number,
): void {
  const { view } = writer;
  const lsnHigh = Math.floor(lsn / 4294967296);
  view.setUint32(start + LENGTH_AT, length);
  view.setUint32(start + DURABLE_END_AT, durableEnd);
  view.setUint32(start + KIND_AT, kind);
  view.setUint32(start + LSN_AT, lsnHigh);
  view.setUint32(start + LSN_AT + 4, lsn - lsnHigh * 4294967296);
  view.setFloat64(start + INSTANT_AT, at);
  const checksum = Bun.hash.crc32(writer.bytes.subarray(start + LENGTH_AT, writer.length), seed >>> 0);
  view.setUint32(start, checksum);
}

/** Reads the frames of one segment, held whole in memory. */
export class FrameReader {
  private readonly view: DataView;

  /** `bytes` is the segment, its header included; offsets are offsets in it. */
  constructor(
    readonly bytes: Uint8Array<ArrayBuffer>,
    private readonly salt: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  /** Whether a whole frame with the right checksum lies at `offset`. */
  isFrame(offset: number): boolean {
    const room = this.bytes.length - offset;
    if (room < FRAME_HEADER_BYTES) return false;
    const length = this.length(offset);
    if (length < FRAME_HEADER_BYTES || length > room) return false;
    const end = offset + alignedBytes(length);
    const covered = this.bytes.subarray(offset + LENGTH_AT, end);
    return Bun.hash.crc32(covered, (this.salt + offset) >>> 0) === this.view.getUint32(offset);
  }

  length(offset: number): number {
    return this.view.getUint32(offset + LENGTH_AT);
  }

  durableEnd(offset: number): number {
    return this.view.getUint32(offset + DURABLE_END_AT);
  }

  kind(offset: number): number {
    return this.view.getUint32(offset + KIND_AT);
  }

  lsn(offset: number): number {
    return this.view.getUint32(offset + LSN_AT) * 4294967296 + this.view.getUint32(offset + LSN_AT + 4);
  }

  at(offset: number): number {
    return this.view.getFloat64(offset + INSTANT_AT);
  }

  body(offset: number): Uint8Array {
    return this.bytes.subarray(offset + FRAME_HEADER_BYTES, offset + this.length(offset));
  }
}
