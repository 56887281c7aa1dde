/**
 * Rounds of a torture: a server is started, shown to hold all that was acknowledged before, put under load, and killed in
 * some phase. Random choices come from the seed; when exactly a kill strikes does not.
 */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { Random } from "../seeded-random.ts";
import { connect, DAY, disconnectAll, HOUR, newId, rowsOf } from "../server/clients.ts";
import { PASSWORD, runProgram, type ServerProcess } from "../server/harness.ts";
import { BriefDatabases } from "./brief-databases.ts";
import { Bulk } from "./bulk.ts";
import type { Observer } from "./observer.ts";
import { PHASES, type Phase } from "./phases.ts";
import { Replica } from "./replica.ts";
import { HALF_A_CENTURY_MS, Retained } from "./retained.ts";
import { Round, Scene } from "./scene.ts";
import { Witness } from "./witness.ts";
import { Workload } from "./workload.ts";

/** How many operations each connection to a database keeps under way. */
const DEPTHS = [1, 1, 1, 1, 1, 2, 4, 16];
const DATABASES = ["main", "second"];

/** What a server may say on stderr while it is tortured. */
const EXPECTED_WARNING = /had a torn tail at byte|no snapshot of .*(ended with|was killed by|was given up)/;

export interface TortureOptions {
  readonly seconds: number;
  readonly seed: number;
  /** The command that is the program. */
  readonly program: readonly string[];
  /** Bookings that lie there and are not touched, so that snapshots and starts take their time. */
  readonly ballast: number;
  readonly print: (line: string) => void;
}

export interface TortureReport {
  rounds: number;
  /** How often the server was killed, by what it was caught in. */
  readonly kills: Map<string, number>;
  acknowledged: number;
  eventsCompared: number;
  /** Events by which a consumer of the table `events` kept its copy. */
  eventsReplicated: number;
  /** Bookings that retention has dropped. */
  dropped: number;
  copiesChecked: number;
  readonly findings: string[];
}

class Campaign {
  readonly report: TortureReport = {
    rounds: 0,
    kills: new Map(),
    acknowledged: 0,
    eventsCompared: 0,
    eventsReplicated: 0,
    dropped: 0,
    copiesChecked: 0,
    findings: [],
  };
  private readonly random: Random;
  private readonly workloads: readonly Workload[];
  private readonly witnesses: readonly Witness[] = DATABASES.map((name) => new Witness(name));
  private readonly retained = new Retained();
  private readonly bulk: Bulk;
  private readonly replica: Replica;
  private readonly observers: readonly Observer[];
  private readonly scene: Scene;
  private readonly ballastResource = newId();

  constructor(
    private readonly options: TortureOptions,
    root: string,
  ) {
    this.random = new Random(options.seed);
    this.bulk = new Bulk((bound) => this.random.below(bound));
    this.replica = new Replica([this.ballastResource, this.retained.resource]);
    this.observers = [...this.witnesses, this.retained, new BriefDatabases(), this.bulk, this.replica];
    this.workloads = DATABASES.map((name, n) => new Workload(DEPTHS, options.seed * 10 + n, name));
    this.scene = new Scene(options.program, root, this.random, this.workloads);
  }

  async run(): Promise<void> {
    const { report, options } = this;
    const deadline = Date.now() + options.seconds * 1000;
    for (let turn = 0; Date.now() < deadline; turn++) {
      const phases = turn === 0 ? PHASES : this.random.shuffle(PHASES);
      for (const phase of phases) {
        if (Date.now() >= deadline) break;
        await this.round(phase);
        report.rounds++;
      }
      options.print(`${report.rounds} rounds, nothing found`);
    }
    const server = await this.start();
    await this.look(server);
    await disconnectAll();
    const { exitCode } = await server.stop();
    if (exitCode !== 0) throw new Error(`asked to stop, the server ended with ${exitCode}`);
    await this.scene.tool(["verify", this.scene.dataDir]).done();
  }

  /** Fills in the counts that others keep. */
  sumUp(): TortureReport {
    const { report } = this;
    report.acknowledged = this.workloads.reduce(
      (sum, { acknowledged }) => sum + acknowledged,
      this.bulk.acknowledged,
    );
    report.eventsCompared = this.witnesses.reduce((sum, { compared }) => sum + compared, 0);
    report.eventsReplicated = this.replica.applied;
    report.dropped = this.retained.dropped;
    report.copiesChecked = this.scene.copiesChecked;
    return report;
  }

