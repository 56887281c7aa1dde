/**
 * A question, put to the server and to the model: the server answers in its own time, the model says at once what that
 * answer has to be. Where the contract leaves a choice (a disk that is full, a race that may be called lost), the model
 * follows what the server did, within that choice.
 */

import type { Command } from "../../src/engine/command.ts";
import { SqlState } from "../../src/errors.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import type { Oracle } from "../engine/oracle.ts";
import type { Violation } from "../engine/violations.ts";

import { type Staged, viewWith } from "./session-model.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import type { Outcome, Statement } from "./statement-parts.ts";
import { check } from "./violation.ts";

const LOST_RACE: Violation = { sqlState: SqlState.serializationFailure, messageStart: "" };
const FAILED_BLOCK: Violation = { sqlState: SqlState.inFailedSqlTransaction, messageStart: "" };
const NO_BLOCK: Violation = { sqlState: SqlState.noActiveSqlTransaction, messageStart: "" };
const NO_SAVEPOINT: Violation = { sqlState: SqlState.invalidSavepointSpecification, messageStart: "" };
/** What a disk in trouble may be answered with. */
const TROUBLE: readonly Violation[] = [
  { sqlState: SqlState.diskFull, messageStart: "" },
  { sqlState: SqlState.ioError, messageStart: "" },
];

/** What was asked of a session, and where it stood. */
export interface Question {
  readonly client: SimulatedClient;
  readonly tenant: Tenant;
  /** The disk is, or lately was, in a state in which it may refuse. */
  readonly isTroubled: boolean;
  /** By the server's clock, when it was asked and when it was done: a commit that lays out its segment waits for the disk. */
  readonly askedMs: number;
  readonly nowMs: number;
  /** Whether the session's block is still good: the one thing of the answer that is seen before it comes. */
  readonly status: () => "I" | "T" | "E";
}

/** What the answer to a script has to look like. */
interface Answer {
  readonly parts: readonly Outcome[];
  /** Empty: all went well. */
  readonly errors: readonly Violation[];
  readonly status: "I" | "T" | "E";
}

/** The statements of one simple query, or of one pipeline up to Sync, after the server has run them. */
export function askStatements(question: Question, statements: readonly Statement[]): void {
  const session = question.client.model;
  const model = session.tenant;
  const text = statements.map((statement) => statement.text).join("; ");
  if (session.status === "E") {
    expectAnswer(question, text, { parts: [], errors: [FAILED_BLOCK], status: "E" }, []);
    return;
  }
  followClock(question);
  const staged = session.staged.slice();
  const allowed: Violation[] = session.mayLose ? [LOST_RACE] : [];
  if (question.isTroubled) allowed.push(...TROUBLE);
  const version = model.shownVersion;
  const { now } = model.current;
  const judged = judge(session.isInBlock ? session.viewOf(model.current) : model.current, statements);
  const commands = judged.parts.flatMap((part) => part.commands);
  let committed = false;
  if (session.isInBlock) {
    checkNothingCommitted(question);
    if (judged.errors.length > 0 || (allowed.length > 0 && question.status() === "E")) session.fail();
    else session.stage(session.viewOf(model.current) ?? model.current.clone(), commands);
  } else if (judged.errors.length === 0 && commands.length > 0) committed = commitOrNot(question, commands);
  else checkNothingCommitted(question);
  const isRefused = !session.isInBlock && commands.length > 0 && judged.errors.length === 0 && !committed;
  const answer = { ...judged, errors: isRefused ? TROUBLE : judged.errors, status: session.status };
  if (committed) allowed.length = 0;
  expectAnswer(question, text, answer, allowed, (lines) => {
    if (committed) model.acknowledge(version + 1);
    else {
      const before: Before = { staged, statements, now, isTroubled: question.isTroubled };
      model.remember({
        version,
        again: (state) => compareAgain(state, before, text, lines, answer.status, allowed),
      });
    }
  });
}

/** Where a session stood when it asked. */
interface Before {
  readonly staged: readonly Staged[];
  readonly statements: readonly Statement[];
  readonly now: number;
  readonly isTroubled: boolean;
}

/** What was answered must be the answer from the state that a crash has left, too. */
function compareAgain(
  state: Oracle,
  { staged, statements, now, isTroubled }: Before,
  text: string,
  lines: readonly string[],
  status: "I" | "T" | "E",
  allowed: readonly Violation[],
): void {
  const committed = state.clone();
  // A hold that is seen to be gone is pinned in the log as gone, unless there is no room for that. What is staged, or
  // refused, was judged at that time all the same.
  if (isTroubled || staged.length > 0 || statements.some(({ changes }) => changes)) committed.advance(now);
  const judged = judge(viewWith(committed, staged), statements);
  compareAnswer(`a client was told what a crash then undid: ${text}`, lines, { ...judged, status }, allowed);
}

