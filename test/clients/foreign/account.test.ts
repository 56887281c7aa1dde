/** The runner of foreign clients sees what is wrong with what one has told. */

import { expect, test } from "bun:test";
import { expectedOutcome, newStory } from "../story.ts";
import { judge } from "./account.ts";

const expected = expectedOutcome(newStory());
const told = (outcome: object, teller = "a") =>
  `version ${teller} 1\nstory ${teller} ${JSON.stringify(outcome)}\n`;

test("a story told as it happened is right, whatever stands around it", () => {
  expect(judge(`noise\n${told(expected)}ok a more\n`, { a: [] }, expected)).toEqual([]);
});

test("a teller that is silent, or saw something else, is at fault", () => {
  expect(judge(told(expected), { a: [], b: [] }, expected)).toEqual(["b did not tell the story"]);
  const dozed = { ...expected, heard: expected.heard.slice(1), inside: "1" };
  const faults = judge(told(dozed), { a: [] }, expected);
  expect(faults).toHaveLength(2);
  expect(faults[0]).toStartWith('a: inside is "1" instead of 1');
  expect(faults[1]).toStartWith("a: heard is [");
  expect(judge(told(dozed), { a: ["heard", "inside"] }, expected)).toEqual([]);
});
