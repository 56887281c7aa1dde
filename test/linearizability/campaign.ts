/**
 * Rounds of many clients in several groups, each group on resources of its own, so that its history can be checked by
 * itself. A round ends with the server killed or stopped; the next one goes on from all the states that can be.
 */

import { Random } from "../seeded-random.ts";
import { connect, disconnectAll } from "../server/clients.ts";
import { type ServerProcess, startServer } from "../server/harness.ts";
import { checkLinearizability } from "./checker.ts";
import { Choices } from "./choices.ts";
import { Client } from "./client.ts";
import { type History, historyOf } from "./history.ts";
import { BLOCKED, emptyState, type Line, OPEN, type State } from "./model.ts";
import { duration, Ids, instantOf } from "./statement.ts";

const RESOURCES = 2;
const ABANDONED_IN_ROUND = 3;

export interface LinearizabilityOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly groups: number;
  readonly clients: number;
  /** How long the load of one round lasts. */
  readonly roundMs: number;
  /** An empty folder for the server. */
  readonly dataDir: string;
  readonly command: readonly string[];
}

export interface LinearizabilityReport {
  rounds: number;
  /** Of the rounds: ended by SIGKILL. */
  crashes: number;
  /** Attempts that were answered, and that were not. */
  answered: number;
  unanswered: number;
  /** Configurations that the search has looked at. */
  explored: number;
  readonly findings: string[];
}

/** Unix milliseconds with fractions: as the system's clock was when the process began, and steady from then on. */
function steadyClock(): () => number {
  let offset = 0;
  for (let sample = 0; sample < 5; sample++) {
    const before = Date.now();
    while (Date.now() === before);
    offset = Math.max(offset, Date.now() - performance.now());
  }
  return () => performance.now() + offset;
}

/** Clients that get in each other's way, on resources that nobody else touches. */
class Group {
  private states: readonly State[];
  private toCome: ReadonlySet<number> = new Set();
  private readonly ids: Ids;
  private readonly clients: readonly Client[];
  private readonly lines: readonly Line[];

  constructor(
    private readonly number: number,
    clients: number,
    random: Random,
    now: () => number,
  ) {
    this.ids = new Ids(number);
    const choices = new Choices(random, RESOURCES, now);
    this.lines = Array.from({ length: RESOURCES }, () => choices.line());
    this.states = [emptyState(this.lines)];
    this.clients = Array.from(
      { length: clients },
      (_, n) => new Client(n, n % 2 === 0, choices, this.ids, now),
    );
  }

  async create(server: ServerProcess): Promise<void> {
    const client = await connect(server);
    for (const [n, { capacity, buffer }] of this.lines.entries()) {
      await client.query("INSERT INTO resources (id, capacity, buffer_after) VALUES ($1, $2, $3)", [
        this.ids.ulid(n),
        capacity,
        duration(buffer),
      ]);
      for (const [span, blocking] of n === 0
        ? ([
            [OPEN, false],
            [BLOCKED, true],
          ] as const)
        : ([[OPEN, false]] as const)) {
        await client.query(
          'INSERT INTO rules (resource_id, start, "end", blocking) VALUES ($1, $2, $3, $4)',
          [this.ids.ulid(n), instantOf(span.start), instantOf(span.end), blocking],
        );
      }
    }
    await client.end();
  }

  run(server: ServerProcess, isOver: () => boolean): Promise<void>[] {
    let abandoned = 0;
    const mayAbandon = (): boolean => abandoned++ < ABANDONED_IN_ROUND;
    return this.clients.map((client) => client.run(server, isOver, mayAbandon));
  }

  /** Checks the round that has ended; returns what is wrong, or null. */
  check(deadAt: number, report: LinearizabilityReport): string | null {
    const attempts = this.clients.flatMap((client) => client.take(deadAt));
    const unanswered = attempts.filter(({ ending }) => ending === "unknown").length;
    report.unanswered += unanswered;
    report.answered += attempts.length - unanswered;
    const history = historyOf(attempts, this.toCome, deadAt);
    const verdict = checkLinearizability(this.states, history.operations);
    if (!verdict.isLinearizable) return this.story(history, verdict.unexplained, verdict.states);
    report.explored += verdict.explored;
    this.states = verdict.states;
    this.toCome = history.toCome;
    return null;
  }

  private story({ operations }: History, unexplained: number, states: readonly State[]): string {
    const answer = operations[unexplained];
    if (answer === undefined) return "";
    const near = operations
      .filter((one) => one.answeredAt > answer.invokedAt - 20 && one.invokedAt < answer.answeredAt)
      .toSorted((a, b) => a.invokedAt - b.invokedAt);
    return [
      `group ${this.number}: no order explains ${answer.describe()}`,
      ...states.slice(0, 5).map(({ key }) => `  possible before it: ${key}`),
      ...near.map((one) => `  near it: ${one.describe()}`),
    ].join("\n");
  }
}

/** Runs for the time given, or until a history is not linearizable. */
export async function linearize(options: LinearizabilityOptions): Promise<LinearizabilityReport> {
  const report = { rounds: 0, crashes: 0, answered: 0, unanswered: 0, explored: 0, findings: [] as string[] };
  const random = new Random(options.seed);
  const now = steadyClock();
  const groups = Array.from(
    { length: options.groups },
    (_, n) => new Group(n, options.clients, new Random(options.seed * 1000 + n), now),
  );
  const deadline = now() + options.seconds * 1000;
  while (report.findings.length === 0 && (report.rounds === 0 || now() < deadline)) {
    const server = await startServer({
      dataDir: options.dataDir,
      command: options.command,
      settings: { DELTAT_SNAPSHOT_BYTES: random.pick(["0", "65536"]) },
    });
    if (report.rounds === 0) for (const group of groups) await group.create(server);
    const isCrash = random.chance(0.7);
    const endsAt = now() + options.roundMs * (0.5 + random.below(100) / 100);
    const isOver = (): boolean => !isCrash && now() >= endsAt;
    const running = groups.flatMap((group) => group.run(server, isOver));
    if (isCrash) {
      await Bun.sleep(endsAt - now());
      await server.kill();
      report.crashes++;
    }
    await Promise.all(running);
    if (!isCrash) await server.stop();
    report.rounds++;
    const deadAt = now();
    for (const group of groups) {
      const finding = group.check(deadAt, report);
      if (finding !== null) report.findings.push(finding);
    }
    await disconnectAll();
  }
  return report;
}
