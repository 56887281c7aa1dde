/**
 * What lies in a damaged log: each segment is looked at by itself, and behind each place that does not read the next frame
 * is sought whose checksum is right. Commits found so cannot be applied, since some before them are missing, but it can be
 * said how many they are and where the damage is. Nothing is changed.
 */

import { join } from "node:path";
import { DeltatError } from "../errors.ts";
import type { FileSystem } from "./files.ts";
import { alignedBytes, FRAME_ALIGNMENT_BYTES, FRAME_HEADER_BYTES, FrameKind, FrameReader } from "./frame.ts";
import { endOfContent, logNames } from "./log-reader.ts";
import { decodeHeader, SEGMENT_HEADER_BYTES, segmentName, segmentNumber } from "./segment.ts";
import { withPath } from "./storage-errors.ts";

const SALT_AT = 16;

/** Runs of commits, and places that do not read, that are told one by one. */
const MAX_RUNS = 10;
const MAX_PLACES = 50;

/** Commits one behind the other. */
interface Run {
  readonly first: number;
  last: number;
}

/** What has been found so far. */
interface Findings {
  readonly lines: string[];
  readonly runs: Run[];
  frames: number;
  bytes: number;
}

/**
 * Sentences for the operator: the places of the log that do not read, with file, offset and bytes, and what can be read
 * of the commits after `lastLsn`. Throws DeltatError 58030.
 */
export function surveyLog(files: FileSystem, folder: string, lastLsn: number): string[] {
  const findings: Findings = { lines: [], runs: [], frames: 0, bytes: 0 };
  let expected: number | null = null;
  for (const name of logNames(files, folder)) {
    const number = segmentNumber(name);
    if (number !== null && expected !== null && number > expected) {
      findings.lines.push(`log segment ${join(folder, segmentName(expected))} is not there`);
    }
    expected = number === null ? expected : number + 1;
    surveySegment(files, join(folder, name), lastLsn, findings);
  }
  const { lines } = findings;
  const more = lines.length - MAX_PLACES;
  const told = more <= 0 ? lines : [...lines.slice(0, MAX_PLACES), `and ${more} more places`];
  return [...told, beyond(findings, lastLsn)];
}

function beyond({ runs, frames, bytes }: Findings, lastLsn: number): string {
  if (frames === 0) return `beyond commit ${lastLsn} no commit can be read`;
  const told = runs
    .slice(0, MAX_RUNS)
    .map(({ first, last }) => (first === last ? first : `${first} to ${last}`));
  const more = runs.length > MAX_RUNS ? ` and ${runs.length - MAX_RUNS} more runs` : "";
  return (
    `beyond commit ${lastLsn} there are ${frames} whole commits in ${bytes} bytes: ${told.join(", ")}${more}; ` +
    "they are kept, but cannot be applied without those that are missing before them"
  );
}

function surveySegment(files: FileSystem, path: string, lastLsn: number, findings: Findings): void {
  const bytes = readWords(files, path);
  try {
    const { sizeBytes } = decodeHeader(bytes, path);
    if (sizeBytes !== bytes.length) {
      findings.lines.push(`log segment ${path} has ${bytes.length} bytes, its header says ${sizeBytes}`);
    }
  } catch (error) {
    if (!(error instanceof DeltatError)) throw error;
    findings.lines.push(error.message);
    if (bytes.length <= SEGMENT_HEADER_BYTES) return;
  }
  // Right or not: the frames behind tell.
  const reader = new FrameReader(bytes, new DataView(bytes.buffer).getUint32(SALT_AT));
  const contentEnd = endOfContent(bytes);
  let offset = SEGMENT_HEADER_BYTES;
  while (offset < contentEnd) {
    if (looksLikeFrame(reader, offset)) {
      take(reader, offset, lastLsn, findings);
      offset += alignedBytes(reader.length(offset));
      continue;
    }
    const next = nextFrame(reader, offset, contentEnd);
    findings.lines.push(
      `log segment ${path} cannot be read from byte ${offset} to ${next} (${next - offset} bytes)`,
    );
    offset = next;
  }
}

function take(reader: FrameReader, offset: number, lastLsn: number, findings: Findings): void {
  const lsn = reader.lsn(offset);
  if (reader.kind(offset) !== FrameKind.commit || lsn <= lastLsn) return;
  findings.frames++;
  findings.bytes += alignedBytes(reader.length(offset));
  const run = findings.runs.at(-1);
  if (run !== undefined && run.last + 1 === lsn) run.last = lsn;
  else findings.runs.push({ first: lsn, last: lsn });
}

/** Offset of the next frame behind a bad place; the end of what is there if there is none. */
function nextFrame(reader: FrameReader, offset: number, contentEnd: number): number {
  for (let next = offset + FRAME_ALIGNMENT_BYTES; next < contentEnd; next += FRAME_ALIGNMENT_BYTES) {
    if (looksLikeFrame(reader, next)) return next;
  }
  return contentEnd;
}

/** The kind is looked at first: a checksum over whatever length chance has put there would take long. */
function looksLikeFrame(reader: FrameReader, offset: number): boolean {
  if (reader.bytes.length - offset < FRAME_HEADER_BYTES) return false;
  const kind = reader.kind(offset);
  return (kind === FrameKind.commit || kind === FrameKind.cleanEnd) && reader.isFrame(offset);
}

/** A file as a whole, up to a multiple of 8. */
function readWords(files: FileSystem, path: string): Uint8Array<ArrayBuffer> {
  const fd = withPath("open", path, () => files.open(path, "read"));
  try {
    return withPath("read", path, () => {
      const bytes = new Uint8Array(Math.max(alignedBytes(files.size(fd)), SEGMENT_HEADER_BYTES));
      files.read(fd, bytes, 0);
      return bytes;
    });
  } finally {
    files.close(fd);
  }
}
