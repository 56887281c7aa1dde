/** The budgets, each a quotient or a size taken from the figures of a run, and whether they are met. */

import { Figures } from "../harness/figures.ts";
import { CEILING } from "../parts/ceiling.ts";
import { WORK as ENGINE, ONE_RESOURCE } from "../parts/engine.ts";
import { EVENTS } from "../parts/kernel-inputs.ts";
import { C_SAME, GAP_CASES, gapWork, TYPESCRIPT } from "../parts/kernels.ts";
import { MEMORY } from "../parts/memory.ts";
import { KIND, workOf } from "../parts/postgres.ts";
import { BOOKINGS, JOINED } from "../parts/relational.ts";
import { PAUSES, SHAPES } from "../parts/retention.ts";
import { READERS, READS, WITH, WITHOUT } from "../parts/snapshot.ts";
import { START, shapeName } from "../parts/start.ts";
import { number, table } from "./table.ts";

interface Budget {
  readonly work: string;
  readonly part: string;
  readonly limit: number;
  readonly sense: "at most" | "at least";
  /** What the number is: times what, or a unit. */
  readonly unit: string;
  measure(figures: Figures): number;
}

const MILLION = [1_000, 1_000_000] as const;
const DELTAT_TO_NULL = ["deltat", "null server"] as const;

function ofCeiling(work: string, connections: number, limit: number): Budget {
  return {
    work: `${work}, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    part: "ceiling",
    limit,
    sense: "at least",
    unit: "× null server",
    measure: (figures) => figures.ratio(work, DELTAT_TO_NULL, connections, "perSecond"),
  };
}

function ofPostgres(kind: string, connections: number, limit: number): Budget {
  const work = workOf(kind, "simple");
  return {
    work: `${work}, ${connections === 1 ? "1 connection" : `${connections} connections`}`,
    part: "postgres",
    limit,
    sense: "at least",
    unit: "× PostgreSQL",
    measure: (figures) => figures.ratio(work, ["deltat", "PostgreSQL"], connections, "perSecond"),
  };
}

const MIX = workOf(KIND.mix, "simple");

function growth(what: string, work: string, limit: number): Budget {
  return {
    work: `${what}, one resource grown from 1,000 to 1,000,000 bookings`,
    part: "engine",
    limit,
    sense: "at most",
    unit: "× the time",
    measure: (figures) => figures.growth(work, ONE_RESOURCE, MILLION, "ns"),
  };
}

function timesInsert(work: "cancel" | "move"): Budget {
  return {
    work: `${work}, at 1,000,000 bookings`,
    part: "engine",
    limit: 2,
    sense: "at most",
    unit: "× insert",
    measure: (figures) =>
      figures.middle(ENGINE[work], ONE_RESOURCE, 1_000_000, "ns") /
      figures.middle(ENGINE.insert, ONE_RESOURCE, 1_000_000, "ns"),
  };
}

function residentMb(bookings: number, resources: number, limit: number, what: string): Budget {
  return {
    work: `memory of a server with ${what}`,
    part: "start",
    limit,
    sense: "at most",
    unit: "MB of RSS",
    measure: (figures) => figures.middle(START.memory, shapeName(resources), bookings, "mb"),
  };
}

const BUDGETS: readonly Budget[] = [
  ofCeiling(CEILING.availability, 16, 0.7),
  ofCeiling(CEILING.insert, 16, 0.8),
  ofCeiling(CEILING.insert, 64, 0.8),
  ofCeiling(CEILING.insert, 1, 0.9),
  ofPostgres(KIND.read, 16, 6),
  ofPostgres(KIND.write, 16, 3),
  ofPostgres(KIND.write, 64, 3),
  ofPostgres(KIND.write, 1, 1),
  {
    work: "p99 of availability beside 10 % bookings, 64 connections",
    part: "postgres",
    limit: 2,
    sense: "at most",
    unit: "ms",
    measure: (figures) => figures.middle(MIX, "deltat", 64, "readsP99Us") / 1000,
  },
  {
    work: "the same",
    part: "postgres",
    limit: 1,
    sense: "at most",
    unit: "× PostgreSQL's",
    measure: (figures) => figures.ratio(MIX, ["deltat", "PostgreSQL"], 64, "readsP99Us"),
  },
  {
    work: "joined, grouped, counted over 100,000 bookings",
    part: "relational",
    limit: 3,
    sense: "at most",
    unit: "× PostgreSQL's time",
    measure: (figures) => figures.ratio(JOINED, ["deltat", "PostgreSQL"], BOOKINGS, "ms"),
  },
  growth("availability, any week", ENGINE.anyWeek, 1.5),
  growth("availability, the same week", ENGINE.sameWeek, 1.5),
  growth("insert at a random place", ENGINE.insert, 2),
  timesInsert("cancel"),
  timesInsert("move"),
  {
    work: "k of n over 1,000 resources with 84 bookings each in the window",
    part: "engine",
    limit: 3,
    sense: "at most",
    unit: "ms",
    measure: (figures) => figures.middle(ENGINE.kOfN, "k of n", 1_000, "ns") / 1e6,
  },
  ...GAP_CASES.map(
    (name): Budget => ({
      work: `gap kernel, ${name}`,
      part: "kernels",
      limit: 1.5,
      sense: "at most",
      unit: "× C -O3",
      measure: (figures) => figures.ratio(gapWork(name), [TYPESCRIPT, C_SAME], EVENTS, "ns"),
    }),
  ),
  {
    work: "memory per booking without label, at 1,000,000",
    part: "memory",
    limit: 100,
    sense: "at most",
    unit: "bytes of RSS growth",
    measure: (figures) => figures.middle(MEMORY.booking, "engine", 1_000_000, "bytes"),
  },
  residentMb(1_000_000, 100_000, 250, "100,000 resources of ten bookings each"),
  residentMb(10_000_000, 10_000, 1_200, "10,000,000 bookings over 10,000 resources"),
  {
    work: "start-up with 1,000,000 bookings, from a snapshot",
    part: "start",
    limit: 500,
    sense: "at most",
    unit: "ms",
    measure: (figures) => figures.middle(START.snapshot, shapeName(1), 1_000_000, "ms"),
  },
  {
    work: "p99 of reads while snapshots are made",
    part: "snapshot",
    limit: 2,
    sense: "at most",
    unit: "× without",
    measure: (figures) => figures.ratio(READS, [WITH, WITHOUT], READERS, "p99Us"),
  },
  ...SHAPES.map(
    ({ name, bookings }): Budget => ({
      work: `longest pause while ${bookings.toLocaleString("en")} old bookings ${name} are dropped`,
      part: "retention",
      limit: 5,
      sense: "at most",
      unit: "ms",
      measure: (figures) => figures.largest(PAUSES, name, bookings, "ms"),
    }),
  ),
];

const NONE = new Figures([]);

export function budgetTable(figuresOf: ReadonlyMap<string, Figures>): string {
  const rows = BUDGETS.map(({ work, part, limit, sense, unit, measure }) => {
    const value = measure(figuresOf.get(part) ?? NONE);
    const isMet = sense === "at most" ? value <= limit : value >= limit;
    const verdict = isMet ? "met" : "**missed**";
    return [
      work,
      `${sense} ${limit.toLocaleString("en")} ${unit}`,
      number(value),
      Number.isNaN(value) ? "not measured" : verdict,
    ];
  });
  return table(["work", "budget", "measured", ""], rows);
}
