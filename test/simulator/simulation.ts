/**
 * Plays a plan: the real server on a simulated machine, beside the model. Whatever the server does against its contract
 * ends the run with a ContractViolation, or with what the server itself has thrown.
 */

import { serialize } from "pg-protocol";
import { EVENTS_CHANNEL } from "../../src/channel-name.ts";
import type { Id } from "../../src/id.ts";
import type { Oracle } from "../engine/oracle.ts";
import { Random } from "../seeded-random.ts";
import { Consumer } from "./consumer.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { askControl, askStatements, type Question } from "./dialogue.ts";
import { compareEvents, compareRows, databaseFolders, replayTwice } from "./inspection.ts";
import { Machine } from "./machine.ts";
import { type Operation, statementOf } from "./operations.ts";
import { DATA_FOLDER } from "./server-life.ts";
import { SessionModel } from "./session-model.ts";
import { SimulatedClient } from "./simulated-client.ts";
import { resourceText, type Statement } from "./statement-parts.ts";
import { DATABASES, type Plan, type Step } from "./steps.ts";
import { TenantModel } from "./tenant-model.ts";
import { check } from "./violation.ts";

/** Bookings lie around a base that follows the clock in strides of this many milliseconds. */
const BASE_MS = 256;

/** How long the server has to answer everything once it is left alone. */
const QUIET_MS = 1000;
const SYNC_WAIT_MS = 10;

/** What the story does without: it follows from what it tells. */
const UNTOLD = new Set(["statements", "connections", "unsynced sectors lost", "unsynced sectors written"]);

export class Simulation {
  /** How often what happened. */
  readonly counts = new Map<string, number>();
  private readonly models = new Map<string, TenantModel>();
  private readonly consumers = new Map<string, Consumer>();
  private readonly machine: Machine;
  private readonly clientOf = new Map<number, SimulatedClient>();
  private random = new Random(0);

  /** @param tell takes the story, a line at a time; null: nobody reads it */
  constructor(
    private readonly plan: Plan,
    bug: DeliberateBug | null = null,
    private readonly tell: ((line: string) => void) | null = null,
  ) {
    for (const name of DATABASES) {
      const model = new TenantModel(name, plan.settings.enforceRulesByDefault);
      this.models.set(name, model);
      this.consumers.set(name, new Consumer(model, () => this.machine.hasSnapshot(name)));
    }
    this.machine = new Machine(plan.settings, this.models, bug, (what) => this.count(what));
  }

  /** Plays all steps. Throws at the first thing that is wrong. */
  run(): void {
    try {
      this.playAll();
    } finally {
      this.counts.set("disk operations", this.machine.disk.operations);
      for (const { tally } of this.models.values()) {
        for (const [what, count] of Object.entries(tally)) {
          this.counts.set(what, (this.counts.get(what) ?? 0) + count);
        }
      }
    }
  }

  private playAll(): void {
    const { machine } = this;
    machine.start();
    for (const step of this.plan.steps) {
      this.random = new Random(step.seed);
      machine.disk.random = this.random;
      this.play(step);
      if (step.endsTurn) machine.loop.endTurn();
      machine.settleStop();
      if (step.seed % 5 === 0 && this.hasFailedLog()) machine.crash(step.seed % 2 === 0);
    }
  }

