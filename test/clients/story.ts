/**
 * The booking story that every client tells in its own words, and what must come of it, whichever tells it:
 * a house with two rooms, hours, a batch of bookings, a collision, a hold that becomes a booking, free time, a
 * transaction that is rolled back, and what a listener hears meanwhile.
 */

import { DAY, FAR_FUTURE, HOUR, newId, USER } from "../server/clients.ts";
import { PASSWORD, type ServerProcess } from "../server/harness.ts";

const MINUTE = 60_000;

/** Unix milliseconds of a time of the story's day. */
export function at(hour: number, minute = 0): number {
  return DAY + hour * HOUR + minute * MINUTE;
}

/** Where a client finds the story's server. */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

export function addressOf({ port }: Pick<ServerProcess, "port">, database: string): Address {
  return { host: "127.0.0.1", port, user: USER, password: PASSWORD, database };
}

/** The same as a connection string. */
export function urlOf(server: Pick<ServerProcess, "port">, database: string): string {
  const { host, port, user, password } = addressOf(server, database);
  return `postgres://${user}:${encodeURIComponent(password)}@${host}:${port}/${database}`;
}

export interface Booking {
  readonly id: string;
  readonly resource_id: string;
  readonly start: number;
  readonly end: number;
  readonly label: string | null;
}

/** What the story is told with: new ids each time, always the same day. */
export function newStory() {
  const house = { id: newId(), name: "House" };
  const small = {
    id: newId(),
    parent_id: house.id,
    name: "Small room",
    capacity: 1,
    buffer_after: 10 * MINUTE,
  };
  const large = { id: newId(), parent_id: house.id, name: "Large room", capacity: 2, buffer_after: 0 };
  const ada: Booking = { id: newId(), resource_id: small.id, start: at(9), end: at(10), label: "Ada" };
  const grace: Booking = { id: newId(), resource_id: small.id, start: at(14), end: at(15), label: "Grace" };
  const choir: Booking = { id: newId(), resource_id: large.id, start: at(9), end: at(11), label: "Chœur ♫" };
  const band: Booking = { id: newId(), resource_id: large.id, start: at(10), end: at(12), label: null };
  return {
    house,
    small,
    large,
    /** The house is open, and so are its rooms; the small one is cleaned at noon. */
    open: { id: newId(), resource_id: house.id, start: at(8), end: at(18), blocking: false },
    cleaning: { id: newId(), resource_id: small.id, start: at(12), end: at(13), blocking: true },
    ada,
    grace,
    batch: [ada, grace, choir, band],
    /** Collides with Ada. */
    late: { id: newId(), resource_id: small.id, start: at(9, 30), end: at(10, 30), label: "Late" },
    /** The second of the two collides with Grace, so the first is not placed either. */
    badBatch: [
      { id: newId(), resource_id: large.id, start: at(15), end: at(16), label: "Alone" },
      { id: newId(), resource_id: small.id, start: at(14, 30), end: at(15), label: "Collides" },
    ],
    hold: { id: newId(), resource_id: small.id, start: at(16), end: at(17), expires_at: FAR_FUTURE },
    interview: { id: newId(), label: "Interview" },
    window: { start: at(0), end: at(24) },
    minDuration: HOUR,
    /** Made in the transaction that is rolled back. */
    never: { id: newId(), resource_id: large.id, start: at(17), end: at(18), label: "Never" },
    /** Where Grace moves to. */
    moved: { start: at(8), end: at(9) },
    channel: `resource_${house.id}`,
  };
}

export type Story = ReturnType<typeof newStory>;

export interface Run {
  readonly start: number;
  readonly end: number;
}

