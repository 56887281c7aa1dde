/**
 * Has the next segment ready before it is needed: made in the background once the current one is half full,
 * and on the spot only when the log outruns that.
 */

import type { FileSystem } from "./files.ts";
import type { FullDisk } from "./full-disk.ts";
import {
  createSegment,
  createSegmentLater,
  type Segment,
  type SegmentHeader,
  segmentSize,
} from "./segment.ts";
import { fileError, isNoRoom } from "./storage-errors.ts";

const FIRST_SEGMENT_BYTES = 1024 * 1024;

export class SegmentSupply {
  /** Durable, empty, with its final name. */
  private ready: Segment | null = null;
  /** Number of the segment that was last begun in the background, whatever became of it. */
  private begunNumber = 0;
  private wantedAttempt = 0;
  private attempts = 0;
  private underWay: Promise<void> | null = null;

  constructor(
    private readonly files: FileSystem,
    private readonly folder: string,
    private readonly segmentBytes: number,
    private readonly salt: () => number,
    private readonly disk: FullDisk,
    private readonly nowMs: () => number,
  ) {}

  /** Begins the segment after `current` in the background, once: where that fails, `take` tries and reports. */
  prepare(current: Segment): void {
    if (this.begunNumber > current.number || this.ready !== null || this.underWay !== null) return;
    this.begunNumber = current.number + 1;
    const attempt = ++this.attempts;
    this.wantedAttempt = attempt;
    this.underWay = this.make(this.header(current, 0), attempt);
  }

  /** Resolves when nothing is being made. */
  async settled(): Promise<void> {
    await this.underWay;
  }

  private async make(header: SegmentHeader, attempt: number): Promise<void> {
    try {
      const wanted = () => this.wantedAttempt === attempt;
      const made = await createSegmentLater(this.files, this.folder, header, attempt, wanted);
      if (made === null) return;
      // `take` may have run between the last question and this line, and made the file of that name itself.
      if (wanted()) this.ready = made;
      else this.files.close(made.fd);
    } catch {
      // No room, most likely: `take` tries again when the segment is needed, and then says so to the writer.
    } finally {
      this.underWay = null;
    }
  }

  /**
   * The segment after `current`, with room for a frame of `neededBytes`; the caller owns it. Throws DeltatError
   * 53100 or 58030 if it cannot be made; nothing has changed then.
   */
  take(current: Segment | null, neededBytes: number): Segment {
    const ready = this.ready;
    if (ready !== null && ready.sizeBytes >= segmentSize(0, neededBytes)) {
      this.ready = null;
      return ready;
    }
    // Neither what is ready but too small nor what is being made may be used from now on: the new file takes
    // its name.
    this.disk.refuseIfTooEarly();
    this.forgetReady();
    this.wantedAttempt = 0;
    const startedMs = this.nowMs();
    try {
      const header = this.header(current, neededBytes);
      const segment = createSegment(this.files, this.folder, header, ++this.attempts);
      this.disk.segmentMade();
      return segment;
    } catch (cause) {
      const error = fileError("make the next log segment in", this.folder, cause);
      if (isNoRoom(cause)) this.disk.segmentRefused(error, startedMs);
      throw error;
    }
  }

  /** Its empty file stays: the next opening removes it, or a segment of the same number replaces it. */
  private forgetReady(): void {
    if (this.ready !== null) this.files.close(this.ready.fd);
    this.ready = null;
  }

  /** The first segments are small and double: laying one out blocks, and many a database stays small. */
  private header(current: Segment | null, neededBytes: number): SegmentHeader {
    const number = (current?.number ?? 0) + 1;
    const preferredBytes = Math.min(this.segmentBytes, FIRST_SEGMENT_BYTES * 2 ** (number - 1));
    return {
      number,
      salt: this.salt(),
      sizeBytes: segmentSize(preferredBytes, neededBytes),
      previousSalt: current?.salt ?? 0,
    };
  }

  /** Waits for what is under way and closes what is ready. */
  async close(): Promise<void> {
    if (this.underWay !== null) await this.underWay;
    this.forgetReady();
  }
}
