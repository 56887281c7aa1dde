/**
 * What a measurement leaves: for each work, subject and abscissa the metrics of every round. Medians and ratios are
 * taken from these alone, so whatever is published can be worked out again from the JSON.
 */

/** Of each metric: its unit is in its name; `bytes` and `mb` are of memory or disk, `perSecond` of replies. */
export type Metric =
  | "perSecond"
  | "wonPerSecond"
  | "p50Us"
  | "p99Us"
  | "p999Us"
  | "readsP99Us"
  | "serverCpuUs"
  | "clientBusy"
  | "ns"
  | "ms"
  | "cpuMs"
  | "waitedMs"
  | "bytes"
  | "mb";

export type Metrics = Readonly<Partial<Record<Metric, number>>>;

export interface Figure {
  readonly work: string;
  /** Who did it: a server, an implementation, a layout of the data. */
  readonly subject: string;
  /** Size of the data, number of connections: what grows. */
  readonly at: number;
  readonly rounds: readonly Metrics[];
}

/** The middle one, by size; of an even number the lower of the two; NaN of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1] ?? Number.NaN;
}

/** Median over the rounds; NaN where the figure was not taken or the metric is not told. */
function middle(figure: Figure | undefined, metric: Metric): number {
  return median(figure?.rounds.flatMap((round) => round[metric] ?? []) ?? []);
}

/** One quotient per round: both sides of each were measured one right after the other. */
export function ratios(a: Figure | undefined, b: Figure | undefined, metric: Metric): number[] {
  const below = b?.rounds ?? [];
  return (a?.rounds ?? []).flatMap((round, i) => {
    const quotient = (round[metric] ?? Number.NaN) / (below[i]?.[metric] ?? Number.NaN);
    return Number.isFinite(quotient) ? quotient : [];
  });
}

/** Finds figures by their key. */
export class Figures {
  constructor(readonly all: readonly Figure[]) {}

  where(belongs: (figure: Figure) => boolean): Figures {
    return new Figures(this.all.filter(belongs));
  }

  find(work: string, subject: string, at: number): Figure | undefined {
    return this.all.find((figure) => figure.work === work && figure.subject === subject && figure.at === at);
  }

  middle(work: string, subject: string, at: number, metric: Metric): number {
    return middle(this.find(work, subject, at), metric);
  }

  /** The largest of all rounds: for what must never be more. */
  largest(work: string, subject: string, at: number, metric: Metric): number {
    const rounds = this.find(work, subject, at)?.rounds.flatMap((round) => round[metric] ?? []) ?? [];
    return rounds.length === 0 ? Number.NaN : Math.max(...rounds);
  }

  /** Median of the quotients of two subjects at the same work. */
  ratio(work: string, [a, b]: readonly [string, string], at: number, metric: Metric): number {
    return median(ratios(this.find(work, a, at), this.find(work, b, at), metric));
  }

  /** Median of the quotients of one subject at two sizes. */
  growth(work: string, subject: string, [from, to]: readonly [number, number], metric: Metric): number {
    return median(ratios(this.find(work, subject, to), this.find(work, subject, from), metric));
  }

  works(): string[] {
    return [...new Set(this.all.map(({ work }) => work))];
  }

  subjects(work?: string): string[] {
    const wanted = this.all.filter((figure) => work === undefined || figure.work === work);
    return [...new Set(wanted.map(({ subject }) => subject))];
  }

  abscissas(): number[] {
    return [...new Set(this.all.map(({ at }) => at))].sort((a, b) => a - b);
  }
}
