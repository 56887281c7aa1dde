/**
 * One client's session as the contract has it: its transaction block with what is staged in it, its savepoints, the
 * channels it listens on and what it has still to hear.
 */

import { EVENTS_CHANNEL } from "../../src/channel-name.ts";
import type { Command } from "../../src/engine/command.ts";
import { formatId } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";
import type { ModelListener, TenantModel, ToldGroup } from "./tenant-model.ts";
import { check } from "./violation.ts";

export interface Staged {
  readonly command: Command;
  /** The row that the command is about, when it was staged. */
  readonly base: string;
}

/** What of one group of events has not come yet. */
interface Expectation {
  readonly version: number;
  readonly left: Set<string>;
}

export class SessionModel implements ModelListener {
  status: "I" | "T" | "E" = "I";
  staged: Staged[] = [];
  readonly channels = new Set<string>();
  private savepoints: { readonly name: string; readonly mark: number }[] = [];
  private readonly touched = new Set<string>();
  private expected: Expectation[] = [];
  /** May come or not: told of commits that were under way when the client began, or ceased, to listen. By their version. */
  private readonly optional = new Map<string, number[]>();
  /** It hears all events by number: the next is none before `least` and none behind `most`. null: it does not. */
  private nextNumber: { readonly least: number; readonly most: number } | null = null;

  constructor(readonly tenant: TenantModel) {
    tenant.listeners.add(this);
  }

  /** The connection is gone. */
  close(): void {
    this.tenant.listeners.delete(this);
  }

  // ---- the transaction block --------------------------------------------------------------------------

  get isInBlock(): boolean {
    return this.status !== "I";
  }

  begin(): void {
    this.status = "T";
  }

  end(): void {
    this.status = "I";
    this.staged = [];
    this.savepoints = [];
    this.touched.clear();
  }

  /** A statement failed: a block with savepoints keeps what was staged before the innermost. */
  fail(): void {
    if (this.status === "I") return;
    this.status = "E";
    this.staged.length = Math.min(this.staged.length, this.savepoints.at(-1)?.mark ?? 0);
  }

  setSavepoint(name: string): void {
    this.savepoints.push({ name, mark: this.staged.length });
  }

  /** False: there is no such savepoint. */
  rollbackTo(name: string): boolean {
    const at = this.savepoints.findLastIndex((one) => one.name === name);
    const savepoint = this.savepoints[at];
    if (savepoint === undefined) return false;
    this.savepoints.length = at + 1;
    this.staged.length = savepoint.mark;
    this.status = "T";
    return true;
  }

  releaseSavepoint(name: string): boolean {
    const at = this.savepoints.findLastIndex((one) => one.name === name);
    if (at < 0) return false;
    this.savepoints.length = at;
    return true;
  }

  /** @param view what it saw before these commands; it is used up */
  stage(view: Oracle, commands: readonly Command[]): void {
    for (const command of commands) {
      this.staged.push({ command, base: targetText(view, command) });
      view.apply(command);
    }
  }

  /** What the session sees: `committed` with what it has staged; null where that no longer fits. */
  viewOf(committed: Oracle): Oracle | null {
    return viewWith(committed, this.staged);
  }

  /** Others have changed rows. */
  touch(rows: ReadonlySet<string>): void {
    if (this.isInBlock) for (const row of rows) this.touched.add(row);
  }

  /** Whether the race may be called lost although all would fit: a staged row was changed, and changed back. */
  get mayLose(): boolean {
    return this.staged.some(({ command, base }) => {
      if (base === "null") return false;
      const id = targetKey(command);
      return id !== null && this.touched.has(`${tableOf(command)} ${id}`);
    });
  }

  // ---- notifications ----------------------------------------------------------------------------------

  /** From now on it hears of a channel; of the commits under way, perhaps. */
  listen(channel: string): void {
    if (this.channels.has(channel)) return;
    this.channels.add(channel);
    for (const { version, told } of this.tenant.underWay) {
      for (const one of told) if (one.channel === channel) this.mayHear(`${channel} ${one.payload}`, version);
    }
  }

