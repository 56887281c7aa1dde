/**
 * The engine alone, in process: the time of each operation as the number of bookings grows, in one resource and
 * spread over many; k of n resources; rules inherited through a chain of resources.
 */

import { do_not_optimize, measure } from "mitata";
import type { Command } from "../../src/engine/command.ts";
import { Engine } from "../../src/engine/engine.ts";
import {
  EPOCH_MS,
  openResource,
  Random,
  resourceId,
  SLOTS_PER_WEEK,
  slotBooking,
  WEEK_MS,
} from "../calendar.ts";
import { type Figure, type Figures, type Metrics, median } from "../harness/figures.ts";
import type { Course, Part, Plot, Rendering } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { lineChart } from "../report/plot.ts";
import { byAbscissa, duration, table } from "../report/table.ts";
import { GrownEngine } from "./grown-engine.ts";

const SIZES = [1_000, 100_000, 1_000_000, 10_000_000];
const QUICK_SIZES = [1_000, 100_000];
const ROUNDS = 3;
/** CPU time of one measurement, nanoseconds. */
const BUDGET_NS = 150_000_000;
const QUICK_BUDGET_NS = 30_000_000;
const NOW = 1;

interface Layout {
  readonly name: string;
  readonly resources: number;
}

export const ONE_RESOURCE = "one resource";
const LAYOUTS: readonly Layout[] = [
  { name: ONE_RESOURCE, resources: 1 },
  { name: "100,000 resources", resources: 100_000 },
];

export const WORK = {
  anyWeek: "availability of a week, anywhere",
  sameWeek: "availability of a week, the same one",
  conflict: "conflict check of a free place",
  refused: "booking that is refused, error included",
  insert: "insert at a random place",
  cancel: "cancel",
  move: "move within its slot",
  hold: "hold + release",
  expiry: "expiry of a hold",
  batch: "one of a batch of 1,000 inserts",
  kOfN: "k of n, k = n / 2",
  oneOfN: "k of n, k = 1",
  allOfN: "k of n, k = n",
  inherited: "availability of a week, rules inherited",
} as const;

/** Median nanoseconds of one call. */
async function timed(action: () => void, budgetNs: number): Promise<Metrics> {
  return { ns: (await measure(action, { min_cpu_time: budgetNs })).p50 };
}

function repeated(times: number, action: () => number): number {
  return median(Array.from({ length: times }, action));
}

/** Every operation on one calendar; insert and cancel are two figures of one measurement. */
function operations(grown: GrownEngine, subject: string, quick: boolean): Contestant[] {
  const at = grown.bookings;
  const budgetNs = quick ? QUICK_BUDGET_NS : BUDGET_NS;
  const times = quick ? 15 : 60;
  const row = (work: string, run: Contestant["run"]): Contestant => ({ work, subject, at, run });
  return [
    row(WORK.anyWeek, () => timed(grown.availability, budgetNs)),
    row(WORK.sameWeek, () => timed(grown.sameAvailability, budgetNs)),
    row(WORK.conflict, () => timed(grown.conflictCheck, budgetNs)),
    row(WORK.refused, () => timed(grown.refusedBooking, budgetNs)),
    row(WORK.insert, () => ({ ns: repeated(times, () => grown.insertThenCancel().insert) })),
    row(WORK.cancel, () => ({ ns: repeated(times, () => grown.insertThenCancel().cancel) })),
    row(WORK.move, () => timed(grown.move, budgetNs)),
    row(WORK.hold, () => timed(grown.holdAndRelease, budgetNs)),
    row(WORK.expiry, () => ({ ns: repeated(times, () => grown.expiry()) })),
    row(WORK.batch, () => ({ ns: repeated(times, () => grown.insertTogether()) })),
  ];
}

async function measureGrowth({ name, resources }: Layout, course: Course): Promise<Figure[]> {
  const sizes = course.sizes ?? (course.quick ? QUICK_SIZES : SIZES);
  const contestants = sizes.map((size) => operations(new GrownEngine(size, resources), name, course.quick));
  // Neighbours are the sizes of one operation: their quotient is what has a budget.
  const byOperation = contestants[0]?.flatMap((_, i) => contestants.flatMap((one) => one[i] ?? [])) ?? [];
  return inTurns(byOperation, course.rounds ?? (course.quick ? 1 : ROUNDS), true);
}

const random = new Random();

function week(resource: number): Command[] {
  const id = resourceId(resource);
  return Array.from({ length: SLOTS_PER_WEEK }, (_, slot): Command => {
    const n = resource * SLOTS_PER_WEEK + slot;
    // Instants of different resources do not coincide.
    return { kind: "placeBooking", booking: slotBooking(id, n, slot, random.below(3_000_000)) };
  });
}

