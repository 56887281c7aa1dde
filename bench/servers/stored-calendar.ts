/** Databases on the disk, made without a server: a log of some size, or the snapshot of it. */

import { mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { ByteWriter } from "../../src/bytes.ts";
import { encodeCommand } from "../../src/engine/codec.ts";
import type { Command } from "../../src/engine/command.ts";
import { localFiles } from "../../src/storage/files.ts";
import { openFrame, padFrame } from "../../src/storage/frame.ts";
import { openSegmentLog } from "../../src/storage/segment-log.ts";
import { makeSnapshot } from "../../src/tenants/stored-state.ts";
import { openResource, resourceId, slotBooking } from "../calendar.ts";

const BATCH = 1_000;

export interface Shape {
  readonly bookings: number;
  readonly resources: number;
}

/** BATCH bookings from number `from`; resources get theirs in turn. */
function batch(from: number, resources: number): Command[] {
  return Array.from({ length: BATCH }, (_, i): Command => {
    const n = from + i;
    const booking = slotBooking(resourceId(n % resources), n, Math.floor(n / resources));
    return { kind: "placeBooking", booking };
  });
}

/** Bytes of log that a booking takes when it is committed alone, and when a thousand are at once. */
export function logBytes(): { readonly alone: number; readonly together: number } {
  const commands = batch(0, 1);
  return { alone: frameBytes(commands.slice(0, 1)), together: frameBytes(commands) / BATCH };
}

/** A database's log that is written without a server. */
export interface StoredLog {
  commit(commands: readonly Command[]): void;
  flush(): void;
  close(): Promise<void>;
}

export function newLog(folder: string): StoredLog {
  mkdirSync(folder, { recursive: true });
  const options = {
    folder,
    onDurable: () => {},
    warn: () => {},
    blockingSyncLimitMs: Number.POSITIVE_INFINITY,
  };
  const log = openSegmentLog(options, () => {});
  return {
    commit(commands) {
      const body = log.begin();
      for (const command of commands) encodeCommand(body, command);
      log.append(1);
    },
    flush: () => log.flush(),
    close: () => log.close(),
  };
}

/** One commit for each thousand bookings. */
export async function writeLog(folder: string, { bookings, resources }: Shape): Promise<void> {
  const log = newLog(folder);
  const slots = bookings / resources;
  for (let n = 0; n < resources; n++) log.commit(openResource(n, slots));
  for (let from = 0; from < bookings; from += BATCH) {
    log.commit(batch(from, resources));
    if (from % (BATCH * 20) === 0) log.flush();
  }
  await log.close();
}

/** Bytes of one commit of these commands in deltat's log. */
export function frameBytes(commands: readonly Command[]): number {
  const writer = new ByteWriter();
  openFrame(writer);
  for (const command of commands) encodeCommand(writer, command);
  padFrame(writer, 0);
  return writer.length;
}

/** The folder of the database that `psql` opens without a name. */
export const databaseOf = (dataDir: string): string => join(dataDir, "databases", "deltat");

/** Bytes of the files of a folder whose names end so. */
export function bytesOf(folder: string, suffix: string): number {
  return readdirSync(folder)
    .filter((name) => name.endsWith(suffix))
    .reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
}

/** Closes every segment that holds anything and makes the snapshot of them, as a checkpoint does. */
export function replaceLog(folder: string): void {
  const segments = readdirSync(folder)
    .filter((name) => name.endsWith(".log"))
    .sort();
  const log = openSegmentLog({ folder, onDurable: () => {}, warn: () => {} }, () => {});
  const closed = log.rotate();
  log.flush();
  void log.close();
  makeSnapshot(localFiles, folder, closed);
  for (const name of segments) if (Number.parseInt(name, 10) <= closed) rmSync(join(folder, name));
}
