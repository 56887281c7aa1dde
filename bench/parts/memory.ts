/** What a booking, a resource and a connection take in memory: growth of resident sets, of an engine and of a server. */

import { join } from "node:path";
import { runClient } from "../clients/run-client.ts";
import { WireClient } from "../clients/wire-client.ts";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { residentBytes, SETTLE_MS } from "../harness/resident.ts";
import { inTurns } from "../harness/rounds.ts";
import { count, number, table } from "../report/table.ts";
import { startDeltat } from "../servers/deltat.ts";
import { Servers } from "../servers/server.ts";
import type { Shape } from "../servers/stored-calendar.ts";
import type { EngineGrowth } from "./engine-memory.ts";

const ROUNDS = 3;

export const MEMORY = {
  booking: "booking without label, in one resource",
  spread: "booking without label, ten in each resource, with its resource and rule",
  resource: "resource with one rule",
  connection: "connection that has asked once",
} as const;

interface Growth {
  readonly work: string;
  readonly shape: Shape;
  /** What the growth is divided by. */
  readonly per: keyof Shape;
}

const GROWTHS: readonly Growth[] = [
  { work: MEMORY.booking, shape: { bookings: 1_000_000, resources: 1 }, per: "bookings" },
  { work: MEMORY.spread, shape: { bookings: 1_000_000, resources: 100_000 }, per: "bookings" },
  { work: MEMORY.resource, shape: { bookings: 0, resources: 100_000 }, per: "resources" },
];

const CONNECTIONS = 1_000;
const QUICK_CONNECTIONS = 100;

async function engineGrowth({ shape, per }: Growth): Promise<Metrics> {
  const { bytes } = await runClient<EngineGrowth>("../parts/engine-memory.ts", shape);
  return { bytes: bytes / shape[per] };
}

async function connectionGrowth(folder: string, connections: number): Promise<Metrics> {
  await using servers = new Servers();
  const settings = { DELTAT_MAX_CONNECTIONS: `${connections + 200}` };
  const server = await servers.add(startDeltat(folder, { settings }));
  // The first hundred let the server's code and buffers grow to what they need at any rate.
  const ask = async (wanted: number): Promise<WireClient[]> => {
    const clients = await Promise.all(Array.from({ length: wanted }, () => WireClient.connect(server)));
    for (const client of clients) await client.query("SELECT id, name FROM resources");
    return clients;
  };
  const early = await ask(100);
  await Bun.sleep(SETTLE_MS);
  const before = residentBytes(server.pid);
  const late = await ask(connections);
  await Bun.sleep(SETTLE_MS);
  const bytes = (residentBytes(server.pid) - before) / connections;
  for (const client of [...early, ...late]) client.close();
  return { bytes };
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  const growths = GROWTHS.map((growth) => ({
    work: growth.work,
    subject: "engine",
    at: growth.shape[growth.per],
    run: () => engineGrowth(growth),
  }));
  const at = quick ? QUICK_CONNECTIONS : CONNECTIONS;
  const connection = {
    work: MEMORY.connection,
    subject: "server",
    at,
    run: (round: number) => connectionGrowth(join(folder, `${round}`), at),
  };
  return inTurns([...growths, connection], rounds ?? (quick ? 1 : ROUNDS));
}

function render(figures: Figures): Rendering {
  const rows = figures.all.map(({ work, subject, at }) => [
    work,
    subject,
    count(at),
    number(figures.middle(work, subject, at, "bytes")),
  ]);
  return { markdown: table(["what", "in", "how many", "bytes each"], rows), plots: [] };
}

export const memory: Part = {
  name: "memory",
  about: "memory per booking, per resource, per connection",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