  private async round(phase: Phase): Promise<void> {
    const { scene, report } = this;
    const server = await this.start();
    await this.look(server);
    const round = new Round(server);
    for (const observer of this.observers) await observer.begin(server);
    const running = this.workloads.map((workload) => workload.run(server, () => round.onAcknowledged()));
    const failed = Promise.all(running).then(() => new Promise<never>(() => {}));
    const name = await Promise.race([phase(scene, round), failed]);
    await Promise.all(running);
    await disconnectAll();
    report.kills.set(name, (report.kills.get(name) ?? 0) + 1);
    this.checkComplaints(server);
    if (this.random.chance(0.3)) await scene.tool(["verify", scene.dataDir]).done();
  }

  /** A server that listens; before it, perhaps, some that were killed before they did. */
  private async start(): Promise<ServerProcess> {
    const { random, report, scene, options } = this;
    const settings = {
      DELTAT_PORT: "0",
      DELTAT_BIND: "127.0.0.1",
      DELTAT_PASSWORD: PASSWORD,
      DELTAT_DATA_DIR: scene.dataDir,
      DELTAT_SNAPSHOT_BYTES: random.pick(["0", "65536", "262144", "1048576"]),
      DELTAT_HISTORY_BYTES: random.pick(["0", "1048576", "16777216"]),
      DELTAT_RETENTION_MS: random.pick(["", String(HALF_A_CENTURY_MS)]),
    };
    const begin = (): ServerProcess => {
      this.retained.onStart(settings.DELTAT_RETENTION_MS !== "");
      return runProgram([], settings, { command: options.program });
    };
    while (report.rounds > 0 && random.chance(0.3)) {
      const server = begin();
      await Bun.sleep(random.below(300));
      await server.kill();
      this.checkComplaints(server);
      const { stdout } = await server.ended();
      const name = stdout.includes("listening") ? "just started" : "start-up";
      report.kills.set(name, (report.kills.get(name) ?? 0) + 1);
    }
    return begin().ready();
  }

  /** Everything that was acknowledged is there, and nothing that nobody wrote; makes it, the first time. */
  private async look(server: ServerProcess): Promise<void> {
    const isFirst = this.report.rounds === 0;
    for (const workload of this.workloads) {
      const client = await connect(server, workload.database);
      if (isFirst) await workload.createResources(client);
      else await workload.verify(client);
      if (isFirst) await this.layBallast(client);
      else await this.checkBallast(client);
      await client.end();
    }
    if (!isFirst) for (const observer of this.observers) await observer.check(server);
    await this.scene.tool(["verify", this.scene.dataDir]).done();
  }

  private async layBallast(client: pg.Client): Promise<void> {
    await client.query("INSERT INTO resources (id) VALUES ($1)", [this.ballastResource]);
    await client.query(
      `INSERT INTO bookings (resource_id, start, "end")
       SELECT $1, ${DAY} + n * ${HOUR}, ${DAY} + n * ${HOUR} + ${HOUR} FROM generate_series(1, $2::bigint) AS s (n)`,
      [this.ballastResource, this.options.ballast],
    );
  }

  private async checkBallast(client: pg.Client): Promise<void> {
    const { ballast } = this.options;
    const [row] = await rowsOf(client, "SELECT count(*), sum(start) FROM bookings WHERE resource_id = $1", [
      this.ballastResource,
    ]);
    const sum = ballast * DAY + (HOUR * ballast * (ballast + 1)) / 2;
    if (String(row) !== String([ballast, sum])) throw new Error(`the ballast is ${row}`);
  }

  private checkComplaints(server: ServerProcess): void {
    const unexpected = server.complaints
      .split("\n")
      .filter((line) => line !== "" && !EXPECTED_WARNING.test(line));
    if (unexpected.length > 0) throw new Error(`the server complained: ${unexpected.join("; ")}`);
  }
}

/** Runs for the time given, or until something is found; the data folder of a finding is kept, and said where. */
export async function torture(options: TortureOptions): Promise<TortureReport> {
  const root = mkdtempSync(join(tmpdir(), "deltat-torture-"));
  const campaign = new Campaign(options, root);
  let isKept = false;
  try {
    await campaign.run();
  } catch (error) {
    const kept = `${root}-kept`;
    cpSync(root, kept, { recursive: true });
    isKept = true;
    const words = error instanceof Error ? (error.stack ?? error.message) : String(error);
    campaign.report.findings.push(`${words}\nthe folder as it was: ${kept}`);
  } finally {
    await disconnectAll();
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
  const report = campaign.sumUp();
  if (isKept) options.print(`a finding of seed ${options.seed}, after ${report.rounds} rounds`);
  return report;
}