  private count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    if (!UNTOLD.has(what)) this.tell?.(`  ${what}`);
  }

  private hasFailedLog(): boolean {
    return [...this.models.values()].some((model) => model.hasFailed);
  }

  private play(step: Step): void {
    if (step.kind !== "ask") this.tell?.(describeStep(step));
    switch (step.kind) {
      case "ask":
        this.ask(step.client, step.operations, step.pipelined);
        break;
      case "control":
        this.control(step.client, step.text);
        break;
      case "listen":
        this.listen(step.client, step.resource, step.on);
        break;
      case "listenToAll":
        this.listenToAll(step.client);
        break;
      case "consume":
        this.consume(step.client, step.limit);
        break;
      case "checkpoint":
        this.checkpoint(step.client);
        break;
      case "drop":
        this.drop(step.client);
        break;
      case "break":
        this.breakOff(step.client, step.operation);
        break;
      case "stall":
        this.stall(step.client, step.room);
        break;
      case "verify":
        this.verify();
        break;
      default:
        this.change(step);
    }
  }

  /** What happens to the machine. */
  private change(step: Step): void {
    const { machine } = this;
    if (step.kind === "pass") {
      machine.loop.pass(step.ms);
      machine.expectExpiries();
    } else if (step.kind === "jump") machine.jumpClock(step.ms);
    else if (step.kind === "crash") machine.crash(step.power);
    else if (step.kind === "restart") machine.restart();
    else if (step.kind === "flip") machine.flip(step.after);
    else this.breakDisk(step);
  }

  private breakDisk(step: Step): void {
    const { machine } = this;
    const { disk } = machine;
    if (step.kind === "full") {
      disk.room = step.room;
      disk.refusesOverwriting = step.refusesOverwriting;
      machine.isTroubled = true;
      this.count("disks filled");
    } else if (step.kind === "room") disk.room = Number.POSITIVE_INFINITY;
    else if (step.kind === "failSync") disk.failingSyncs = 1;
    else if (step.kind === "failFolderSync") disk.failingFolderSyncs = 1;
    else if (step.kind === "failWrite") disk.failingWrites = 1;
    else if (step.kind === "syncs") disk.syncMs = step.ms;
    else if (step.kind === "stopAt") {
      disk.stopAt = disk.operations + step.operations + 1;
      machine.stopsByPower = step.power;
      machine.stopsAgainAt = [...step.again];
    }
  }

  // ---- clients ----------------------------------------------------------------------------------------

  /** The client, connected if it was not; null where it cannot be, or waits for a checkpoint. */
  private client(n: number): SimulatedClient | null {
    const { machine } = this;
    const known = this.clientOf.get(n);
    if (known !== undefined && machine.clients.has(known)) return known.isBusy ? null : known;
    const name = DATABASES[n % DATABASES.length] ?? "";
    const model = this.models.get(name);
    if (model === undefined || machine.life === null) return null;
    const made = new SimulatedClient(name, new SessionModel(model), () => machine.disk.isStopped);
    machine.clients.add(made);
    this.clientOf.set(n, made);
    this.count("connections");
    machine.loop.run(() =>
      machine.life?.connect(made, (session) => {
        made.readStatus = () => session.transactionStatus;
      }),
    );
    return machine.clients.has(made) ? made : null;
  }

  /** Sends bytes in pieces; `then` runs when the server has done what they ask. */
  private exchange(client: SimulatedClient, bytes: Uint8Array, then: (question: Question) => void): void {
    const { machine } = this;
    const pieces = this.random.chance(0.2) ? this.random.below(bytesBeforeAnswer(bytes)) : 0;
    if (pieces > 0) machine.loop.run(() => client.send(bytes.subarray(0, pieces)));
    const present = () => Math.max(machine.loop.now(), client.model.tenant.current.now);
    machine.loop.run(() => {
      const askedMs = present();
      client.send(bytes.subarray(pieces));
      const tenant = machine.tenant(client.database);
      if (tenant === null) return;
      then({
        client,
        tenant,
        isTroubled: machine.isTroubled || machine.disk.isStopped,
        askedMs,
        nowMs: present(),
        status: () => client.status,
      });
    });
  }

  private ask(n: number, operations: readonly Operation[], pipelined: boolean): void {
    const client = this.client(n);
    if (client === null) return;
    const now = this.machine.loop.now();
    const base = Math.floor(now / BASE_MS) * BASE_MS;
    const { current } = client.model.tenant;
    const statements = operations.map((operation) => statementOf(aimed(operation, current), base, now));
    const bytes = pipelined ? pipeline(statements.map(({ text }) => text)) : script(statements);
    this.tell?.(
      `client ${n}${pipelined ? " in one pipeline" : ""}: ${statements.map(({ text }) => text).join("; ")}`,
    );
    this.count("statements");
    this.exchange(client, bytes, (question) => askStatements(question, statements));
  }

  private control(n: number, text: string): void {
    const client = this.client(n);
    if (client === null) return;
    this.count("statements");
    this.exchange(client, serialize.query(text), (question) => askControl(question, text));
  }

  private listen(n: number, resource: number, on: boolean): void {
    const client = this.client(n);
    if (client === null || client.model.isInBlock) return;
    const channel = `resource_${resourceText(resource)}`;
    const verb = on ? "LISTEN" : "UNLISTEN";
    this.exchange(client, serialize.query(`${verb} ${channel}`), () => {
      if (on) client.model.listen(channel);
      else client.model.unlisten(channel);
      client.expectExactly(verb, [`done ${verb}`, "ready I"]);
    });
  }

  private listenToAll(n: number): void {
    const client = this.client(n);
    if (client === null || client.model.isInBlock) return;
    this.exchange(client, serialize.query(`LISTEN ${EVENTS_CHANNEL}`), () => {
      client.model.listenToNumbers();
      client.expectExactly("LISTEN", ["done LISTEN", "ready I"]);
    });
  }

  private consume(n: number, limit: number): void {
    const client = this.client(n);
    const consumer = client === null ? undefined : this.consumers.get(client.database);
    if (client === null || client.model.isInBlock || consumer === undefined) return;
    const text = consumer.question(limit);
    this.tell?.(`client ${n}: ${text}`);
    this.count("reads of events");
    this.exchange(client, serialize.query(text), ({ isTroubled }) =>
      client.expect(consumer.asks(limit, isTroubled)),
    );
  }

  private checkpoint(n: number): void {
    const client = this.client(n);
    if (client === null || client.model.isInBlock) return;
    this.count("checkpoints");
    client.isBusy = true;
    this.exchange(client, serialize.query("CHECKPOINT"), () => {
      client.expect({
        question: "CHECKPOINT",
        compare: (lines) => {
          client.isBusy = false;
          const isDone = lines.join("; ") === "done CHECKPOINT; ready I";
          check(isDone || this.machine.isTroubled, `CHECKPOINT answered by ${lines.join("; ")}`);
        },
      });
    });
  }

  private drop(n: number): void {
    const client = this.clientOf.get(n);
    if (client === undefined || !this.machine.clients.has(client)) return;
    this.count("connections dropped");
    this.machine.loop.run(() => this.machine.forgetClient(client));
  }

  private breakOff(n: number, operation: Operation): void {
    const client = this.client(n);
    if (client === null) return;
    const { loop } = this.machine;
    const bytes = serialize.query(statementOf(operation, loop.now(), loop.now()).text);
    loop.run(() => client.send(bytes.subarray(0, 1 + this.random.below(bytes.length - 1))));
    this.count("messages broken off");
    this.drop(n);
  }

  private stall(n: number, room: number): void {
    const client = this.client(n);
    if (client === null) return;
    this.machine.loop.run(() => client.read(room));
  }

  // ---- looking closely --------------------------------------------------------------------------------

  /** Left alone the server answers everything, and tables, answers and files are what they should be. */
  private verify(): void {
    const { machine } = this;
    this.quieten();
    machine.settleStop();
    const copy = machine.disk.copy();
    for (const model of this.models.values()) {
      const tenant = machine.tenant(model.name);
      if (tenant === null) continue;
      compareRows(model.name, tenant.engine, model.current);
      compareEvents(copy, machine.folderOf(model.name), tenant, model);
    }
    for (const folder of databaseFolders(copy, DATA_FOLDER)) replayTwice(copy, folder);
    this.count("verifications");
  }

  private quieten(): void {
    const { machine } = this;
    for (const client of [...machine.clients]) machine.loop.run(() => client.read(Number.POSITIVE_INFINITY));
    machine.loop.endTurn();
    machine.loop.pass(QUIET_MS);
    machine.loop.endTurn();
    // What the server did by itself in the last of these moments has to get to the disk.
    for (let waited = 0; machine.isSyncing && waited < QUIET_MS; waited += SYNC_WAIT_MS) {
      machine.loop.pass(SYNC_WAIT_MS);
      machine.loop.endTurn();
    }
    if (machine.isTroubled || machine.disk.isStopped) return;
    for (const client of machine.clients) {
      check(!client.isWaiting, `no answer to: ${client.oldestQuestion}`);
      const { unheard } = client.model;
      check(client.model.isInBlock || unheard.length === 0, `never told: ${unheard.join("; ")}`);
    }
  }
}

