/**
 * Line charts as SVG, drawn by hand: a title, two labelled axes, linear or logarithmic, a line with markers for each
 * series, and a legend to the right. Colours follow the reader's scheme, light or dark, and the chart brings its own
 * background, so that it can be read on any page. Palette: M. Okabe and K. Ito, "Color Universal Design", 2008, which
 * people with each kind of colour blindness can tell apart.
 */

interface Axis {
  readonly label: string;
  readonly scale: "linear" | "log";
}

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
}

const WIDTH = 800;
const HEIGHT = 400;
const LEFT = 76;
const RIGHT = 250;
const TOP = 44;
const BOTTOM = 58;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f", "#a0522d"];

const STYLE = `<style>
  .page { fill: #ffffff } .grid { stroke: #e2e2e2 } .axis { stroke: #666666 }
  text { fill: #222222; font: 12px system-ui, sans-serif } .title { font-size: 15px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #14171c } .grid { stroke: #30363d } .axis { stroke: #9aa0a6 } text { fill: #e2e2e2 }
  }
</style>`;

/** Places values along `length` pixels, and chooses the ticks. */
interface Scale {
  readonly ticks: readonly number[];
  place(value: number): number;
}

/** Ticks at the powers of ten, and between them at 2 and 5 where there are few powers. */
function logScale(values: readonly number[], length: number): Scale {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const inner = Math.log10(high / low) > 4 ? [1] : [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    all.push(...inner.map((digit) => digit * 10 ** power));
  }
  const from = all.findLast((tick) => tick <= low * 1.0001) ?? low;
  const to = all.find((tick) => tick >= high * 0.9999 && tick > from) ?? high * 2;
  return scaleBetween(
    from,
    to,
    all.filter((tick) => tick >= from && tick <= to),
    length,
  );
}

/** Ticks at the values themselves, which are few: sizes, numbers of connections. */
function logScaleAt(values: readonly number[], length: number): Scale {
  const distinct = [...new Set(values)].sort((a, b) => a - b);
  const [low = 1] = distinct;
  const high = distinct.at(-1) ?? low;
  return scaleBetween(low, high > low ? high : low * 2, distinct, length);
}

function scaleBetween(from: number, to: number, ticks: readonly number[], length: number): Scale {
  const span = Math.log(to / from);
  return { ticks, place: (value) => (Math.log(value / from) / span) * length };
}

/** From zero, in steps of 1, 2 or 5 times a power of ten, at most six of them. */
function linearScale(values: readonly number[], length: number): Scale {
  const high = Math.max(...values, Number.MIN_VALUE);
  const power = 10 ** Math.floor(Math.log10(high / 6));
  const step = [1, 2, 5, 10].map((digit) => digit * power).find((size) => high / size <= 6) ?? 10 * power;
  const count = Math.ceil(high / step);
  return {
    ticks: Array.from({ length: count + 1 }, (_, i) => i * step),
    place: (value) => (value / (count * step)) * length,
  };
}

/** 1500000 as 1.5M, so that ticks stay short. */
function shortNumber(value: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1e9, "G"],
    [1e6, "M"],
    [1e3, "k"],
  ];
  const [size, letter] = units.find(([least]) => value >= least) ?? [1, ""];
  return `${Number((value / size).toPrecision(3))}${letter}`;
}

function escapeText(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

const px = (value: number): string => value.toFixed(1);

function grid(x: Scale, y: Scale): string[] {
  const bottom = TOP + PLOT_HEIGHT;
  const lines: string[] = [];
  for (const tick of x.ticks) {
    const at = px(LEFT + x.place(tick));
    lines.push(`<line class="grid" x1="${at}" y1="${TOP}" x2="${at}" y2="${bottom}"/>`);
    lines.push(`<text x="${at}" y="${bottom + 18}" text-anchor="middle">${shortNumber(tick)}</text>`);
  }
  for (const tick of y.ticks) {
    const at = px(bottom - y.place(tick));
    lines.push(`<line class="grid" x1="${LEFT}" y1="${at}" x2="${LEFT + PLOT_WIDTH}" y2="${at}"/>`);
    lines.push(`<text x="${LEFT - 8}" y="${at}" dy="4" text-anchor="end">${shortNumber(tick)}</text>`);
  }
  lines.push(`<path class="axis" fill="none" d="M${LEFT} ${TOP}V${bottom}H${LEFT + PLOT_WIDTH}"/>`);
  return lines;
}

/** After the eighth the colours come again, with broken lines. */
function seriesLine({ points }: Series, index: number, x: Scale, y: Scale): string[] {
  const colour = COLOURS[index % COLOURS.length];
  const dash = index < COLOURS.length ? "" : ' stroke-dasharray="5 4"';
  const places = points.map(([a, b]) => [px(LEFT + x.place(a)), px(TOP + PLOT_HEIGHT - y.place(b))] as const);
  const line = places.map(([a, b]) => `${a},${b}`).join(" ");
  return [
    `<polyline points="${line}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`,
    ...places.map(([a, b]) => `<circle cx="${a}" cy="${b}" r="3" fill="${colour}"/>`),
  ];
}

function legend(series: readonly Series[]): string[] {
  const left = LEFT + PLOT_WIDTH + 16;
  return series.flatMap(({ name }, i) => {
    const top = TOP + 8 + i * 20;
    const dash = i < COLOURS.length ? "" : ' stroke-dasharray="5 4"';
    const colour = COLOURS[i % COLOURS.length];
    return [
      `<line x1="${left}" y1="${top}" x2="${left + 18}" y2="${top}" stroke="${colour}" stroke-width="3"${dash}/>`,
      `<text x="${left + 24}" y="${top}" dy="4">${escapeText(name)}</text>`,
    ];
  });
}

/** The chart as a file of its own; "" where no series has a point. */
export function lineChart({ title, x, y, series }: Chart): string {
  const drawn = series.map(({ name, points }) => ({
    name,
    points: points.filter(
      ([a, b]) => Number.isFinite(a) && Number.isFinite(b) && (y.scale === "linear" || b > 0),
    ),
  }));
  const shown = drawn.filter(({ points }) => points.length > 0);
  if (shown.length === 0) return "";
  const all = shown.flatMap(({ points }) => points);
  const across = (x.scale === "log" ? logScaleAt : linearScale)(
    all.map(([value]) => value),
    PLOT_WIDTH,
  );
  const up = (y.scale === "log" ? logScale : linearScale)(
    all.map(([, value]) => value),
    PLOT_HEIGHT,
  );
  const middle = TOP + PLOT_HEIGHT / 2;
  const note = (axis: Axis): string =>
    escapeText(axis.scale === "log" ? `${axis.label} (log scale)` : axis.label);
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escapeText(title)}</title>`,
    STYLE,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="${LEFT}" y="26">${escapeText(title)}</text>`,
    ...grid(across, up),
    `<text x="${LEFT + PLOT_WIDTH / 2}" y="${HEIGHT - 14}" text-anchor="middle">${note(x)}</text>`,
    `<text transform="translate(18 ${middle}) rotate(-90)" text-anchor="middle">${note(y)}</text>`,
    ...shown.flatMap((one, i) => seriesLine(one, i, across, up)),
    ...legend(shown),
    "</svg>",
  ].join("\n")}\n`;
}
