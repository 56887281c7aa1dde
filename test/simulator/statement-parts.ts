/** What the statements of the operations are made of: ids, places, and how an answer is worked out on a state. */

import type { BookingImage, Command, HoldImage, ResourceImage } from "../../src/engine/command.ts";
import { formatId, type Id } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";
import { bookingId, holdId, resourceId, ruleId } from "../engine/stories.ts";
import type { Violation } from "../engine/violations.ts";
import type { Place } from "./operations.ts";

export { bookingId, holdId, resourceId, ruleId };

/** What the answer has to be: rows and a tag, or one of the errors. */
export interface Outcome {
  readonly rows: readonly string[];
  readonly tag: string;
  /** What it changes, already applied to the state it was asked of. */
  readonly commands: readonly Command[];
  /** Not empty: it is refused with one of these, and the state it was asked of is spoilt. */
  readonly errors: readonly Violation[];
}

/** What a client copies in. */
interface CopiedData {
  readonly text: string;
  /** It breaks off, and says so. */
  readonly fails: boolean;
}

/** An operation with its instants filled in. */
export interface Statement {
  readonly text: string;
  readonly changes: boolean;
  /** COPY … FROM STDIN: what the client sends behind it. */
  readonly copied?: CopiedData;
  /** Judges by `view`, and changes it where the statement does. */
  readonly evaluate: (view: Oracle) => Outcome;
}

export function resourceText(n: number): string {
  return formatId(resourceId(n));
}

export function bookingText(n: number): string {
  return formatId(bookingId(n));
}

export function holdText(n: number): string {
  return formatId(holdId(n));
}

export const quoted = (id: Id): string => `'${formatId(id)}'`;

export function read(text: string, rows: (view: Oracle) => readonly string[], verb = "SELECT"): Statement {
  const evaluate = (view: Oracle): Outcome => {
    const found = rows(view);
    return { rows: found, tag: `${verb} ${found.length}`, commands: [], errors: [] };
  };
  return { text, changes: false, evaluate };
}

/** One command, if `commandOf` finds the row that it is about. */
export function write(text: string, verb: string, commandOf: (view: Oracle) => Command | null): Statement {
  const evaluate = (view: Oracle): Outcome => {
    const command = commandOf(view);
    return applyAll(view, verb, command === null ? [] : [() => command]);
  };
  return { text, changes: true, evaluate };
}

/** @param makers each of the commands, from the state that those before it have led to; null: there is nothing to do */
export function applyAll(
  view: Oracle,
  verb: string,
  makers: readonly (() => Command | Violation | null)[],
): Outcome {
  const commands: Command[] = [];
  for (const make of makers) {
    const command = make();
    if (command === null) continue;
    if ("sqlState" in command) return { rows: [], tag: "", commands: [], errors: [command] };
    const errors = view.judge(command);
    if (errors.length > 0) return { rows: [], tag: "", commands: [], errors };
    view.apply(command);
    commands.push(command);
  }
  return { rows: [], tag: `${verb} ${commands.length}`, commands, errors: [] };
}

export interface PlacedSpan {
  readonly resourceId: Id;
  readonly start: number;
  readonly end: number;
}

export function placed({ resource, start, length }: Place, base: number): PlacedSpan {
  return { resourceId: resourceId(resource), start: base + start, end: base + start + length };
}

export function placeText({ resourceId: resource, start, end }: PlacedSpan): string {
  return `${quoted(resource)}, ${start}, ${end}`;
}

export function placeAssignments({ resourceId: resource, start, end }: PlacedSpan): string {
  return `resource_id = ${quoted(resource)}, start = ${start}, "end" = ${end}`;
}

export function ofResource<Row extends { readonly resourceId: Id }>(
  rows: Iterable<Row>,
  resource: string,
): Row[] {
  return [...rows].filter((row) => formatId(row.resourceId) === resource);
}

export function sorted(rows: readonly string[]): string[] {
  return [...rows].sort();
}

export function resourceRow(row: ResourceImage): string {
  const parent = row.parentId === null ? "" : formatId(row.parentId);
  return `${formatId(row.id)}|${parent}|${row.capacity}|${row.bufferAfterMs}`;
}

export function bookingRow(row: BookingImage): string {
  return `${formatId(row.id)}|${row.start}|${row.end}|${row.label ?? ""}`;
}

export function holdRow(row: HoldImage): string {
  return `${formatId(row.id)}|${row.start}|${row.end}|${row.expiresAt}`;
}
