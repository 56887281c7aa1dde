/**
 * The commits of one segment from some place on, read piece by piece while the log goes on being written: for who looks
 * back at what was committed. Each frame is checked as recovery checks it.
 */

import { join } from "node:path";
import type { CommitRecord } from "./commit-log.ts";
import type { FileSystem } from "./files.ts";
import { alignedBytes, FRAME_HEADER_BYTES, FrameKind, FrameReader } from "./frame.ts";
import {
  decodeHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  segmentName,
  segmentNumber,
} from "./segment.ts";
import { withPath } from "./storage-errors.ts";

const PIECE_BYTES = 64 * 1024;

/** A segment that may be read. */
export interface SegmentFile extends SegmentHeader {
  readonly path: string;
}

/** Numbers of the segments in a folder, oldest first. */
export function segmentNumbers(files: FileSystem, folder: string): number[] {
  return withPath("list", folder, () => files.list(folder))
    .map(segmentNumber)
    .filter((number) => number !== null)
    .sort((a, b) => a - b);
}

/** Throws DeltatError XX001 for a bad header, 58030 where it cannot be read. */
export function readSegmentHeader(files: FileSystem, folder: string, number: number): SegmentFile {
  const path = join(folder, segmentName(number));
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const count = readAt(files, path, bytes, 0);
  return { ...decodeHeader(bytes.subarray(0, count), path), path };
}

/** The file is open for the moment of reading only: it may be removed at any other. */
function readAt(files: FileSystem, path: string, into: Uint8Array, position: number): number {
  const fd = withPath("open", path, () => files.open(path, "read"));
  try {
    return withPath("read", path, () => files.read(fd, into, position));
  } finally {
    files.close(fd);
  }
}

export class SegmentFrames {
  /** Where the next frame begins; after the end, where the frames end. */
  offset: number;
  private bytes = new Uint8Array(0);
  private reader: FrameReader;
  /** Where in the segment `bytes` begin. */
  private base: number;

  constructor(
    private readonly files: FileSystem,
    private readonly segment: SegmentFile,
    offset: number = SEGMENT_HEADER_BYTES,
  ) {
    this.offset = offset;
    this.base = offset;
    this.reader = new FrameReader(this.bytes, 0);
  }

  /**
   * The next commit; null where there is no valid frame, or the marks of a clean end only. The offset stays before it
   * until `pass`: who does not want it yet finds it again.
   */
  peek(): CommitRecord | null {
    for (;;) {
      if (!this.isFrameAhead()) return null;
      const at = this.offset - this.base;
      if (this.reader.kind(at) === FrameKind.commit) {
        return { lsn: this.reader.lsn(at), at: this.reader.at(at), body: this.reader.body(at) };
      }
      this.pass();
    }
  }

  /** Goes on behind the frame that `peek` gave. */
  pass(): void {
    this.offset += alignedBytes(this.reader.length(this.offset - this.base));
  }

  private isFrameAhead(): boolean {
    const { sizeBytes } = this.segment;
    if (!this.holds(FRAME_HEADER_BYTES)) {
      if (this.offset + FRAME_HEADER_BYTES > sizeBytes) return false;
      this.load(PIECE_BYTES);
      if (!this.holds(FRAME_HEADER_BYTES)) return false;
    }
    const length = alignedBytes(this.reader.length(this.offset - this.base));
    if (length < FRAME_HEADER_BYTES || this.offset + length > sizeBytes) return false;
    if (!this.holds(length)) this.load(Math.max(length, PIECE_BYTES));
    return this.reader.isFrame(this.offset - this.base);
  }

  private holds(count: number): boolean {
    return this.offset - this.base + count <= this.bytes.length;
  }

  private load(count: number): void {
    const { segment, offset } = this;
    const room = new Uint8Array(Math.min(count, segment.sizeBytes - offset));
    this.bytes = room.subarray(0, readAt(this.files, segment.path, room, offset));
    this.base = offset;
    this.reader = new FrameReader(this.bytes, segment.salt + offset);
  }
}
