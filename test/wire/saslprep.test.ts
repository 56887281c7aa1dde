/** Passwords in one form, by the examples of RFC 4013 and the tables of RFC 3454. */

import { describe, expect, test } from "bun:test";
import { saslPrep } from "../../src/wire/saslprep.ts";

describe("SASLprep", () => {
  test.each([
    ["the examples of RFC 4013: a soft hyphen goes", "I\u00adX", "IX"],
    ["ASCII stays", "user", "user"],
    ["case stays", "USER", "USER"],
    ["compatibility forms become plain", "\u00aa", "a"],
    ["and so do Roman numerals", "\u2168", "IX"],
    ["ASCII with control characters stays", "a\u0007b", "a\u0007b"],
    ["a combining accent joins its letter", "se\u0301same", "s\u00e9same"],
    ["spaces of any width become one kind", "a\u00a0b\u3000c", "a b c"],
    ["variation selectors and joiners go", "\u2764\ufe0f\u200d", "\u2764"],
    ["right to left throughout is kept", "\u0627\u0644", "\u0627\u0644"],
  ])("%s", (_, given, expected) => {
    expect(saslPrep(given)).toBe(expected);
  });

  test.each([
    ["a control character", "\u0007\u2168"],
    ["from right to left, then a digit at the end", "\u0627\u00311\u2168"],
    ["both directions", "\u0627\u2168\u0628"],
    ["a direction mark", "\u200e\u2168"],
    ["private use", "\ue000\u2168"],
    ["a lone surrogate", "\ud800\u2168"],
    ["nothing left", "\u00ad"],
  ])("what is forbidden is taken as it stands: %s", (_, given) => {
    expect(saslPrep(given)).toBe(given);
  });
});
