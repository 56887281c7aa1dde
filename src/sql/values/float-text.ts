/**
 * Floating point numbers in PostgreSQL's spelling: the shortest digits that read back as the same number, with
 * an exponent where float8out and float4out would use one.
 */

/** `float8out` turns to an exponent from 10^15, `float4out` from 10^6. */
const FLOAT8_FIXED_DIGITS = 15;
const FLOAT4_FIXED_DIGITS = 6;

export function formatFloat8(value: number): string {
  return format(value, FLOAT8_FIXED_DIGITS, shortestOf(value));
}

/** From here on a float can lie so that the digits of JavaScript name the middle between it and its neighbour. */
const FIRST_TIE = 2 ** 53;

/**
 * The shortest digits that read back as `value`. JavaScript takes those of a tie, which is read as the even one of two
 * neighbours; PostgreSQL does not rely on how ties are read (acceptBounds in common/d2s.c).
 */
function shortestOf(value: number): string {
  const text = value.toExponential();
  const size = Math.abs(value);
  if (size < FIRST_TIE || !Number.isFinite(size) || !isTie(text, value)) return text;
  for (let digits = 15; digits < 17; digits++) {
    const longer = value.toExponential(digits);
    if (Number(longer) === value && !isTie(longer, value)) return longer;
  }
  return text;
}

/** Whether the digits lie in the middle between two floats: as far from `value` as from one of its neighbours. */
function isTie(text: string, value: number): boolean {
  const exact = BigInt(value);
  const [mantissa = "", exponent = "0"] = text.split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  const written = BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length);
  const distance = written - exact;
  if (distance === 0n) return false;
  const neighbour = exact + 2n * distance;
  return BigInt(Number(neighbour)) === neighbour && Number(neighbour) !== value;
}

export function formatFloat4(value: number): string {
  for (let digits = 0; digits < 9; digits++) {
    const text = value.toExponential(digits);
    if (Math.fround(Number(text)) === value && !isFloat4Tie(Number(text), value)) {
      return format(value, FLOAT4_FIXED_DIGITS, text);
    }
  }
  return format(value, FLOAT4_FIXED_DIGITS, value.toExponential(8));
}

/** As `isTie`, for a float4; what is in the middle between two of them is exact in a float8. */
function isFloat4Tie(written: number, value: number): boolean {
  const neighbour = value + 2 * (written - value);
  return written !== value && Math.fround(neighbour) === neighbour;
}

function format(value: number, fixedDigits: number, exponential: string): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const [mantissa = "0", exponentText = "0"] = exponential.replace("-", "").includes("e")
    ? exponential.replace(/^-/, "").split("e")
    : [exponential, "0"];
  const digits = mantissa.replace(".", "");
  const exponent = Number(exponentText);
  if (exponent < -4 || exponent >= fixedDigits) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const size = Math.abs(exponent).toString().padStart(2, "0");
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  const fraction = digits.slice(exponent + 1);
  return sign + whole + (fraction === "" ? "" : `.${fraction}`);
}

/** Reads a float as PostgreSQL does; null if `text` is none. */
export function parseFloat8(text: string): number | null {
  const trimmed = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(trimmed)) return Number(trimmed);
  switch (trimmed.toLowerCase()) {
    case "nan":
      return Number.NaN;
    case "inf":
    case "infinity":
    case "+inf":
    case "+infinity":
      return Number.POSITIVE_INFINITY;
    case "-inf":
    case "-infinity":
      return Number.NEGATIVE_INFINITY;
    default:
      return null;
  }
}
