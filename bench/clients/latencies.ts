/** How long replies took, counted by microsecond; what takes longer than the last bucket is counted there. */

import type { Metrics } from "../harness/figures.ts";

const BUCKETS = 2_000_000;

export class Latencies {
  count = 0;
  private readonly histogram = new Uint32Array(BUCKETS);

  add(us: number): void {
    const bucket = Math.min(us | 0, BUCKETS - 1);
    this.histogram[bucket] = (this.histogram[bucket] as number) + 1;
    this.count++;
  }

  static sum(parts: readonly Latencies[]): Latencies {
    const all = new Latencies();
    for (const part of parts) {
      all.count += part.count;
      for (const [us, count] of part.histogram.entries()) {
        if (count > 0) all.histogram[us] = (all.histogram[us] as number) + count;
      }
    }
    return all;
  }

  /** The least number of whole microseconds within which this share of the replies came; NaN of none. */
  percentile(share: number): number {
    if (this.count === 0) return Number.NaN;
    let left = this.count * share;
    for (let us = 0; us < BUCKETS; us++) {
      left -= this.histogram[us] as number;
      if (left <= 0) return us + 1;
    }
    return BUCKETS;
  }

  metrics(): Metrics {
    if (this.count === 0) return {};
    return {
      p50Us: this.percentile(0.5),
      p99Us: this.percentile(0.99),
      p999Us: this.percentile(0.999),
    };
  }
}
