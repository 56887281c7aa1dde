/**
 * The load: N connections in a process of their own, each sending its next query when the whole reply to the one
 * before has come. Queries are prebuilt bytes and replies are told by their length and their two ends, so that
 * the server has the work, not the client. A reply that differs from the first, checked one fails the run.
 *
 * Run through run-client.ts: `bun bench/clients/load.ts <LoadOptions as JSON>`; prints a LoadResult as JSON.
 */

import { cpuTimeUs } from "../harness/cpu-time.ts";
import type { Metrics } from "../harness/figures.ts";
import { Latencies } from "./latencies.ts";
import { endsReady, messageTypes, prepareStatement, WireClient } from "./wire-client.ts";
import {
  availabilityQueries,
  InsertQuery,
  PREPARED_NAME,
  PREPARED_SQL,
  RUNS_PER_WEEK,
  type Workload,
} from "./workload.ts";

export interface LoadOptions {
  readonly port: number;
  readonly password: string;
  /** The suite's own if it is not given. */
  readonly database?: string;
  /** Process of the server, whose CPU time is read where the system tells it. */
  readonly serverPid: number;
  readonly workload: Workload;
  readonly connections: number;
  /** Number of the first booking to insert. */
  readonly firstInsert: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface LoadResult {
  /** Those of the measured time; `clientBusy` is the share of one core that the client used. */
  readonly metrics: Metrics;
  /** Bookings inserted in all, warm-up included. */
  readonly inserted: number;
}

const DEADLINE_MS = 10_000;

function expectedTypes(workload: Workload): string {
  if (workload === "insert") return "CZ";
  return `${workload === "availability" ? "T" : "2"}${"D".repeat(RUNS_PER_WEEK)}CZ`;
}

class Load {
  private measuring = false;
  private stopping = false;
  private nextInsert: number;
  private nextWeek = 0;
  private busyConnections = 0;
  private expectedLength = 0;
  private expectedFirst = 0;
  private readonly latencies = new Latencies();
  private readonly queries: readonly Buffer[];
  private readonly drained = Promise.withResolvers<void>();

  constructor(private readonly options: LoadOptions) {
    this.nextInsert = options.firstInsert;
    this.queries = options.workload === "insert" ? [] : availabilityQueries(options.workload);
  }

  async run(): Promise<LoadResult> {
    const { connections, warmupMs, measureMs, serverPid } = this.options;
    const clients = await Promise.all(Array.from({ length: connections }, () => this.connect()));
    await this.checkOneReply(clients[0] as WireClient);
    for (const client of clients) this.drive(client);
    await Bun.sleep(warmupMs);
    const begun = performance.now();
    const serverBefore = cpuTimeUs(serverPid);
    const ownBefore = process.cpuUsage();
    this.measuring = true;
    await Bun.sleep(measureMs);
    this.measuring = false;
    const elapsedMs = performance.now() - begun;
    const own = process.cpuUsage(ownBefore);
    const serverUs = cpuTimeUs(serverPid) - serverBefore;
    const { count } = this.latencies;
    this.stopping = true;
    const late = setTimeout(() => fail(new Error("a reply did not come to its end")), DEADLINE_MS);
    await this.drained.promise;
    clearTimeout(late);
    for (const client of clients) client.close();
    return {
      metrics: {
        perSecond: (count * 1000) / elapsedMs,
        ...this.latencies.metrics(),
        ...(Number.isNaN(serverUs) ? {} : { serverCpuUs: serverUs / count }),
        clientBusy: (own.user + own.system) / 1000 / elapsedMs,
      },
      inserted: this.nextInsert - this.options.firstInsert,
    };
  }

  private async connect(): Promise<WireClient> {
    const client = await WireClient.connect(this.options);
    client.onClosed = fail;
    if (this.options.workload === "prepared") {
      await client.exchange(prepareStatement(PREPARED_NAME, PREPARED_SQL));
    }
    return client;
  }

  /** The reply that all others must look like. */
  private async checkOneReply(client: WireClient): Promise<void> {
    const reply = await client.exchange(this.nextQuery(new InsertQuery()));
    const types = messageTypes(reply);
    if (types !== expectedTypes(this.options.workload)) throw new Error(`unexpected reply: ${types}`);
    this.expectedLength = reply.length;
    this.expectedFirst = reply[0] as number;
  }

  private nextQuery(insert: InsertQuery): Buffer {
    const { queries } = this;
    if (queries.length === 0) {
      insert.become(this.nextInsert++);
      return insert.bytes;
    }
    this.nextWeek = this.nextWeek + 1 === queries.length ? 0 : this.nextWeek + 1;
    return queries[this.nextWeek] as Buffer;
  }

  private drive(client: WireClient): void {
    const { expectedLength, expectedFirst, latencies } = this;
    const insert = new InsertQuery();
    let received = 0;
    let sentAt = performance.now();
    client.onData = (chunk) => {
      if (received === 0 && chunk[0] !== expectedFirst) return fail(describe(chunk));
      received += chunk.length;
      if (received < expectedLength) {
        if (endsReady(chunk)) fail(describe(chunk));
        return;
      }
      if (received > expectedLength || !endsReady(chunk)) return fail(describe(chunk));
      received = 0;
      const now = performance.now();
      if (this.measuring) latencies.add((now - sentAt) * 1000);
      if (this.stopping) {
        if (--this.busyConnections === 0) this.drained.resolve();
        return;
      }
      sentAt = now;
      client.send(this.nextQuery(insert));
    };
    this.busyConnections++;
    client.send(this.nextQuery(insert));
  }
}

function describe(chunk: Uint8Array): Error {
  return new Error(
    `unexpected reply: ${JSON.stringify(Buffer.from(chunk.subarray(0, 300)).toString("latin1"))}`,
  );
}

function fail(error: Error): void {
  console.error(error.message);
  process.exit(1);
}

const options = JSON.parse(process.argv[2] ?? "null") as LoadOptions;
console.log(JSON.stringify(await new Load(options).run()));
process.exit(0);
