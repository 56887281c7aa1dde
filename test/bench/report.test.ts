/** The published figures are the suite's own output; and the harness that they come from. */

import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Figures, median, ratios } from "../../bench/harness/figures.ts";
import { readResult, writeResult } from "../../bench/harness/result-file.ts";
import { inTurns } from "../../bench/harness/rounds.ts";
import { SUITE } from "../../bench/harness/suite.ts";
import { lineChart } from "../../bench/report/plot.ts";
import { makePage, PUBLISHED } from "../../bench/report/report.ts";
import { duration, number } from "../../bench/report/table.ts";

test("docs/benchmarks.md and its plots are what bench:report makes of the JSON", () => {
  const page = readFileSync(PUBLISHED.page, "utf8");
  const { text, plots } = makePage(PUBLISHED.data, page);
  expect(text).toBe(page);
  for (const { file, svg } of plots) {
    expect(
      existsSync(join(PUBLISHED.data, file)) ? readFileSync(join(PUBLISHED.data, file), "utf8") : file,
    ).toBe(svg);
  }
});

test("the page has a place for every part", () => {
  const page = readFileSync(PUBLISHED.page, "utf8");
  for (const { name } of SUITE) expect(page).toContain(`<!-- begin: ${name} -->`);
});

test("what is compared takes turns in an order that is turned round each time, and a warm-up does not count", async () => {
  const order: string[] = [];
  const contestant = (subject: string) => ({
    work: "w",
    subject,
    at: 1,
    run: (round: number) => {
      order.push(`${subject}${round}`);
      return { ms: round };
    },
  });
  const figures = await inTurns([contestant("a"), contestant("b")], 2, true);
  expect(order).toEqual(["b0", "a0", "a1", "b1", "b2", "a2"]);
  expect(figures.map(({ rounds }) => rounds)).toEqual([
    [{ ms: 1 }, { ms: 2 }],
    [{ ms: 1 }, { ms: 2 }],
  ]);
});

test("a ratio belongs to two neighbours of one round", () => {
  const fast = { work: "w", subject: "fast", at: 1, rounds: [{ perSecond: 10 }, { perSecond: 40 }, {}] };
  const slow = {
    work: "w",
    subject: "slow",
    at: 1,
    rounds: [{ perSecond: 5 }, { perSecond: 10 }, { perSecond: 1 }],
  };
  expect(ratios(fast, slow, "perSecond")).toEqual([2, 4]);
  expect(ratios(fast, undefined, "perSecond")).toEqual([]);
  const figures = new Figures([fast, slow]);
  expect(figures.ratio("w", ["fast", "slow"], 1, "perSecond")).toBe(2);
  expect(figures.middle("w", "nobody", 1, "perSecond")).toBeNaN();
  expect(median([3, 1, 2])).toBe(2);
});

test("a result comes back as it was written, to four figures", () => {
  const folder = mkdtempSync(join(tmpdir(), "deltat-report-"));
  try {
    const figures = [{ work: "w", subject: "s", at: 16, rounds: [{ perSecond: 123_456.7, p50Us: 1 }] }];
    writeResult(folder, { part: "engine", seconds: 1, quick: true, figures });
    expect(readResult(folder, "engine")?.figures).toEqual([
      { work: "w", subject: "s", at: 16, rounds: [{ perSecond: 123_500, p50Us: 1 }] },
    ]);
    expect(readResult(folder, "ceiling")).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("numbers are short, and a dash where nothing was measured", () => {
  expect([1234.5, 12.34, 1.234, Number.NaN].map(number)).toEqual(["1,235", "12.3", "1.23", "–"]);
  expect([2.5, 1_234, 12_345, 2.5e6, 3e9].map(duration)).toEqual([
    "2.50 ns",
    "1,234 ns",
    "12.3 µs",
    "2.50 ms",
    "3.00 s",
  ]);
});

test("a chart places its points between its axes, and one without points is none", () => {
  const axis = { label: "n", scale: "log" } as const;
  const points = [
    [1, 10],
    [100, 1000],
  ] as const;
  const svg = lineChart({ title: "a < b", x: axis, y: axis, series: [{ name: "s", points }] });
  expect(svg).toContain("<title>a &lt; b</title>");
  expect(svg).toContain('points="76.0,342.0 550.0,44.0"');
  expect(lineChart({ title: "t", x: axis, y: axis, series: [] })).toBe("");
});
