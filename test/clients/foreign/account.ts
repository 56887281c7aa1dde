/** What a foreign client printed, against what it should have. */

import type { Outcome } from "../story.ts";
import type { ForeignClient } from "./foreign-client.ts";

function storiesOf(out: string): Map<string, unknown> {
  const stories = new Map<string, unknown>();
  for (const line of out.split("\n")) {
    const [, teller, text] = /^story (\S+) (.*)$/.exec(line) ?? [];
    if (teller !== undefined && text !== undefined) stories.set(teller, JSON.parse(text));
  }
  return stories;
}

/** What is wrong with a story that was told: its parts that differ, apart from those that it cannot know. */
function differences(told: unknown, expected: Outcome, unknown: readonly (keyof Outcome)[]): string[] {
  const faults: string[] = [];
  const seen = new Map(Object.entries(typeof told === "object" && told !== null ? told : {}));
  const wanted = new Map<string, unknown>(Object.entries(expected));
  for (const part of unknown) wanted.delete(part);
  for (const [part, value] of wanted) {
    if (!Bun.deepEquals(seen.get(part), value, true)) {
      faults.push(`${part} is ${JSON.stringify(seen.get(part))} instead of ${JSON.stringify(value)}`);
    }
  }
  return faults;
}

/**
 * What is wrong with all that a client printed: a list that is empty if every teller told the story and saw
 * what it should.
 */
export function judge(out: string, tellers: ForeignClient["tellers"], expected: Outcome): string[] {
  const stories = storiesOf(out);
  return Object.entries(tellers).flatMap(([teller, unknown]) => {
    if (!stories.has(teller)) return [`${teller} did not tell the story`];
    return differences(stories.get(teller), expected, unknown).map((fault) => `${teller}: ${fault}`);
  });
}
