/**
 * Fan-out: many connections LISTEN, one books. Each booking must reach every listener exactly once before the next is
 * made; what is timed is from the INSERT that is sent to the notification that arrives.
 *
 * Run through run-client.ts: `bun bench/clients/fan-out.ts <FanOutOptions as JSON>`; prints Metrics as JSON.
 */

import type { Metrics } from "../harness/figures.ts";
import type { ServerName } from "../servers/server.ts";
import { Latencies } from "./latencies.ts";
import { dialectOf } from "./statements.ts";
import { messages, simpleQuery, WireClient } from "./wire-client.ts";
import { INSERT_EPOCH_MS, INSERT_SLOT_MS } from "./workload.ts";

export interface FanOutOptions {
  readonly server: ServerName;
  readonly port: number;
  readonly password: string;
  readonly listeners: number;
  /** Bookings to make, those that warm up included; and how many those are. */
  readonly bookings: number;
  readonly warmUp: number;
  /** Number of the first slot to book. */
  readonly firstSlot: number;
}

const DEADLINE_MS = 30_000;

/** Throws unless it is one notification that names the booking's start. */
function check(chunk: Buffer, start: number): void {
  const types = messages(chunk).map(({ type }) => type);
  const isRight = types.length === 1 && types[0] === "A" && chunk.includes(`${start}`);
  if (!isRight) throw new Error(`unexpected notification: ${JSON.stringify(chunk.toString("latin1"))}`);
}

async function fanOut(options: FanOutOptions): Promise<Metrics> {
  const { server, listeners, bookings, warmUp, firstSlot } = options;
  const dialect = dialectOf(server);
  const writer = await WireClient.connect(options);
  const hearing = await Promise.all(Array.from({ length: listeners }, () => WireClient.connect(options)));
  for (const client of hearing) await client.query(dialect.listen);
  const latencies = new Latencies();
  let [start, missing, sentAt, isCounted] = [0, 0, 0, false];
  let reached = Promise.withResolvers<void>();
  for (const client of hearing) {
    client.onData = (chunk) => {
      check(chunk, start);
      if (isCounted) latencies.add((performance.now() - sentAt) * 1000);
      if (--missing === 0) reached.resolve();
    };
  }
  let elapsedMs = 0;
  for (let n = 0; n < bookings; n++) {
    start = INSERT_EPOCH_MS + (firstSlot + n) * INSERT_SLOT_MS;
    const query = simpleQuery(dialect.insert([start, start + INSERT_SLOT_MS]));
    [missing, isCounted] = [listeners, n >= warmUp];
    reached = Promise.withResolvers<void>();
    const late = setTimeout(
      () => reached.reject(new Error(`${missing} listeners heard nothing`)),
      DEADLINE_MS,
    );
    sentAt = performance.now();
    await Promise.all([writer.exchange(query), reached.promise]);
    clearTimeout(late);
    if (isCounted) elapsedMs += performance.now() - sentAt;
  }
  for (const client of [writer, ...hearing]) client.close();
  return { perSecond: (latencies.count * 1000) / elapsedMs, ...latencies.metrics() };
}

console.log(JSON.stringify(await fanOut(JSON.parse(process.argv[2] ?? "null") as FanOutOptions)));
process.exit(0);
