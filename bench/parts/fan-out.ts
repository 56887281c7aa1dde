/** LISTEN: how fast one booking reaches every listener, in deltat and in PostgreSQL with a trigger that notifies. */

import type { FanOutOptions } from "../clients/fan-out.ts";
import { runClient } from "../clients/run-client.ts";
import type { Figure, Figures, Metrics } from "../harness/figures.ts";
import { type Course, type Part, type Rendering, withFolder } from "../harness/part.ts";
import { type Contestant, inTurns } from "../harness/rounds.ts";
import { comparison } from "../report/comparison.ts";
import { NOTIFYING } from "../servers/postgres.ts";
import { startRivals } from "../servers/rivals.ts";
import { type Server, Servers } from "../servers/server.ts";

const WORK = "one booking to all listeners";
const LISTENERS = [1, 100, 1_000];
const ROUNDS = 3;
const BOOKINGS = 200;
const QUICK_BOOKINGS = 20;
const WARM_UP = 10;

class Slots {
  private next = 0;

  take(count: number): number {
    this.next += count;
    return this.next - count;
  }
}

function contestant(server: Server, listeners: number, bookings: number, slots: Slots): Contestant {
  return {
    work: WORK,
    subject: server.name,
    at: listeners,
    run: () => {
      const options: FanOutOptions = {
        server: server.name,
        port: server.port,
        password: server.password,
        listeners,
        bookings,
        warmUp: WARM_UP,
        firstSlot: slots.take(bookings),
      };
      return runClient<Metrics>("fan-out.ts", options);
    },
  };
}

async function measure({ quick, rounds }: Course, folder: string): Promise<Figure[]> {
  await using servers = new Servers();
  const settings = { DELTAT_MAX_CONNECTIONS: "2000" };
  const rivals = await startRivals(servers, folder, settings, NOTIFYING);
  const slots = new Slots();
  const bookings = WARM_UP + (quick ? QUICK_BOOKINGS : BOOKINGS);
  const contestants = LISTENERS.flatMap((listeners) =>
    rivals.map((server) => contestant(server, listeners, bookings, slots)),
  );
  return await inTurns(contestants, rounds ?? (quick ? 1 : ROUNDS));
}

function render(figures: Figures): Rendering {
  return { markdown: comparison(figures, WORK, "listeners", "notifications/s"), plots: [] };
}

export const fanOut: Part = {
  name: "fan-out",
  about: "LISTEN: one booking to 1, 100 and 1,000 listeners, beside PostgreSQL",
  run: (course) => withFolder((folder) => measure(course, folder)),
  render,
};
