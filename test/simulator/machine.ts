/**
 * The machine under the server: its disk, its clocks, the life of the process that runs on it, and its ends. After each
 * event the model follows what the server has done by itself, and after each start it says whether what was found may be.
 */

import { drainMicrotasks } from "bun:jsc";
import { DeltatError, SqlState } from "../../src/errors.ts";
import type { Tenant } from "../../src/tenants/tenant.ts";
import { Random } from "../seeded-random.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";
import { flipOneBit } from "./flipped-bit.ts";
import { compareRows } from "./inspection.ts";
import { DATA_FOLDER, ServerLife, type ServerSettings } from "./server-life.ts";
import type { SimulatedClient } from "./simulated-client.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { EventLoop, MachineClock } from "./simulated-time.ts";
import type { TenantModel } from "./tenant-model.ts";
import { check } from "./violation.ts";

/** How long a server that was asked to stop may take. */
const STOP_MS = 20_000;

const EXPIRY_LATENESS_MS = 2;

export class Machine {
  readonly clock = new MachineClock();
  readonly disk: SimulatedDisk;
  readonly clients = new Set<SimulatedClient>();
  loop: EventLoop;
  life: ServerLife | null = null;
  /** The disk has been in trouble in this life of the server: it may refuse, or have failed. */
  isTroubled = false;
  /** The clock has jumped in this life of the server: timers, which do not look at it, may come late. */
  private hasJumped = false;
  /** What becomes of the machine when its disk stops it. */
  stopsByPower = true;
  /** It stops once more after so many disk operations of the next starts. */
  stopsAgainAt: number[] = [];

  constructor(
    private readonly settings: ServerSettings,
    private readonly models: ReadonlyMap<string, TenantModel>,
    private readonly bug: DeliberateBug | null,
    readonly count: (what: string) => void,
  ) {
    this.loop = this.newLoop();
    this.disk = new SimulatedDisk(new Random(0), {
      after: (ms, callback) => void this.loop.after(ms, callback),
      spend: (ms) => {
        this.clock.monotonicMs += ms;
      },
      stopped: () => {
        this.loop.isOver = true;
      },
      failed: (what) => {
        this.isTroubled = true;
        this.count(what);
      },
      cut: (what) => this.count(what),
    });
  }

  /** Starts the server, and once more whenever the machine stops meanwhile; then judges what it has found. */
  start(): void {
    for (;;) {
      this.loop = this.newLoop();
      this.hasJumped = false;
      this.isTroubled = this.disk.room !== Number.POSITIVE_INFINITY;
      const again = this.stopsAgainAt.shift();
      if (again !== undefined) this.disk.stopAt = this.disk.operations + again + 1;
      if (this.recover()) break;
      this.count("starts broken off");
      this.losePower(this.stopsByPower && this.disk.isStopped);
    }
    for (const model of this.models.values()) this.judgeRecovery(model);
  }

  /** The system's clock is set, forwards or back. */
  jumpClock(ms: number): void {
    this.count("clock jumps");
    this.clock.jump(ms);
    this.hasJumped = true;
  }

  /** Fails unless the holds that are over were seen to be: a timer waits for the next, also where nobody asks. */
  expectExpiries(): void {
    const { loop } = this;
    if (this.life === null || this.isTroubled || this.hasJumped || loop.isOver || loop.isLate) return;
    for (const model of this.models.values()) {
      const late = model.dueBy(loop.now() - EXPIRY_LATENESS_MS);
      check(
        late.length === 0,
        `${model.name}: it is ${loop.now()}, and a hold that expires at ${late[0]?.expiresAt} is still there`,
      );
    }
  }

  /** The process ends this very moment, with the power or without. */
  crash(power: boolean): void {
    this.count(power ? "power cuts" : "kills");
    this.losePower(power);
    this.start();
  }

  /** The process ends, and while it is down one bit of a copy of the disk turns over. */
  flip(after: "power" | "kill" | "stop"): void {
    const isClean = after === "stop" && this.stop();
    if (!isClean) this.losePower(after === "power");
    this.disk.settle();
    const { disk, clock, settings } = this;
    this.count(
      flipOneBit({ disk, clock, settings, models: [...this.models.values()], isClean }, disk.random),
    );
    this.start();
  }

  restart(): void {
    if (this.stop()) this.count("restarts");
    this.start();
  }

  /** The server is asked to stop; true: it has done so in peace. */
  private stop(): boolean {
    const { life, loop } = this;
    this.forgetClients();
    let outcome = "pending";
    loop.run(() => {
      life?.registry.close().then(
        () => {
          outcome = "closed";
        },
        () => {
          outcome = "failed";
        },
      );
    });
    for (let waited = 0; outcome === "pending" && !loop.isOver && waited < STOP_MS; waited += 100) {
      loop.endTurn();
      loop.pass(100);
    }
    const isStopped = loop.isOver;
    if (!isStopped) {
      check(outcome !== "pending", "the server does not stop");
      check(outcome === "closed" || this.isTroubled, "the server's stop failed for no reason");
      if (outcome === "closed") this.expectAllDurable();
    }
    this.losePower(isStopped && this.stopsByPower);
    return outcome === "closed" && !isStopped;
  }

  /** Follows the disk, when an operation has stopped the machine. */
  settleStop(): void {
    if (!this.disk.isStopped) return;
    this.count("crashes at an operation of the disk");
    this.losePower(this.stopsByPower);
    this.start();
  }

  tenant(name: string): Tenant | null {
    return this.life?.tenant(name) ?? null;
  }

  /** Whether the log of a database was, or may have been, cut short. */
  hasSnapshot(name: string): boolean {
    const files = [...this.disk.filesIn(this.folderOf(name)).keys()];
    return files.some((path) => path.includes(".snapshot"));
  }

