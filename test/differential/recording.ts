/**
 * What PostgreSQL answered to the statements of the scripts, so that `bun test` can ask deltat alone: a line of JSON for
 * each statement, in the order of the scripts. `bun run test:differential --record` writes it.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Answer } from "./answer.ts";
import type { Statement } from "./script.ts";

const FILE = join(import.meta.dir, "recorded-answers.jsonl");

interface RecordedAnswer {
  readonly text: string;
  readonly parameters: Statement["parameters"];
  readonly answer: Answer;
}

export function writeRecording(answers: readonly RecordedAnswer[]): void {
  writeFileSync(FILE, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(""));
}

/** The answers by statement; those of one that occurs several times in their order. */
export function readRecording(): Map<string, Answer[]> {
  const answers = new Map<string, Answer[]>();
  for (const line of readFileSync(FILE, "utf8").trimEnd().split("\n")) {
    const { text, parameters, answer } = JSON.parse(line) as RecordedAnswer;
    const key = recordingKey({ text, parameters });
    answers.set(key, [...(answers.get(key) ?? []), answer]);
  }
  return answers;
}

export function recordingKey({ text, parameters }: Pick<Statement, "text" | "parameters">): string {
  return JSON.stringify([text, parameters]);
}