/** `count` resources, each with 84 bookings in the window. */
function commonTimes(count: number, budgetNs: number): Contestant[] {
  const engine = new Engine();
  const rows: number[] = [];
  for (let n = 0; n < count; n++) {
    engine.execute([...openResource(n, SLOTS_PER_WEEK), ...week(n)], NOW);
    rows.push(engine.resources.find(resourceId(n)));
  }
  const ask = (k: number) => () =>
    timed(() => {
      do_not_optimize(engine.availability(rows, EPOCH_MS, EPOCH_MS + WEEK_MS, 0, k));
    }, budgetNs);
  return [
    { work: WORK.oneOfN, subject: "k of n", at: count, run: ask(1) },
    { work: WORK.kOfN, subject: "k of n", at: count, run: ask(count / 2) },
    { work: WORK.allOfN, subject: "k of n", at: count, run: ask(count) },
  ];
}

/** The last of `depth` resources in a chain: open at the root, blocked for an hour of every day at each level. */
function inheritedTimes(depth: number, budgetNs: number): Contestant {
  const engine = new Engine();
  const rules = Array.from({ length: depth }, (_, level) => chainLink(level));
  engine.execute([...rules.flat(), ...week(depth - 1)], NOW);
  const row = engine.resources.find(resourceId(depth - 1));
  return {
    work: WORK.inherited,
    subject: "depth",
    at: depth,
    run: () =>
      timed(() => {
        do_not_optimize(engine.availabilityOf(row, EPOCH_MS, EPOCH_MS + WEEK_MS, 0));
      }, budgetNs),
  };
}

function chainLink(level: number): Command[] {
  const [create, open] = openResource(level, SLOTS_PER_WEEK);
  if (create?.kind !== "createResource" || open?.kind !== "addRule")
    throw new Error("not a resource and a rule");
  const parentId = level === 0 ? null : resourceId(level - 1);
  const hour = 3_600_000;
  const closed = Array.from({ length: 7 }, (_, day): Command => {
    const start = EPOCH_MS + day * 24 * hour + level * hour;
    // A rule's id is the resource's with the day in a word that ids of rules leave alone.
    const id = { ...open.rule.id, w1: open.rule.id.w1 + 1 + day };
    return { kind: "addRule", rule: { ...open.rule, id, blocking: true, start, end: start + hour } };
  });
  const resource: Command = { kind: "createResource", resource: { ...create.resource, parentId } };
  return level === 0 ? [resource, open, ...closed] : [resource, ...closed];
}

async function run(course: Course): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const layout of LAYOUTS) figures.push(...(await measureGrowth(layout, course)));
  const budgetNs = course.quick ? QUICK_BUDGET_NS : BUDGET_NS;
  const rounds = course.rounds ?? (course.quick ? 1 : ROUNDS);
  const common = [10, 100, 1_000].flatMap((count) => commonTimes(count, budgetNs));
  const inherited = [1, 2, 4, 8].map((depth) => inheritedTimes(depth, budgetNs));
  return [...figures, ...(await inTurns([...common, ...inherited], rounds))];
}

function growthTable(figures: Figures, subject: string): string {
  const works = figures
    .works()
    .filter((work) => figures.all.some((f) => f.work === work && f.subject === subject));
  return byAbscissa(figures, subject, works, "ns", duration);
}

function growthPlot(figures: Figures, file: string, { name }: Layout): Plot {
  const series = figures.works().map((work) => ({
    name: work.replace("availability of a week", "a week").replace(", error included", ""),
    points: figures.abscissas().map((at) => [at, figures.middle(work, name, at, "ns")] as const),
  }));
  const svg = lineChart({
    title: `Time of one operation, ${name}`,
    x: { label: "bookings", scale: "log" },
    y: { label: "nanoseconds", scale: "log" },
    series,
  });
  return { file, svg };
}

function commonPlot(common: Figures): Plot {
  const svg = lineChart({
    title: "k of n resources free, 84 bookings in the window of each",
    x: { label: "resources", scale: "log" },
    y: { label: "nanoseconds", scale: "log" },
    series: common.works().map((work) => ({
      name: work,
      points: common.abscissas().map((at) => [at, common.middle(work, "k of n", at, "ns")] as const),
    })),
  });
  return { file: "engine-k-of-n.svg", svg };
}

function of(figures: Figures, subject: string): Figures {
  return figures.where((figure) => figure.subject === subject);
}

function render(figures: Figures): Rendering {
  const layouts = LAYOUTS.map(
    ({ name }) => `Bookings in ${name}:\n\n${growthTable(of(figures, name), name)}`,
  );
  const common = of(figures, "k of n");
  const inherited = of(figures, "depth");
  const chain = inherited
    .abscissas()
    .map((at) => [`${at}`, duration(inherited.middle(WORK.inherited, "depth", at, "ns"))]);
  return {
    markdown: [
      ...layouts,
      `n resources, 84 bookings in the window of each:\n\n${byAbscissa(common, "k of n", common.works(), "ns", duration)}`,
      `Availability of a week, rules of a chain of resources:\n\n${table(["depth of the chain", "time"], chain)}`,
    ].join("\n\n"),
    plots: [
      ...LAYOUTS.map((layout, i) =>
        growthPlot(
          of(figures, layout.name),
          i === 0 ? "engine-one-resource.svg" : "engine-spread.svg",
          layout,
        ),
      ),
      commonPlot(common),
    ],
  };
}

export const engine: Part = {
  name: "engine",
  about: "the engine alone, in process: every operation by number of bookings, k of n, inherited rules",
  run,
  render,
};
