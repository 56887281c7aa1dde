/**
 * Contention: all connections want the one slot. Who gets it gives it back at once; who is refused asks again. That two
 * never hold it at the same time is checked all along.
 *
 * Run through run-client.ts: `bun bench/clients/contend.ts <ContendOptions as JSON>`; prints Metrics as JSON.
 */

import { cpuTimeUs } from "../harness/cpu-time.ts";
import type { Metrics } from "../harness/figures.ts";
import type { ServerName } from "../servers/server.ts";
import { Latencies } from "./latencies.ts";
import { dialectOf } from "./statements.ts";
import { endsReady, simpleQuery, WireClient } from "./wire-client.ts";

export interface ContendOptions {
  readonly server: ServerName;
  readonly port: number;
  readonly password: string;
  readonly serverPid: number;
  readonly connections: number;
  readonly warmupMs: number;
  readonly measureMs: number;
}

const EXCLUSION_VIOLATION = "C23P01\0";

type Outcome = "won" | "refused" | "left";

function outcomeOf(reply: Buffer): Outcome {
  const text = reply.toString("latin1");
  if (text.startsWith("E") && text.includes(EXCLUSION_VIOLATION)) return "refused";
  if (text.includes("INSERT 0 1\0")) return "won";
  if (text.includes("INSERT 0 0\0")) return "refused";
  if (text.includes("DELETE 1\0")) return "left";
  throw new Error(`unexpected reply: ${JSON.stringify(text.slice(0, 300))}`);
}

class Contention {
  private readonly latencies = new Latencies();
  private won = 0;
  private holder: number | null = null;
  private isMeasuring = false;
  private isStopping = false;

  constructor(private readonly options: ContendOptions) {}

  async run(): Promise<Metrics> {
    const { connections, warmupMs, measureMs, serverPid } = this.options;
    const clients = await Promise.all(
      Array.from({ length: connections }, () => WireClient.connect(this.options)),
    );
    const over = clients.map((client, n) => this.drive(client, n));
    await Bun.sleep(warmupMs);
    const begun = performance.now();
    const cpuBefore = cpuTimeUs(serverPid);
    this.isMeasuring = true;
    await Bun.sleep(measureMs);
    this.isMeasuring = false;
    const elapsedMs = performance.now() - begun;
    const cpuUs = cpuTimeUs(serverPid) - cpuBefore;
    const { latencies, won } = this;
    const { count } = latencies;
    this.isStopping = true;
    await Promise.all(over);
    for (const client of clients) client.close();
    return {
      perSecond: (count * 1000) / elapsedMs,
      wonPerSecond: (won * 1000) / elapsedMs,
      ...latencies.metrics(),
      ...(Number.isNaN(cpuUs) ? {} : { serverCpuUs: cpuUs / (count + won) }),
    };
  }

  /** Takes and leaves the slot as connection `n` until the end; then it holds nothing. */
  private drive(client: WireClient, n: number): Promise<void> {
    const { takeSlot, leaveSlot } = dialectOf(this.options.server);
    const [take, leave] = [simpleQuery(takeSlot(n)), simpleQuery(leaveSlot(n))];
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let reply: Buffer = Buffer.alloc(0);
    let sentAt = performance.now();
    client.onClosed = reject;
    client.onData = (chunk) => {
      reply = reply.length === 0 ? chunk : Buffer.concat([reply, chunk]);
      if (!endsReady(reply)) return;
      const now = performance.now();
      const outcome = outcomeOf(reply);
      reply = Buffer.alloc(0);
      if (outcome !== "left" && this.isMeasuring) this.latencies.add((now - sentAt) * 1000);
      if (outcome === "won") {
        this.take(n);
        // Whatever else has arrived by now is looked at while the slot is still held.
        setImmediate(() => {
          this.holder = null;
          client.send(leave);
        });
      } else if (this.isStopping) {
        resolve();
      } else {
        sentAt = now;
        client.send(take);
      }
    };
    client.send(take);
    return promise;
  }

  private take(n: number): void {
    if (this.holder !== null) throw new Error(`${n} and ${this.holder} hold the slot at the same time`);
    this.holder = n;
    if (this.isMeasuring) this.won++;
  }
}

const options = JSON.parse(process.argv[2] ?? "null") as ContendOptions;
console.log(JSON.stringify(await new Contention(options).run()));
process.exit(0);