/** What a client saw, with instants as numbers. */
export interface Outcome {
  /** Ids that the INSERT of the batch returned. */
  readonly batch: readonly string[];
  readonly conflict: { readonly code: string | undefined; readonly message: string };
  /** Rows that came of inserting Ada a second time, ON CONFLICT (id) DO NOTHING. */
  readonly repeated: number;
  readonly badBatch: string | undefined;
  /** The one booking made of the hold, as returned. */
  readonly interview: readonly (Run & { readonly resource_id: string })[];
  readonly holdsLeft: number;
  /** The small room's free time, an hour at least. */
  readonly free: readonly Run[];
  readonly freePerRoom: readonly (Run & { readonly resource_id: string })[];
  /** When both rooms are free. */
  readonly freeTogether: readonly Run[];
  /** Bookings at 17:00 in the large room, seen by the transaction before, and by others after its rollback. */
  readonly inside: number;
  readonly afterRollback: number;
  /** What the listener heard from before the rolled back transaction to the end. */
  readonly heard: readonly unknown[];
  /** All bookings in the end, with their rooms, by start and room. */
  readonly diary: readonly { room: string; label: string | null; start: number; end: number }[];
}

/** How many notifications there are to wait for. */
export const HEARD = 3;

export function expectedOutcome(story: Story): Outcome {
  const { small, large, ada, grace, moved } = story;
  const inSmall = [
    { start: at(8), end: at(9) },
    { start: at(10, 10), end: at(12) },
    { start: at(13), end: at(14) },
    { start: at(15, 10), end: at(16) },
    { start: at(17, 10), end: at(18) },
  ];
  const inLarge = [
    { start: at(8), end: at(10) },
    { start: at(11), end: at(18) },
  ];
  return {
    batch: story.batch.map(({ id }) => id),
    conflict: { code: "23P01", message: `conflict with allocation: ${ada.id}` },
    repeated: 0,
    badBatch: "23P01",
    interview: [{ resource_id: small.id, start: at(16), end: at(17) }],
    holdsLeft: 0,
    free: inSmall.slice(0, 3),
    freePerRoom: [
      ...inSmall.map((run) => ({ resource_id: small.id, ...run })),
      ...inLarge.map((run) => ({ resource_id: large.id, ...run })),
    ],
    freeTogether: [inSmall[0], { start: at(11), end: at(12) }, ...inSmall.slice(2)].filter(
      (run) => run !== undefined,
    ),
    inside: 1,
    afterRollback: 0,
    heard: [
      { BookingCancelled: { id: ada.id, resource_id: small.id } },
      { BookingCancelled: { id: grace.id, resource_id: small.id } },
      { BookingConfirmed: { id: grace.id, resource_id: small.id, span: moved, label: "Grace" } },
    ],
    diary: [
      { room: "Small room", label: "Grace", ...moved },
      { room: "Large room", label: "Chœur ♫", start: at(9), end: at(11) },
      { room: "Large room", label: null, start: at(10), end: at(12) },
      { room: "Small room", label: "Interview", start: at(16), end: at(17) },
    ],
  };
}

/** How drivers say that the server refused. */
export interface Refused {
  readonly code: string | undefined;
  readonly message: string;
}

/**
 * The refusal that `work` ends in. Some libraries wrap the driver's error: the innermost cause is the server's
 * word. Bun.sql keeps SQLSTATE in `errno`, and its own word in `code`.
 */
export async function refused(work: PromiseLike<unknown>): Promise<Refused> {
  try {
    await work;
  } catch (thrown) {
    let error: unknown = thrown;
    while (error instanceof Error && error.cause instanceof Error) error = error.cause;
    if (!(error instanceof Error)) throw error;
    const { message } = error;
    if ("errno" in error && typeof error.errno === "string") return { code: error.errno, message };
    if ("code" in error && typeof error.code === "string") return { code: error.code, message };
    throw error;
  }
  throw new Error("was expected to be refused, and was not");
}

/** A run, or a row with one, with instants as numbers: most drivers give int8 as text. */
export function numbered<Row extends { start: unknown; end: unknown }>(
  row: Row,
): Omit<Row, "start" | "end"> & Run {
  return { ...row, start: Number(row.start), end: Number(row.end) };
}

/** Gathers notifications until all that the story waits for have come. */
export class Hearing {
  private readonly payloads: unknown[] = [];
  private readonly complete = Promise.withResolvers<readonly unknown[]>();

  hear(payload: string | undefined): void {
    this.payloads.push(JSON.parse(payload ?? "null"));
    if (this.payloads.length >= HEARD) this.complete.resolve(this.payloads);
  }

  all(): Promise<readonly unknown[]> {
    return this.complete.promise;
  }
}