/** Mostly, what an operation is about is a row that is there: its number counts them. */
function aimed(operation: Operation, state: Oracle): Operation {
  const nth = (rows: ReadonlyMap<string, { readonly id: Id }>, n: number): number => {
    if (rows.size === 0 || n % 5 === 0) return n;
    return [...rows.values()][n % rows.size]?.id.w3 ?? n;
  };
  switch (operation.kind) {
    case "move":
    case "cancel":
      return { ...operation, id: nth(state.bookings, operation.id) };
    case "changeHold":
    case "release":
      return { ...operation, id: nth(state.holds, operation.id) };
    case "confirm":
      return { ...operation, hold: nth(state.holds, operation.hold) };
    case "moveRule":
    case "removeRule":
      return { ...operation, id: nth(state.rules, operation.id) };
    default:
      return operation;
  }
}

/** How much the server may be sent without its having something to answer: a query, or all up to Sync. */
function bytesBeforeAnswer(bytes: Uint8Array): number {
  const isQuery = bytes[0] === "Q".charCodeAt(0);
  return isQuery ? 1 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1) : bytes.length;
}

/** The texts as an extended query, one after the other up to one Sync. */
function pipeline(texts: readonly string[]): Uint8Array {
  const messages = texts.flatMap((text) => [
    serialize.parse({ text }),
    serialize.bind(),
    serialize.execute(),
  ]);
  return Buffer.concat([...messages, serialize.sync()]);
}

/** The statements as one simple query, with what is copied in behind it. */
function script(statements: readonly Statement[]): Uint8Array {
  const query = serialize.query(statements.map(({ text }) => text).join("; "));
  const copied = statements[0]?.copied;
  if (copied === undefined) return query;
  const data = Buffer.from(copied.text);
  // Cut in the midst of a row, as drivers do.
  const pieces = [data.subarray(0, data.length >> 1), data.subarray(data.length >> 1)];
  const end = copied.fails ? serialize.copyFail("no more") : serialize.copyDone();
  return Buffer.concat([query, ...pieces.map((piece) => serialize.copyData(piece)), end]);
}

function describeStep(step: Step): string {
  const { seed, endsTurn, ...rest } = step;
  return JSON.stringify(rest);
}
