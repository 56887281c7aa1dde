/**
 * A consumer of a database's events that lives as long as the machine: it reads the table `events` from where it left
 * off, through whatever client is there, and has to miss nothing and hear nothing twice, whatever ended meanwhile.
 */

import { SqlState } from "../../src/errors.ts";
import type { Expected } from "./simulated-client.ts";
import type { TenantModel } from "./tenant-model.ts";
import { check } from "./violation.ts";

export class Consumer {
  /** The last event that it has seen. */
  private lastSeq = 0;

  /** @param mayBeGone whether the log was ever cut short */
  constructor(
    private readonly model: TenantModel,
    private readonly mayBeGone: () => boolean,
  ) {}

  question(limit: number): string {
    return `SELECT seq, at, kind, resource_id, id, payload FROM events WHERE seq > ${this.lastSeq} ORDER BY seq LIMIT ${limit}`;
  }

  /** What the answer to that question has to be. @param isTroubled the disk may refuse to be read */
  asks(limit: number, isTroubled: boolean): Expected {
    const { model, lastSeq } = this;
    const { ledger } = model;
    // What anybody was told of by now it has to be told, too.
    const toldSeq = ledger.lastSeqOf(model.acknowledgedVersion);
    const compare = (lines: readonly string[]): void => {
      const [first = ""] = lines;
      if (first.startsWith("ERROR")) {
        const isRefused = isTroubled && first.startsWith(`ERROR ${SqlState.ioError}`);
        if (!isRefused) this.beginsAgain(first, lastSeq);
        return;
      }
      const rows = lines.slice(0, -2);
      const end = [`done SELECT ${rows.length}`, "ready I"];
      check(lines.slice(-2).join() === end.join(), `events after ${lastSeq} answered by ${lines.join("; ")}`);
      const isAll = rows.length === limit || lastSeq + rows.length >= toldSeq;
      check(
        rows.length <= limit && isAll,
        `${model.name}: asked for ${limit} events after ${lastSeq}, of ${toldSeq}, it is told ${rows.length}`,
      );
      for (const [at, row] of rows.entries()) this.reads(row, lastSeq + at + 1);
      this.lastSeq = Math.max(this.lastSeq, lastSeq + rows.length);
    };
    return { question: this.question(limit), compare };
  }

  private reads(row: string, wanted: number): void {
    const [seq = "", at = "", kind = "", resourceId = "", id = "", ...rest] = row.split("|");
    check(Number(seq) === wanted, `${this.model.name}: event ${seq} comes in the place of ${wanted}`);
    const payload = rest.join("|");
    this.model.acknowledge(this.model.ledger.see(wanted, Number(at), payload));
    const shown = Object.entries(JSON.parse(payload) as Record<string, Record<string, unknown>>)[0];
    const [shownKind, { id: shownId, resource_id: shownResource = shownId } = {}] = shown ?? [];
    check(
      kind === shownKind && id === shownId && resourceId === shownResource,
      `event ${seq} is told as a ${kind} of ${id} on ${resourceId}: ${payload}`,
    );
  }

  /** It was away for too long. The answer says from where it may go on. */
  private beginsAgain(answer: string, lastSeq: number): void {
    const { model } = this;
    const wanted = `ERROR ${SqlState.objectNotInPrerequisiteState} events before seq `;
    check(answer.startsWith(wanted), `${model.name}: events after ${lastSeq} answered by ${answer}`);
    const oldest = Number.parseInt(answer.slice(wanted.length), 10);
    check(
      this.mayBeGone() && oldest > lastSeq + 1 && oldest <= model.ledger.lastSeq + 1,
      `${model.name}: events after ${lastSeq}, of ${model.ledger.lastSeq}, answered by ${answer}`,
    );
    this.lastSeq = Math.max(this.lastSeq, oldest - 1);
  }
}
