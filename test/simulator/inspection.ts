/** Looks into a server's tables and files, past its SQL, and compares them with what the model says. */

import { dirname } from "node:path";
import { decodeCommands, firstEventOf } from "../../src/engine/codec.ts";
import type { BookingImage, HoldImage, ResourceImage, RuleImage } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import { captureSnapshot } from "../../src/engine/snapshot.ts";
import { formatId } from "../../src/id.ts";
import { inspectLog } from "../../src/storage/log-reader.ts";
import { History } from "../../src/tenants/history.ts";
import { loadSnapshot } from "../../src/tenants/stored-state.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import type { Oracle } from "../engine/oracle.ts";
import type { SimulatedDisk } from "./simulated-disk.ts";
import type { TenantModel } from "./tenant-model.ts";
import { check } from "./violation.ts";

function resourceLine(row: ResourceImage): string {
  const parent = row.parentId === null ? "-" : formatId(row.parentId);
  return `resource ${formatId(row.id)} below ${parent} capacity ${row.capacity} buffer ${row.bufferAfterMs} ${row.enforceRules}`;
}

function ruleLine(row: RuleImage): string {
  return `rule ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) ${row.blocking}`;
}

function bookingLine(row: BookingImage): string {
  return `booking ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) ${row.label}`;
}

function holdLine(row: HoldImage): string {
  return `hold ${formatId(row.id)} of ${formatId(row.resourceId)} [${row.start}, ${row.end}) until ${row.expiresAt}`;
}

function linesOfModel(state: Oracle): string[] {
  return [
    ...[...state.resources.values()].map(resourceLine),
    ...[...state.rules.values()].map(ruleLine),
    ...[...state.bookings.values()].map(bookingLine),
    ...[...state.holds.values()].map(holdLine),
  ].sort();
}

function linesOfEngine(engine: Engine): string[] {
  const lines: string[] = [];
  const { resources, rules, allocations } = engine;
  for (let row = 0; row < resources.limit; row++) {
    if (resources.isLive(row)) lines.push(resourceLine(engine.resourceImage(row)));
  }
  for (let row = 0; row < rules.limit; row++) {
    if (rules.isLive(row)) lines.push(ruleLine(engine.ruleImage(row)));
  }
  for (let row = 0; row < allocations.limit; row++) {
    if (!allocations.isLive(row)) continue;
    lines.push(
      allocations.isBooking(row) ? bookingLine(engine.bookingImage(row)) : holdLine(engine.holdImage(row)),
    );
  }
  return lines.sort();
}

/** Fails unless the engine holds exactly the rows of the model, and the invariant with them. */
export function compareRows(what: string, engine: Engine, state: Oracle): void {
  // Nobody's staged changes are to be in the tables.
  engine.enter(null, engine.now);
  const [found, wanted] = [linesOfEngine(engine), linesOfModel(state)];
  if (found.length !== wanted.length || found.some((line, at) => line !== wanted[at])) {
    const surplus = found.filter((line) => !wanted.includes(line)).map((line) => `\n  + ${line}`);
    const lacking = wanted.filter((line) => !found.includes(line)).map((line) => `\n  - ${line}`);
    check(
      false,
      `${what}: the rows differ (+ the server's, - the model's)${[...surplus, ...lacking].join("")}`,
    );
  }
  checkInvariant(what, engine);
}

/** At every instant at most `capacity` footprints: counted where one begins, since the count rises nowhere else. */
function checkInvariant(what: string, engine: Engine): void {
  for (let row = 0; row < engine.resources.limit; row++) {
    if (!engine.resources.isLive(row)) continue;
    const { capacity, bufferAfterMs, id } = engine.resourceImage(row);
    const footprints = engine.allocationRows(row, 0, Number.MAX_SAFE_INTEGER).map((at) => {
      const image = engine.allocations.isBooking(at) ? engine.bookingImage(at) : engine.holdImage(at);
      return { start: image.start, end: image.end + bufferAfterMs };
    });
    for (const { start } of footprints) {
      const used = footprints.filter((other) => other.start <= start && start < other.end).length;
      check(
        used <= capacity,
        `${what}: ${used} of ${capacity} places of ${formatId(id)} are taken at ${start}`,
      );
    }
  }
}

/** Fails unless the log tells of every event, as far back as it goes, under its number. */
export function compareEvents(
  files: SimulatedDisk,
  folder: string,
  { engine, durableLsn }: Tenant,
  model: TenantModel,
): void {
  const lastSeq = engine.eventCount;
  const history = new History(files, folder, { durableLsn, lastSeq, oldestOfPart: lastSeq + 1 });
  const { ledger, name } = model;
  check(lastSeq === ledger.lastSeq, `${name}: ${lastSeq} events are counted, there are ${ledger.lastSeq}`);
  let last: number | null = null;
  for (const event of history.read(null)) {
    if (event === null) continue;
    const { seq, at, payload } = event;
    check(last === null || seq === last + 1, `${name}: event ${seq} follows on ${last}`);
    check(ledger.see(seq, at, payload) <= durableLsn, `${name}: event ${seq} is shown before it is durable`);
    last = seq;
  }
  const durable = ledger.lastSeqOf(durableLsn);
  check(last === null || last === durable, `${name}: the last event told is ${last}, not ${durable}`);
}

/** A database as its folder has it, read twice by itself: both times the same bytes come out. */
export function replayTwice(disk: SimulatedDisk, folder: string): void {
  const [first, second] = [replayed(disk, folder), replayed(disk, folder)];
  const isSame = first.length === second.length && first.every((byte, at) => byte === second[at]);
  check(isSame, `${folder}: replaying it twice gives different bytes`);
}

function replayed(disk: SimulatedDisk, folder: string): Buffer {
  const engine = new Engine();
  const afterLsn = loadSnapshot(disk, folder, engine);
  inspectLog(disk, folder, afterLsn, "needed", ({ at, body }) => {
    engine.replay(decodeCommands(body), at, firstEventOf(body));
  });
  const sections = [...captureSnapshot(engine)].sort(([a], [b]) => a - b);
  return Buffer.concat(sections.map(([, bytes]) => bytes));
}

/** The folders of databases that have files. */
export function databaseFolders(disk: SimulatedDisk, root: string): string[] {
  return [...new Set([...disk.filesIn(root).keys()].map((path) => dirname(path)))];
}
