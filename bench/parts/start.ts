/**
 * Databases of some size on the disk: how long a server takes to start from the log and from a snapshot, up to the line
 * that says where it listens; what it then holds in memory; what a booking takes on the disk.
 */

import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { residentBytes, SETTLE_MS } from "../harness/resident.ts";
import { inTurns } from "../harness/rounds.ts";
import { lineChart } from "../report/plot.ts";
import { count, number, table } from "../report/table.ts";
import { startDeltat } from "../servers/deltat.ts";
import {
  bytesOf,
  databaseOf,
  logBytes,
  replaceLog,
  type Shape,
  writeLog,
} from "../servers/stored-calendar.ts";

const ROUNDS = 5;
const SHAPES: readonly Shape[] = [
  { bookings: 10_000, resources: 1 },
  { bookings: 100_000, resources: 1 },
  { bookings: 1_000_000, resources: 1 },
  { bookings: 1_000_000, resources: 100_000 },
  { bookings: 10_000_000, resources: 10_000 },
];
const QUICK_SHAPES: readonly Shape[] = [
  { bookings: 10_000, resources: 1 },
  { bookings: 100_000, resources: 10_000 },
];
/** Beyond this one round is enough: it takes seconds. */
const LONG_BOOKINGS = 2_000_000;

export const START = {
  empty: "start of an empty server",
  log: "start from the log",
  snapshot: "start from a snapshot",
  memory: "memory of the server",
  disk: "snapshot on the disk, per booking",
  alone: "log per booking, committed alone",
  together: "log per booking, a thousand at once",
} as const;

export const shapeName = (resources: number): string => `in ${count(resources)}`;

async function startOnce(dataDir: string): Promise<Metrics> {
  const begun = performance.now();
  const server = await startDeltat(dataDir);
  const ms = performance.now() - begun;
  await server.stop();
  return { ms };
}

async function residentAfterStart(dataDir: string): Promise<Metrics> {
  const server = await startDeltat(dataDir);
  await Bun.sleep(SETTLE_MS);
  const mb = residentBytes(server.pid) / 1e6;
  await server.stop();
  return { mb };
}

async function measureShape(shape: Shape, root: string, rounds: number): Promise<Figure[]> {
  const dataDir = join(root, `${shape.bookings}-${shape.resources}`);
  const folder = databaseOf(dataDir);
  const [subject, at] = [shapeName(shape.resources), shape.bookings];
  const times = at > LONG_BOOKINGS ? 1 : rounds;
  await writeLog(folder, shape);
  const start = (work: string) => inTurns([{ work, subject, at, run: () => startOnce(dataDir) }], times);
  const fromLog = await start(START.log);
  replaceLog(folder);
  const fromSnapshot = await start(START.snapshot);
  const memory = await residentAfterStart(dataDir);
  const disk: Metrics = { bytes: bytesOf(folder, ".snapshot") / at };
  rmSync(dataDir, { recursive: true, force: true });
  return [
    ...fromLog,
    ...fromSnapshot,
    { work: START.memory, subject, at, rounds: [memory] },
    { work: START.disk, subject, at, rounds: [disk] },
  ];
}

async function measure({ quick, rounds }: Course, root: string): Promise<Figure[]> {
  const times = rounds ?? (quick ? 1 : ROUNDS);
  const empty = join(root, "empty");
  const figures = await inTurns(
    [{ work: START.empty, subject: "none", at: 0, run: () => startOnce(empty) }],
    times,
    true,
  );
  figures.push({
    work: START.memory,
    subject: "none",
    at: 0,
    rounds: [await residentAfterStart(empty)],
  });
  const { alone, together } = logBytes();
  figures.push({ work: START.alone, subject: "none", at: 0, rounds: [{ bytes: alone }] });
  figures.push({ work: START.together, subject: "none", at: 0, rounds: [{ bytes: together }] });
  for (const shape of quick ? QUICK_SHAPES : SHAPES)
    figures.push(...(await measureShape(shape, root, times)));
  return figures;
}

function render(figures: Figures): Rendering {
  const shapes = figures.all.filter(({ work }) => work === START.log);
  const rows = shapes.map(({ subject, at }) => [
    `${count(at)} ${subject}`,
    number(figures.middle(START.log, subject, at, "ms")),
    number(figures.middle(START.snapshot, subject, at, "ms")),
    number(figures.middle(START.memory, subject, at, "mb")),
    number(figures.middle(START.disk, subject, at, "bytes")),
  ]);
  const none = (work: string, metric: "ms" | "mb" | "bytes") =>
    number(figures.middle(work, "none", 0, metric));
  rows.unshift(["none", none(START.empty, "ms"), none(START.empty, "ms"), none(START.memory, "mb"), "–"]);
  const head = [
    "bookings in resources",
    "from the log, ms",
    "from a snapshot, ms",
    "memory of the server, MB",
    "snapshot, bytes a booking",
  ];
  const text = `A booking takes ${none(START.alone, "bytes")} bytes of log when it is committed alone, ${none(START.together, "bytes")} in a commit of a thousand.`;
  const oneOfEachSize = figures.abscissas().flatMap((size) => shapes.find(({ at }) => at === size) ?? []);
  const svg = lineChart({
    title: "Start-up by number of bookings",
    x: { label: "bookings", scale: "log" },
    y: { label: "milliseconds", scale: "log" },
    series: [START.log, START.snapshot].map((work) => ({
      name: work,
      points: oneOfEachSize.map(({ subject, at }) => [at, figures.middle(work, subject, at, "ms")] as const),
    })),
  });
  return { markdown: `${table(head, rows)}\n\n${text}`, plots: [{ file: "start.svg", svg }] };
}

export const start: Part = {
  name: "start",
  about: "start-up from log and snapshot, memory of the server, bytes on the disk, by number of bookings",
  run: (course) => withFolder((root) => measure(course, root)),
  render,
};
