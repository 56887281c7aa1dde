/** to_char of numbers (https://www.postgresql.org/docs/current/functions-formatting.html, numeric patterns). */

import { DeltatError, SqlState } from "../../errors.ts";
import { decimalOf, formatDecimal, rescale } from "../values/numeric.ts";
import { checkedPattern } from "../values/value-size.ts";

const TOKEN = /"[^"]*"|FM|EEEE|RN|PL|MI|SG|PR|TH|th|[90.,DGSVL]|./gi;

interface Pattern {
  readonly tokens: readonly string[];
  readonly fills: boolean;
  readonly before: number;
  readonly after: number;
  /** Places before the point from the first `0` on: they show zeros. */
  readonly zeros: number;
}

function read(pattern: string): Pattern {
  const all = checkedPattern(pattern).match(TOKEN) ?? [];
  const tokens = all.map((token) =>
    /^(FM|EEEE|RN|PL|MI|SG|PR|[DGSVL])$/i.test(token) ? token.toUpperCase() : token,
  );
  for (const token of tokens) {
    if (token === "EEEE" || token === "RN" || token === "V") {
      throw new DeltatError(SqlState.featureNotSupported, `pattern ${token} of to_char is not supported`);
    }
  }
  const point = tokens.findIndex((token) => token === "." || token === "D");
  const isDigit = (token: string): boolean => token === "9" || token === "0";
  const integer = (point < 0 ? tokens : tokens.slice(0, point)).filter(isDigit);
  const fraction = point < 0 ? [] : tokens.slice(point).filter(isDigit);
  const firstZero = integer.indexOf("0");
  return {
    tokens,
    fills: !tokens.includes("FM"),
    before: integer.length,
    after: fraction.length,
    zeros: firstZero < 0 ? 0 : integer.length - firstZero,
  };
}

/** The text of a finite numeric by a pattern; `#` in the places of a number that has too many digits. */
export function formatNumber(source: string, pattern: string): string {
  const { tokens, fills, before, after, zeros } = read(pattern);
  const rounded = formatDecimal(rescale(decimalOf(source), after));
  const isNegative = rounded.startsWith("-") && /[1-9]/.test(rounded);
  const [whole = "", fraction = ""] = rounded.replace("-", "").split(".");
  const digits = whole === "0" && (after > 0 || zeros > 0) && before > 0 ? "" : whole;
  const overflows = digits.length > before;
  const padded = overflows
    ? "#".repeat(before)
    : digits.padStart(Math.max(zeros, digits.length), "0").padStart(before);
  const hasSign = tokens.some((token) => ["S", "SG", "MI", "PL", "PR"].includes(token));
  return assemble(tokens, padded, overflows ? "#".repeat(after) : fraction, isNegative, fills, hasSign);
}

function assemble(
  tokens: readonly string[],
  integer: string,
  fraction: string,
  isNegative: boolean,
  fills: boolean,
  hasSign: boolean,
): string {
  let out = "";
  let at = 0;
  let afterAt = -1;
  let signAt = -1;
  const lastShown = fills ? fraction.length : lastNeeded(tokens, fraction);
  for (const token of tokens) {
    if (token === "9" || token === "0") {
      if (afterAt >= 0) {
        if (afterAt < lastShown) out += fraction[afterAt];
        afterAt++;
        continue;
      }
      const digit = integer[at++] ?? " ";
      if (signAt < 0 && digit !== " ") {
        signAt = out.length;
      }
      out += digit;
    } else if (token === "." || token === "D") {
      if (signAt < 0) signAt = out.length;
      out += ".";
      afterAt = 0;
    } else if (token === "," || token === "G") {
      out += signAt < 0 ? " " : ",";
    } else out += signToken(token, isNegative, out.length);
  }
  if (tokens.includes("S") && tokens[0] === "S") {
    const sign = isNegative ? "-" : "+";
    const body = out;
    const place = signAt < 0 ? body.length : signAt;
    out = body.slice(0, place) + sign + body.slice(place);
  } else if (!hasSign) {
    const place = signAt < 0 ? out.length : signAt;
    out = out.slice(0, place) + (isNegative ? "-" : fills ? " " : "") + out.slice(place);
  }
  if (tokens.includes("PR")) {
    const place = signAt < 0 ? out.length : signAt;
    out = isNegative ? `${out.slice(0, place)}<${out.slice(place)}>` : fills ? ` ${out} ` : out;
  }
  return fills ? out : out.replaceAll(" ", "");
}

/** With FM, digits of the fraction up to the last that is not zero, or that the pattern has as `0`. */
function lastNeeded(tokens: readonly string[], fraction: string): number {
  const point = tokens.findIndex((token) => token === "." || token === "D");
  const places = tokens.slice(point + 1).filter((token) => token === "9" || token === "0");
  return Math.max(fraction.replace(/0+$/, "").length, places.lastIndexOf("0") + 1);
}

function signToken(token: string, isNegative: boolean, length: number): string {
  if (token === "MI") return isNegative ? "-" : " ";
  if (token === "SG") return isNegative ? "-" : "+";
  if (token === "PL") return isNegative ? " " : "+";
  if (token === "S") return length === 0 ? "" : isNegative ? "-" : "+";
  if (token === "FM" || token === "PR" || token === "L") return "";
  return token.startsWith('"') ? token.slice(1, -1) : token;
}
