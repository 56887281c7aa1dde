/** Contention: all connections want one slot, in deltat and in PostgreSQL. */

import type { ContendOptions } from "../clients/contend.ts";
import { runClient } from "../clients/run-client.ts";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { inTurns } from "../harness/rounds.ts";
import { comparison } from "../report/comparison.ts";
import { startRivals } from "../servers/rivals.ts";
import { type Server, Servers } from "../servers/server.ts";

const WORK = "all on one slot";
const CONNECTIONS = [1, 16, 64, 256];
const QUICK_CONNECTIONS = [1, 16];
const ROUNDS = 3;
const MEASURE_MS = 1_200;
const QUICK_MEASURE_MS = 300;

function contend(server: Server, connections: number, measureMs: number): Promise<Metrics> {
  const options: ContendOptions = {
    server: server.name,
    port: server.port,
    password: server.password,
    serverPid: server.pid,
    connections,
    warmupMs: measureMs / 4,
    measureMs,
  };
  return runClient<Metrics>("contend.ts", options);
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const rivals = await startRivals(servers, folder);
  const measureMs = quick ? QUICK_MEASURE_MS : MEASURE_MS;
  const contestants = (quick ? QUICK_CONNECTIONS : CONNECTIONS).flatMap((at) =>
    rivals.map((server) => ({
      work: WORK,
      subject: server.name,
      at,
      run: () => contend(server, at, measureMs),
    })),
  );
  return await inTurns(contestants, rounds ?? (quick ? 1 : ROUNDS));
}

function render(figures: Figures): Rendering {
  return { markdown: comparison(figures, WORK, "connections", "attempts/s", "won/s"), plots: [] };
}

export const contention: Part = {
  name: "contention",
  about: "all connections want one slot, beside PostgreSQL",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