  folderOf(name: string): string {
    return `${DATA_FOLDER}/databases/${name}`;
  }

  /** Whether a commit is on its way to the disk. */
  get isSyncing(): boolean {
    if (this.isTroubled || this.loop.isOver) return false;
    return [...this.models.keys()].some((name) => {
      const tenant = this.tenant(name);
      return tenant !== null && tenant.durableLsn < tenant.appendedLsn;
    });
  }

  /** The model follows what the server did by itself: expiries, retention, a log that has failed. */
  follow(): void {
    if (this.life === null) return;
    for (const model of this.models.values()) {
      const tenant = this.tenant(model.name);
      if (tenant !== null) this.followTenant(tenant, model);
    }
    const [bug] = this.life.bugs;
    if (bug !== undefined && !this.disk.isStopped) throw bug;
    for (const client of [...this.clients]) {
      client.pump();
      if (client.isClosed) this.clientWasClosed(client);
    }
  }

  private followTenant(tenant: Tenant, model: TenantModel): void {
    const { engine } = tenant;
    check(
      engine.now <= this.loop.now() || engine.now === model.current.now,
      `${model.name}: it is ahead of its clock`,
    );
    if (!model.hasFailed && hasFailed(tenant)) {
      check(this.isTroubled || this.disk.isStopped, `${model.name}: its log failed for no reason`);
      this.count("failed logs");
      model.fail(tenant.durableLsn);
    }
    model.advance(engine.now, tenant.appendedLsn > model.version);
    if (tenant.appendedLsn > model.version) this.followRetention(tenant, model);
    check(tenant.appendedLsn <= model.version, `${model.name}: a commit that nobody asked for`);
  }

  private followRetention(tenant: Tenant, model: TenantModel): void {
    const { engine } = tenant;
    const { retentionMs } = this.settings;
    const gone = [...model.current.bookings.values()].filter(
      ({ id }) => engine.allocations.findBooking(id) < 0,
    );
    for (const { end } of gone) {
      const isOld = retentionMs !== null && end <= engine.now - retentionMs;
      check(isOld, `${model.name}: a booking that ends at ${end} was dropped at ${engine.now}`);
    }
    if (gone.length === 0) return;
    this.count("commits of retention");
    model.commit(
      gone.map(({ id }) => ({ kind: "forgetBooking", id })),
      null,
    );
  }

  private clientWasClosed(client: SimulatedClient): void {
    const { tenant } = client.model;
    const isExpected = tenant.hasFailed || this.isTroubled || this.disk.isStopped;
    check(isExpected, `the server has ended a connection: ${client.lastWords}`);
    this.forgetClient(client);
  }

  forgetClient(client: SimulatedClient): void {
    client.drop();
    client.model.close();
    this.clients.delete(client);
  }

  private forgetClients(): void {
    for (const client of [...this.clients]) this.forgetClient(client);
  }

  private losePower(power: boolean): void {
    this.loop.isOver = true;
    this.life = null;
    // What the process had still in hand comes to nothing.
    this.disk.isStopped = true;
    drainMicrotasks();
    for (const client of [...this.clients]) {
      client.isClosed = true;
      this.forgetClient(client);
    }
    if (power) this.disk.powerCut();
    else this.disk.processEnded();
  }

  /** False: the machine has stopped meanwhile. */
  private recover(): boolean {
    try {
      this.life = new ServerLife(this.loop, this.disk, this.bug, this.settings, this.disk.random, {
        snapshotMade: () => this.count("snapshots made"),
      });
      for (const name of this.models.keys()) this.tenant(name);
    } catch (error) {
      if (!this.disk.isStopped) this.mendDisk(error);
      return false;
    }
    return !this.disk.isStopped;
  }

  /** A start may be refused while the disk is in trouble; the operator mends it, and tries again. */
  private mendDisk(refusal: unknown): void {
    const isDisks =
      refusal instanceof DeltatError &&
      (refusal.sqlState === SqlState.diskFull || refusal.sqlState === SqlState.ioError);
    if (!isDisks || !this.isTroubled) throw refusal;
    this.count("starts refused by the disk");
    this.disk.mend();
  }

  private judgeRecovery(model: TenantModel): void {
    const tenant = this.tenant(model.name);
    if (tenant === null) {
      model.recover(0, 0);
      return;
    }
    const found = tenant.appendedLsn;
    // What the server did by itself in its last moment, nobody has seen.
    if (found === model.version + 1) this.adoptLast(tenant, model);
    model.recover(found, tenant.engine.now);
    check(
      tenant.engine.now === model.current.now,
      `${model.name}: time goes on at ${tenant.engine.now} after the restart`,
    );
    compareRows(`${model.name} after a restart`, tenant.engine, model.current);
    const [counted, wanted] = [tenant.engine.eventCount, model.ledger.lastSeq];
    check(
      counted === wanted,
      `${model.name}: ${counted} events are counted after the restart, not ${wanted}`,
    );
  }

  private adoptLast(tenant: Tenant, model: TenantModel): void {
    model.advance(Math.max(model.current.now, tenant.engine.now), true);
    if (tenant.appendedLsn > model.version) this.followRetention(tenant, model);
  }

  private expectAllDurable(): void {
    for (const model of this.models.values()) if (!model.hasFailed) model.acknowledge(model.version);
  }

  private newLoop(): EventLoop {
    return new EventLoop(this.clock, () => this.follow());
  }
}

function hasFailed(tenant: Tenant): boolean {
  try {
    tenant.refuseIfFailed();
    return false;
  } catch (error) {
    return error instanceof DeltatError && error.sqlState === SqlState.ioError;
  }
}
