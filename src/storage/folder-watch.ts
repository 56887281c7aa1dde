/**
 * Whether a log's file is still in its folder. Nobody finds again what is written to a file that was removed, or moved
 * away with its folder, though each write and sync succeeds; asked at each write, it looks as seldom as that is harmless.
 */

import { FOLDER_CHECK_MS } from "../limits.ts";
import type { FileSystem } from "./files.ts";
import type { Segment } from "./segment.ts";

export class FolderWatch {
  private seenMs: number;

  constructor(
    private readonly files: FileSystem,
    private readonly nowMs: () => number,
  ) {
    this.seenMs = nowMs();
  }

  /** Throws what the file system says, or that the file is gone. */
  check({ fd, path }: Segment): void {
    const nowMs = this.nowMs();
    if (nowMs - this.seenMs < FOLDER_CHECK_MS) return;
    if (!this.files.isAt(fd, path)) throw new Error("it was removed or moved while the server runs");
    this.seenMs = nowMs;
  }
}
