/**
 * Two clients race in transactions for the last unit of capacity, on every path that takes one, with their steps
 * interleaved at random: exactly one wins, each time. The seed is printed with a failure.
 */

import { expect, test } from "bun:test";
import { ByteWriter } from "../../src/bytes.ts";
import { DeltatError } from "../../src/errors.ts";
import type { Value } from "../../src/sql/values/value.ts";
import { type TestClient, TestDatabase } from "./sql-fixture.ts";

const TRIES = 10_000;
const SEED = 20260105;
const FAR = 9_000_000_000_000;
const SPAN = 100;

/** Mulberry32. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

/** One try: the room, the contested span, and the ids that a client may use in it. */
interface Contest {
  readonly room: string;
  readonly from: number;
  readonly ids: readonly [string, string];
  /** A booking of this client elsewhere, to be moved. */
  readonly elsewhere: string;
  /** One hold that is in the contested place already, for both to confirm. */
  readonly hold: string;
}

type Step = (client: TestClient) => void;

const run =
  (text: string): Step =>
  (client) => {
    client.script(text);
  };

const span = ({ from }: Contest, shift = 0) => `${from + shift}, ${from + shift + SPAN}`;
const bookingAt = (contest: Contest, shift = 0) =>
  `('${contest.ids[shift === 0 ? 0 : 1]}', '${contest.room}', ${span(contest, shift)})`;
const single = (contest: Contest) =>
  `INSERT INTO bookings (id, resource_id, start, "end") VALUES ${bookingAt(contest)}`;
const block = (...texts: string[]): Step[] => ["BEGIN", ...texts, "COMMIT"].map(run);

/** Executes as the extended protocol does, without the Sync. */
function extended(text: string, parameters: readonly Value[]): Step {
  return ({ session }) => {
    try {
      session.execute(session.prepare(text, []), parameters, [], new ByteWriter());
    } catch (error) {
      session.abort();
      throw error;
    }
  };
}

const PATHS: Record<string, (contest: Contest) => Step[]> = {
  single: (contest) => block("SELECT 1", single(contest)),
  batch: (contest) => block(`${single(contest)}, ${bookingAt(contest, 5000)}`),
  hold: (contest) =>
    block(
      `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${contest.ids[0]}', '${contest.room}', ${span(contest)}, ${FAR})`,
    ),
  move: (contest) =>
    block(
      `UPDATE bookings SET start = ${contest.from}, "end" = ${contest.from + SPAN} WHERE id = '${contest.elsewhere}'`,
    ),
  pipeline: (contest) => [
    extended('INSERT INTO bookings (id, resource_id, start, "end") VALUES ($1, $2, $3, $4)', [
      contest.ids[0],
      contest.room,
      contest.from,
      contest.from + SPAN,
    ]),
    extended("SELECT count(*) FROM bookings WHERE resource_id = $1", [contest.room]),
    ({ session }) => session.commitImplicit(),
  ],
  "hold to booking": (contest) =>
    block(`INSERT INTO bookings (id, hold_id) VALUES ('${contest.ids[0]}', '${contest.hold}')`),
  copy: (contest) => [
    run("BEGIN"),
    (client) => {
      const line = `${contest.ids[0]},${contest.room},${contest.from},${contest.from + SPAN}\n`;
      client.copyIn('COPY bookings (id, resource_id, start, "end") FROM STDIN CSV', line);
    },
    run("COMMIT"),
  ],
  savepoint: (contest) => block("SAVEPOINT s", single(contest), "RELEASE s"),
  lock: (contest) =>
    block(`SELECT * FROM resources WHERE id = '${contest.room}' FOR UPDATE`, single(contest)),
};

let nextId = 100_000;
const newId = () => `01HXXXXXXXXXXXXXXX${String(nextId++).padStart(8, "0")}`;

