/** The patterns of SIMILAR TO and of `substring(text from pattern for escape)`, as regular expressions. */

import { DeltatError, SqlState } from "../../errors.ts";

/**
 * The regular expression that matches a whole text exactly if the SQL pattern does
 * (https://www.postgresql.org/docs/15/functions-matching.html#FUNCTIONS-SIMILARTO-REGEXP). Two escaped double quotes
 * divide it into three: `substring` gives what the middle part matches. Throws 22025, 2200C.
 */
export function similarToRegex(pattern: string, escapeSign: string): string {
  if ([...escapeSign].length > 1) {
    throw new DeltatError(SqlState.invalidEscapeSequence, "invalid escape string", {
      hint: "Escape string must be empty or one character.",
    });
  }
  let result = "";
  let quotes = 0;
  let inBracket = false;
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] as string;
    if (character === escapeSign) {
      const escaped = characters[++at];
      if (escaped === '"' && !inBracket) result += separator(quotes++);
      // An escape at the very end stands for nothing.
      else if (escaped !== undefined) result += `\\${escaped}`;
    } else if (inBracket) {
      if (character === "]") inBracket = false;
      result += character === "\\" ? "\\\\" : character;
    } else {
      if (character === "[") inBracket = true;
      result += TRANSLATED.get(character) ?? character;
    }
  }
  return `^(?:${result})$`;
}

/** The first part takes as little as it can, the middle is what is asked for. */
function separator(quotes: number): string {
  if (quotes === 0) return "){1,1}?(";
  if (quotes === 1) return "){1,1}(?:";
  throw new DeltatError(
    SqlState.invalidUseOfEscapeCharacter,
    "SQL regular expression may not contain more than two escape-double-quote separators",
  );
}

const TRANSLATED: ReadonlyMap<string, string> = new Map([
  ["%", ".*"],
  ["_", "."],
  ["(", "(?:"],
  ["\\", "\\\\"],
  [".", "\\."],
  ["^", "\\^"],
  ["$", "\\$"],
]);
