/** Clients of the tests: drivers as their users set them up, and what they answer in a form to compare. */

import pg from "pg";
import postgres from "postgres";
import { ulid } from "ulid";
import { PASSWORD, type ServerProcess } from "./harness.ts";

export const USER = "deltat";

/** A new ULID, upper case. */
export function newId(): string {
  return ulid();
}

/** The beginning of most stories, an ordinary day in 2024, Unix milliseconds. */
export const DAY = 1_706_000_000_000;
export const HOUR = 3_600_000;

/** Far enough away that no hold of a test expires while it runs, Unix milliseconds. */
export const FAR_FUTURE = 4_102_444_800_000;

const clients = new Set<pg.Client>();

/** Connects node-postgres to a database, `main` unless named. */
export async function connect(
  server: ServerProcess,
  database = "main",
  password: string = PASSWORD,
): Promise<pg.Client> {
  const client = new pg.Client({ host: "127.0.0.1", port: server.port, user: USER, password, database });
  // A server that is killed takes its connections along: the test that kills it says what that means.
  client.on("error", () => clients.delete(client));
  await client.connect();
  clients.add(client);
  return client;
}

/** Closes every connection made by `connect`. */
export async function disconnectAll(): Promise<void> {
  const open = [...clients];
  clients.clear();
  await Promise.all(open.map((client) => client.end().catch(() => undefined)));
}

/** As its users connect, its question for the array types included. */
export function connectPostgresJs(server: ServerProcess, database: string): postgres.Sql {
  return postgres({ host: "127.0.0.1", port: server.port, user: USER, pass: PASSWORD, database });
}

/** How a server says no. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
  readonly position: number | null;
  readonly detail: string | null;
  readonly hint: string | null;
}

/** The refusal that `work` ends in. Throws if it succeeds, or fails otherwise than by the server's word. */
export async function refusalOf(work: Promise<unknown>): Promise<Refusal> {
  try {
    await work;
  } catch (error) {
    if (error instanceof pg.DatabaseError) {
      return {
        code: error.code ?? "",
        message: error.message,
        position: error.position === undefined ? null : Number(error.position),
        detail: error.detail ?? null,
        hint: error.hint ?? null,
      };
    }
    throw error;
  }
  throw new Error("was expected to be refused, and was not");
}

/** The rows of a query as arrays, in the order of its columns. */
export async function rowsOf(
  client: pg.Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<unknown[][]> {
  const result = await client.query<unknown[]>({ text, values: [...values], rowMode: "array" });
  return result.rows;
}

/** The notifications that a client gets, in order. */
export class Inbox {
  private readonly received: { channel: string; payload: unknown }[] = [];
  private wake = Promise.withResolvers<void>();

  constructor(client: pg.Client) {
    client.on("notification", ({ channel, payload }) => {
      this.received.push({ channel, payload: JSON.parse(payload ?? "null") });
      this.wake.resolve();
      this.wake = Promise.withResolvers<void>();
    });
  }

  get count(): number {
    return this.received.length;
  }

  /** Takes the next notification, waiting for it. */
  async next(): Promise<{ channel: string; payload: unknown }> {
    while (true) {
      const first = this.received.shift();
      if (first !== undefined) return first;
      await this.wake.promise;
    }
  }

  async take(count: number): Promise<{ channel: string; payload: unknown }[]> {
    const taken = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }
}