/** Fills the contested span up to its last unit, or, for a contest over one hold, to the full. */
function prepare(client: TestClient, room: string, capacity: number, from: number, holdTakesLast: boolean) {
  const hold = newId();
  for (let taken = 1; taken < capacity; taken++) {
    client.run(
      `INSERT INTO bookings (resource_id, start, "end") VALUES ('${room}', ${from}, ${from + SPAN})`,
    );
  }
  const contestOf = (nth: number): Contest => {
    const elsewhere = newId();
    const away = from + nth * SPAN;
    client.run(
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${elsewhere}', '${room}', ${away}, ${away + SPAN})`,
    );
    const ids: [string, string] = [newId(), newId()];
    return { room, from, ids, elsewhere, hold };
  };
  const contests: [Contest, Contest] = [contestOf(1), contestOf(2)];
  if (holdTakesLast) {
    client.run(
      `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${hold}', '${room}', ${from}, ${from + SPAN}, ${FAR})`,
    );
  }
  return contests;
}

/** Runs both lists of steps interleaved; a client stops at its first error. Returns the errors. */
function interleave(
  clients: readonly TestClient[],
  steps: readonly Step[][],
  random: (below: number) => number,
): (string | null)[] {
  const errors: (string | null)[] = [null, null];
  const at = [0, 0];
  const isDone = (i: number) => errors[i] !== null || at[i] === steps[i]?.length;
  while (!isDone(0) || !isDone(1)) {
    const i = isDone(0) ? 1 : isDone(1) ? 0 : random(2);
    const client = clients[i] as TestClient;
    try {
      steps[i]?.[at[i] as number]?.(client);
      at[i] = (at[i] as number) + 1;
    } catch (error) {
      if (!(error instanceof DeltatError)) throw error;
      errors[i] = error.sqlState;
      if (client.session.transactionStatus !== "I") client.run("ROLLBACK");
    }
  }
  return errors;
}

test(`of two that want the last unit, exactly one wins, ${TRIES} times`, () => {
  const random = randomFrom(SEED);
  const names = Object.keys(PATHS);
  let database = new TestDatabase();
  let clients: TestClient[] = [];
  const refusals = new Map<string, number>();
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (attempt % 1000 === 0) {
      database = new TestDatabase();
      clients = [database.connect(), database.connect(), database.connect()];
    }
    const [first, second, observer] = clients as [TestClient, TestClient, TestClient];
    const capacity = 1 + random(3);
    const room = newId();
    observer.run(`INSERT INTO resources (id, capacity) VALUES ('${room}', ${capacity})`);
    // Both take the same path, or one each, except that a hold can only be confirmed against another.
    const one = names[attempt % names.length] as string;
    let other = random(2) === 0 ? one : (names[random(names.length)] as string);
    if ((one === "hold to booking") !== (other === "hold to booking")) other = one;
    const contests = prepare(observer, room, capacity, 10_000, one === "hold to booking");
    const steps = [one, other].map((path, i) => PATHS[path]?.(contests[i] as Contest) ?? []);
    const errors = interleave([first, second], steps, random);
    const context = `try ${attempt}, seed ${SEED}: ${one} against ${other}, capacity ${capacity}, ${errors.join(" ")}`;
    const lost = errors.filter((error) => error !== null);
    if (lost.length !== 1) throw new Error(`${lost.length} lost: ${context}`);
    refusals.set(lost[0] as string, (refusals.get(lost[0] as string) ?? 0) + 1);
    const taken = ["bookings", "holds"].map((table) =>
      Number(
        observer.rows(
          `SELECT count(*) FROM ${table} WHERE resource_id = '${room}' AND start < ${10_000 + SPAN} AND "end" > 10000`,
        )[0]?.[0],
      ),
    );
    if ((taken[0] as number) + (taken[1] as number) !== capacity)
      throw new Error(`${taken} taken: ${context}`);
  }
  // The loser hears of it at its COMMIT or at the statement that came too late.
  expect([...refusals.keys()].sort().filter((code) => !["23503", "23P01", "40001"].includes(code))).toEqual(
    [],
  );
  expect(refusals.get("40001")).toBeGreaterThan(TRIES / 10);
}, 60_000);
