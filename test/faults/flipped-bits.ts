/** A bit flipped in every byte of a small log and its snapshot: each is found, named with file and offset, and harms nobody else. */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { verify } from "../../src/commands/verify.ts";
import { alignedBytes } from "../../src/storage/frame.ts";
import { END_MARK_BYTES } from "../../src/storage/segment.ts";
import { connect, disconnectAll, refusalOf } from "../server/clients.ts";
import { startServer, temporaryFolder } from "../server/harness.ts";
import { Bookings, expectThat } from "./bookings.ts";

/** Bytes of zeros behind the log's end that are tried as well. */
const UNUSED_BYTES = 512;

/** Two databases of a server that has stopped in order: `main` with a snapshot and a log behind it, and `other`. */
async function makeFolder(): Promise<string> {
  const dataDir = temporaryFolder();
  const server = await startServer({ dataDir });
  for (const name of ["main", "other"]) {
    const client = await connect(server, name);
    const bookings = new Bookings();
    await bookings.begin(client);
    for (let commits = 0; commits < 10; commits++) await bookings.add(client, 3);
    await client.query("CHECKPOINT");
    for (let commits = 0; commits < 10; commits++) await bookings.add(client);
  }
  await disconnectAll();
  expectThat((await server.stop()).exitCode === 0, "the server stops in order");
  return dataDir;
}

function endOfContent(bytes: Uint8Array): number {
  return bytes.findLastIndex((byte) => byte !== 0) + 1;
}

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
  return copy;
}

/** Whether the damage is said, with the file and an offset in it, or a format that this program does not read. */
function isNamed(lines: readonly string[], path: string): boolean {
  return lines.some(
    (line) =>
      line.includes("NOT WHOLE") &&
      line.includes(path) &&
      (/ at byte \d+/.test(line) || line.includes("format version")),
  );
}

/**
 * Behind the last commit lie only the mark of a clean stop, which proves the commits before it, and zeros: a bit there takes
 * nothing from anyone, is cut like a torn tail, and named all the same.
 */
function isHarmless(lines: readonly string[], path: string): boolean {
  const isAllThere = lines.some((line) => line.includes("40 bookings"));
  return isAllThere && lines.some((line) => line.includes(`${path} at byte `));
}

async function flipEveryByte(folder: string, name: string): Promise<number> {
  const path = join(folder, name);
  const bytes = await Bun.file(path).bytes();
  const contentEnd = endOfContent(bytes);
  const end = Math.min(contentEnd + UNUSED_BYTES, bytes.length);
  const commitsEnd = name.endsWith(".log") ? alignedBytes(contentEnd) - END_MARK_BYTES : end;
  for (let at = 0; at < end; at++) {
    await Bun.write(path, flipped(bytes, at));
    const lines: string[] = [];
    const isWhole = verify(folder, (line) => lines.push(line));
    const isSaid = isWhole ? at >= commitsEnd && isHarmless(lines, path) : isNamed(lines, path);
    expectThat(isSaid, `${name}: the flipped bit of byte ${at} is named: ${lines}`);
  }
  await Bun.write(path, bytes);
  return end;
}

/** A server refuses the damaged database at each connection, and serves the other. */
async function checkOthersServed(dataDir: string, path: string): Promise<void> {
  const bytes = await Bun.file(path).bytes();
  await Bun.write(path, flipped(bytes, 100));
  const server = await startServer({ dataDir });
  for (let times = 0; times < 2; times++) {
    const { code, message } = await refusalOf(connect(server, "main"));
    expectThat(code === "XX001" && message.includes(path), `${path} is named to who connects: ${message}`);
  }
  const other = await connect(server, "other");
  expectThat((await other.query("SELECT id FROM bookings")).rowCount === 40, "the other database is served");
  await disconnectAll();
  await server.stop();
  expectThat(server.complaints.includes(path), "the server's log names the file");
  await Bun.write(path, bytes);
}

export async function checkFlippedBits(): Promise<string> {
  const dataDir = await makeFolder();
  const folder = join(dataDir, "databases/main");
  const seen: string[] = [];
  const names = readdirSync(folder).sort();
  for (const name of names) seen.push(`${await flipEveryByte(folder, name)} bytes of ${name}`);
  // Segments that the snapshot stands for are kept for consumers of events only: the database opens without them.
  const needed = [
    names.find((name) => name.endsWith(".snapshot")),
    names.findLast((name) => name.endsWith(".log")),
  ];
  for (const name of needed) await checkOthersServed(dataDir, join(folder, name ?? "missing"));
  expectThat(
    verify(folder, () => {}),
    "mended, it is whole again",
  );
  return seen.join(", ");
}