  unlisten(channel: string): void {
    this.channels.delete(channel);
    for (const { version, left } of this.expected) {
      for (const text of left) {
        if (!text.startsWith(`${channel} `)) continue;
        left.delete(text);
        this.mayHear(text, version);
      }
    }
    this.dropHeard();
  }

  expect({ version, told }: ToldGroup): void {
    const heard = told.filter(({ channel }) => this.channels.has(channel));
    this.expected.push({
      version,
      left: new Set(heard.map(({ channel, payload }) => `${channel} ${payload}`)),
    });
  }

  forgetAfter(version: number): void {
    this.expected = this.expected.filter((group) => group.version <= version);
  }

  /** From now on it hears of all events by number; of those under way, perhaps. */
  listenToNumbers(): void {
    const { ledger, acknowledgedVersion } = this.tenant;
    this.nextNumber ??= { least: ledger.lastSeqOf(acknowledgedVersion) + 1, most: ledger.lastSeq + 1 };
  }

  private heardNumber(payload: string): void {
    const { seq, at, event } = JSON.parse(payload) as { seq: number; at: number; event: object };
    const { least, most } = this.nextNumber ?? { least: 0, most: -1 };
    check(least <= seq && seq <= most, `told of event ${seq}, to come is ${least} to ${most}`);
    this.nextNumber = { least: seq + 1, most: seq + 1 };
    this.tenant.acknowledge(this.tenant.ledger.see(seq, at, JSON.stringify(event)));
  }

  /** The client was sent a notification: it has to be the next. */
  heard(channel: string, payload: string): void {
    this.tenant.tally["notifications told"]++;
    if (channel === EVENTS_CHANNEL) {
      this.heardNumber(payload);
      return;
    }
    const text = `${channel} ${payload}`;
    const next = this.expected[0];
    if (next?.left.delete(text) === true) {
      this.dropHeard();
      this.tenant.acknowledge(next.version);
      return;
    }
    const version = this.optional.get(text)?.shift();
    const wanted = [...(next?.left ?? [])].join("\n         or: ");
    check(
      version !== undefined,
      `told out of turn, twice, or of what never was: ${text}\n  to come is: ${wanted}`,
    );
    this.tenant.acknowledge(version);
  }

  private mayHear(text: string, version: number): void {
    const versions = this.optional.get(text);
    if (versions === undefined) this.optional.set(text, [version]);
    else versions.push(version);
  }

  private dropHeard(): void {
    while (this.expected[0]?.left.size === 0) this.expected.shift();
  }

  /** What it should have heard by now and has not. */
  get unheard(): readonly string[] {
    const { lastSeq } = this.tenant.ledger;
    const { nextNumber } = this;
    return [
      ...this.expected.flatMap(({ left }) => [...left]),
      ...(nextNumber !== null && nextNumber.most <= lastSeq
        ? [`events ${nextNumber.most} to ${lastSeq}, by number`]
        : []),
    ];
  }
}

/** `committed` with staged changes on top; null where they no longer fit. */
export function viewWith(committed: Oracle, staged: readonly Staged[]): Oracle | null {
  const view = committed.clone();
  for (const { command, base } of staged) {
    if (targetText(view, command) !== base || view.judge(command).length > 0) return null;
    view.apply(command);
  }
  return view;
}

function targetText(state: Oracle, command: Command): string {
  return JSON.stringify(state.target(command) ?? null);
}

function targetKey(command: Command): string | null {
  switch (command.kind) {
    case "updateResource":
      return formatId(command.resource.id);
    case "updateRule":
      return formatId(command.rule.id);
    case "moveBooking":
      return formatId(command.booking.id);
    case "changeHold":
      return formatId(command.hold.id);
    case "confirmHold":
      return formatId(command.holdId);
    case "deleteResource":
    case "removeRule":
    case "cancelBooking":
    case "releaseHold":
      return formatId(command.id);
    default:
      return null;
  }
}

function tableOf({ kind }: Command): string {
  if (kind.endsWith("Resource")) return "resources";
  if (kind.endsWith("Rule")) return "rules";
  return kind.endsWith("Booking") ? "bookings" : "holds";
}