/** BEGIN, COMMIT and their like, after the server has run them. */
export function askControl(question: Question, text: string): void {
  const session = question.client.model;
  const [verb = "", ...rest] = text.split(" ");
  const name = rest.at(-1) ?? "";
  const isFailed = session.status === "E";
  const refuse = (error: Violation): void => {
    session.fail();
    expectAnswer(question, text, { parts: [], errors: [error], status: session.status }, []);
  };
  const accept = (tag: string): void => {
    const part = { rows: [], tag, commands: [], errors: [] };
    expectAnswer(question, text, { parts: [part], errors: [], status: session.status }, []);
  };
  const unknown = (): boolean => {
    if (verb === "RELEASE") return !session.releaseSavepoint(name);
    return verb === "ROLLBACK" && !session.rollbackTo(name);
  };
  if (verb === "COMMIT" && session.status === "T") commitBlock(question);
  else if (verb === "COMMIT" || text === "ROLLBACK") {
    session.end();
    accept(isFailed ? "ROLLBACK" : verb);
  } else if (isFailed && verb !== "ROLLBACK") refuse(FAILED_BLOCK);
  else if (verb === "BEGIN") {
    session.begin();
    accept(verb);
  } else if (!session.isInBlock) refuse(NO_BLOCK);
  else if (unknown()) refuse(NO_SAVEPOINT);
  else {
    if (verb === "SAVEPOINT") session.setSavepoint(name);
    accept(verb);
  }
}

function commitBlock(question: Question): void {
  const session = question.client.model;
  const model = session.tenant;
  const commands = session.staged.map(({ command }) => command);
  const part = { rows: [], tag: "COMMIT", commands: [], errors: [] };
  if (commands.length === 0) {
    session.end();
    expectAnswer(question, "COMMIT", { parts: [part], errors: [], status: "I" }, []);
    return;
  }
  followClock(question);
  const fits = session.viewOf(model.current) !== null;
  const version = model.version + 1;
  const isCommitted = fits && commitOrNot(question, commands, session.mayLose);
  if (!fits) checkNothingCommitted(question);
  const errors = isCommitted
    ? []
    : [...(fits && !session.mayLose ? [] : [LOST_RACE]), ...(question.isTroubled ? TROUBLE : [])];
  session.end();
  const answer = { parts: isCommitted ? [part] : [], errors, status: "I" as const };
  expectAnswer(question, "COMMIT", answer, [], () => {
    if (isCommitted) model.acknowledge(version);
  });
}

/** Makes the model's clock that of the server, which a statement brings to the present. */
function followClock({ client, tenant, isTroubled, askedMs, nowMs }: Question): void {
  const { tenant: model } = client.model;
  const { now } = tenant.engine;
  check(
    isTroubled || (askedMs <= now && now <= nowMs),
    `${model.name}: the server thinks that it is ${now}, its clock says ${askedMs} to ${nowMs}`,
  );
  model.advance(now, tenant.appendedLsn > model.version);
}

/** True: the commit was made, as it must be unless the disk refuses it, or the race may be called lost. */
function commitOrNot(
  { client, tenant, isTroubled }: Question,
  commands: readonly Command[],
  mayLose = false,
): boolean {
  const { tenant: model } = client.model;
  const made = tenant.appendedLsn - model.version;
  check(made <= 1, `${model.name}: ${made} commits were logged for one`);
  if (made === 1) {
    model.commit(commands, client.model);
    return true;
  }
  check(isTroubled || mayLose, `${model.name}: what the contract accepts was not committed`);
  return false;
}

function checkNothingCommitted({ client, tenant }: Question): void {
  const { tenant: model } = client.model;
  check(tenant.appendedLsn <= model.version, `${model.name}: a commit was logged where there should be none`);
}

/** Runs statements on a view, which is copied where they change it; null: it no longer fits what others committed. */
function judge(view: Oracle | null, statements: readonly Statement[]): Pick<Answer, "parts" | "errors"> {
  if (view === null) return { parts: [], errors: [LOST_RACE] };
  const state = statements.some(({ changes }) => changes) ? view.clone() : view;
  const parts: Outcome[] = [];
  for (const statement of statements) {
    const outcome = statement.evaluate(state);
    if (outcome.errors.length > 0) return { parts, errors: outcome.errors };
    parts.push(outcome);
  }
  return { parts, errors: [] };
}

function expectAnswer(
  { client }: Question,
  text: string,
  answer: Answer,
  allowed: readonly Violation[],
  onAnswered: (lines: readonly string[]) => void = () => undefined,
): void {
  client.expect({
    question: text,
    compare: (lines) => {
      compareAnswer(text, lines, answer, allowed);
      onAnswered(lines);
    },
  });
}

/** Fails unless the lines are the answer, or break off with one of the errors that are allowed at any place. */
function compareAnswer(
  text: string,
  lines: readonly string[],
  { parts, errors, status }: Answer,
  allowed: readonly Violation[],
): void {
  const wanted = parts.flatMap(({ rows, tag }) => [...rows, `done ${tag}`]);
  const wrong = (): string => {
    const ends = errors.map((error) => `ERROR ${error.sqlState} ${error.messageStart}`).join(" or ");
    return `${text}\n  answer: ${lines.join("; ")}\n  wanted: ${[...wanted, ends, `ready ${status}`].join("; ")}`;
  };
  check(lines.at(-1) === `ready ${status}`, wrong);
  const said = lines.slice(0, -1);
  const last = said.at(-1) ?? "";
  if (last.startsWith("ERROR")) {
    const is = (error: Violation) => last.startsWith(`ERROR ${error.sqlState} ${error.messageStart}`);
    const before = said.slice(0, -1);
    if (allowed.some(is))
      check(
        before.every((line, at) => line === wanted[at]),
        wrong,
      );
    else check(errors.some(is) && isSame(before, wanted), wrong);
  } else check(errors.length === 0 && isSame(said, wanted), wrong);
}

function isSame(lines: readonly string[], wanted: readonly string[]): boolean {
  return lines.length === wanted.length && lines.every((line, at) => line === wanted[at]);
}
