/** Opening, filling and reading a log in the tests: bodies are made from their lsn, so that each can be checked. */

import type { FileSystem } from "../../src/storage/files.ts";
import type { TailCut } from "../../src/storage/recovery.ts";
import { openSegmentLog, type SegmentLog, type SegmentLogOptions } from "../../src/storage/segment-log.ts";

export const FOLDER = "/data/tenant";

export interface ReadCommit {
  readonly lsn: number;
  readonly at: number;
  readonly body: Uint8Array;
}

export interface OpenedLog {
  readonly log: SegmentLog;
  readonly commits: ReadCommit[];
  readonly cuts: TailCut[];
  /** Value of `durableLsn` at each call of onDurable. */
  readonly durable: number[];
}

export function openLog(files: FileSystem, options: Partial<SegmentLogOptions> = {}): OpenedLog {
  const commits: ReadCommit[] = [];
  const cuts: TailCut[] = [];
  const durable: number[] = [];
  let salt = 1;
  const log: SegmentLog = openSegmentLog(
    {
      folder: FOLDER,
      files,
      segmentBytes: 4096,
      blockingSyncLimitMs: Number.POSITIVE_INFINITY,
      nowMs: () => 0,
      salt: () => Math.imul(salt++, 0x9e3779b1) >>> 0,
      onDurable: () => durable.push(log.durableLsn),
      warn: (cut) => cuts.push(cut),
      ...options,
    },
    ({ lsn, at, body }) => commits.push({ lsn, at, body: body.slice() }),
  );
  return { log, commits, cuts, durable };
}

export function bodyOf(lsn: number, length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, i) => (lsn * 31 + i * 7) & 255);
}

/** Appends one commit with the body that belongs to its lsn. */
export function appendCommit(log: SegmentLog, length: number, at = 1000 + log.appendedLsn): number {
  log.begin().raw(bodyOf(log.appendedLsn + 1, length));
  return log.append(at);
}

export function lsns(commits: readonly ReadCommit[]): number[] {
  return commits.map((commit) => commit.lsn);
}

export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
