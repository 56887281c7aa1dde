/**
 * What clients take from the memory budget they give back: two clients on one server with little memory run what sorts,
 * copies, keeps, stages and waits, are refused, cancelled and cut off in the middle of it, and do not read. Behind it all,
 * a session that is back at rest may hold exactly as much as a new one, and when the clients have gone nothing is held.
 */

import { serialize } from "pg-protocol";
import { FREE_CLIENT_BYTES } from "../../../src/limits.ts";
import { MemoryBudget } from "../../../src/memory-budget.ts";
import type { Random } from "../../seeded-random.ts";
import { messagesOf, shown } from "../answers.ts";
import { bytesOf, latin1Of } from "../mutators.ts";
import { type FuzzClient, FuzzServer } from "../session-fixture.ts";
import { smallerLists } from "../shrinking.ts";
import type { Target } from "../target.ts";

/** What one client does. */
type Step =
  | { readonly kind: "send"; readonly client: number; readonly bytes: string; readonly turns: number }
  | { readonly kind: "reads"; readonly client: number; readonly room: number }
  | { readonly kind: "cancel"; readonly client: number }
  | { readonly kind: "leave"; readonly client: number };

interface MemoryCase {
  readonly budgetKiB: number;
  readonly workMemKiB: number;
  readonly steps: readonly Step[];
}

const ROOM = "01HZZZZZZZZZZZZZZZZZZZ0001";
const WAY_IN = Buffer.concat([
  serialize.startup({ user: "deltat", database: "db" }),
  serialize.password("p"),
]);

const LOADED: readonly string[] = [
  `INSERT INTO resources (id, name, capacity) VALUES ('${ROOM}', 'room', 100)`,
  `INSERT INTO bookings (id, resource_id, start, "end", label)
   SELECT '01HZZZZZZZZZZZZZZZZZZ' || lpad(n::text, 5, '0'), '${ROOM}', n * 10, n * 10 + 10, 'label ' || n
   FROM generate_series(20000, 23000) n`,
];

/** What holds rows, with a place for their number. */
const QUERIES: readonly string[] = [
  "SELECT g FROM generate_series(1, #) g ORDER BY -g",
  "SELECT g, repeat('x', 50) FROM generate_series(1, #) g",
  "SELECT g / (g - 900) FROM generate_series(1, #) g ORDER BY -g",
  "SELECT DISTINCT g % 5000 FROM generate_series(1, #) g",
  "SELECT g % 1000, count(*), string_agg(g::text, ',') FROM generate_series(1, #) g GROUP BY 1 ORDER BY 1",
  "SELECT b.id, g FROM bookings b JOIN generate_series(20000, 20000 + #) g ON g * 10 = b.start ORDER BY b.label",
  "SELECT id, label FROM bookings ORDER BY label LIMIT #",
  "SELECT * FROM bookings WHERE start > 200500",
  "SELECT count(*), max(label) FROM bookings",
  "SELECT label, row_number() OVER (ORDER BY label DESC) FROM bookings LIMIT #",
  "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t WHERE n < #) SELECT n FROM t",
  "WITH t AS (SELECT g FROM generate_series(1, #) g) SELECT a.g FROM t a, t b WHERE a.g = b.g ORDER BY 1 DESC",
  "SELECT g FROM generate_series(1, 50) g WHERE g IN (SELECT h FROM generate_series(1, #) h ORDER BY -h)",
  "SELECT (SELECT count(*) FROM generate_series(1, #) h WHERE h > g) FROM generate_series(1, 3) g",
  "SELECT g FROM generate_series(1, #) g EXCEPT SELECT g FROM generate_series(1, 100) g",
  "SELECT start FROM availability WHERE resource_id = '$ROOM' AND start >= 0 AND \"end\" <= 1000000",
  "UPDATE bookings SET label = 'other' WHERE start >= 220000 RETURNING *",
  "DELETE FROM bookings WHERE start >= 229000 RETURNING id, label",
  "WITH c AS (UPDATE bookings SET label = 'c' WHERE start >= 228000 RETURNING id) SELECT * FROM c ORDER BY id",
  "COPY (SELECT g FROM generate_series(1, #) g ORDER BY -g) TO STDOUT",
  "COPY bookings TO STDOUT",
];

const COMMANDS: readonly string[] = [
  "BEGIN",
  "BEGIN ISOLATION LEVEL SERIALIZABLE",
  "COMMIT",
  "ROLLBACK",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "RELEASE s",
  "FETCH 10 FROM c",
  "FETCH 2000 FROM c",
  "FETCH ALL FROM d",
  "MOVE 100 FROM d",
  "CLOSE c",
  "CLOSE ALL",
  "DISCARD ALL",
  "SELECT 1/0",
  "UNLISTEN *",
  "SELECT g FROM generate_series(1, 500) g; SELECT 1/0",
  "SET work_mem = '64kB'",
  `UPDATE resources SET name = 'elsewhere' WHERE id = '${ROOM}'`,
  `UPDATE bookings SET label = 'moved' WHERE start = 200000`,
  `INSERT INTO rules VALUES ('01HZZZZZZZZZZZZZZZZZZZ9999', '${ROOM}', 5, 6, true) ON CONFLICT (id) DO NOTHING`,
  "EXPLAIN ANALYZE SELECT g FROM generate_series(1, 3000) g ORDER BY -g",
];

function query(random: Random): string {
  const rows = random.pick([3, 1000, 4000, 12_000]);
  return random.pick(QUERIES).replaceAll("#", String(rows)).replaceAll("$ROOM", ROOM);
}

let copied = 0;

function copyLines(random: Random): string {
  const count = random.pick([1, 300, 4000]);
  const first = copied++ % 7;
  return Array.from(
    { length: count },
    (_, n) =>
      `01HZZZZZZZZZZZZZZZZZ${first}${String(n).padStart(6, "0")}\t${ROOM}\t${n}\t${n + 1}\t${"y".repeat(50)}\n`,
  ).join("");
}

const TALK: readonly string[] = [
  "LISTEN a",
  `LISTEN resource_${ROOM}`,
  "BEGIN; LISTEN a",
  "SELECT pg_notify('a', repeat('p', 4000)) FROM generate_series(1, 300)",
  "NOTIFY a, 'one'",
];

const NAMES = ["", "c", "d", "e"];

function messages(random: Random): Uint8Array[] {
  const portal = random.pick(NAMES);
  const rows = random.pick([0, 1, 100, 5000]);
  return random.pick<() => Uint8Array[]>([
    () => [serialize.query(query(random))],
    () => [serialize.query(query(random))],
    () => [serialize.query(`${query(random)}; ${query(random)}`)],
    () => [serialize.query(random.pick(COMMANDS))],
    () => [serialize.query(random.pick(COMMANDS))],
    () => [serialize.query(random.pick(TALK))],
    () => [serialize.query(random.pick(TALK))],
    () => [
      serialize.query(`DECLARE c ${random.pick(["", "NO SCROLL"])} CURSOR WITH HOLD FOR ${query(random)}`),
    ],
    () => [serialize.query(`DECLARE d CURSOR FOR ${query(random)}`)],
    () => [
      serialize.parse({ text: query(random) }),
      serialize.bind({ portal }),
      serialize.execute({ portal, rows }),
      ...(random.chance(0.3) ? [serialize.sync()] : []),
    ],
    () => [serialize.execute({ portal, rows })],
    () => [serialize.close({ type: "P", name: portal })],
    () => [serialize.sync()],
    () => [serialize.query("COPY bookings FROM STDIN"), serialize.copyData(Buffer.from(copyLines(random)))],
    () => [serialize.copyData(Buffer.from(copyLines(random)))],
    () => [serialize.copyDone()],
    () => [serialize.copyFail("no more")],
    // Announced, and never sent.
    () => [Buffer.from([0x51, 0, 1 + random.below(40), 0, 0]), Buffer.alloc(random.below(600_000), 32)],
  ])();
}

function step(random: Random): Step {
  const client = random.below(2);
  const choice = random.below(20);
  if (choice === 0) return { kind: "cancel", client };
  if (choice === 1) return { kind: "leave", client };
  if (choice === 2) return { kind: "reads", client, room: random.pick([0, 1000, 300_000]) };
  if (choice === 3) return { kind: "reads", client, room: 1e9 };
  const bytes = latin1Of(Buffer.concat(messages(random)));
  return { kind: "send", client, bytes, turns: random.pick([0, 1, 3, 2000]) };
}

/** @param Server what is tested, and @param Budget with it; others show that the target finds faults */
export function memoryTarget(Server = FuzzServer, Budget = MemoryBudget): Target<MemoryCase> {
  return {
    name: "memory",
    timeBoundMs: 10_000,
    make: (random) => ({
      budgetKiB: random.pick([1024, 2048, 8192, 65_536]),
      workMemKiB: random.pick([64, 512, 4096, 65_536]),
      steps: Array.from({ length: 3 + random.below(20) }, () => step(random)),
    }),
    check: (made) => new Played(made, Server, Budget).failure(made.steps),
    *smaller(made) {
      for (const steps of smallerLists(made.steps)) yield { ...made, steps };
    },
  };
}

class Played {
  private readonly server: FuzzServer;
  private readonly clients: FuzzClient[];
  /** What a new session holds with PROBE. */
  private readonly wanted: string;

  constructor({ budgetKiB, workMemKiB }: MemoryCase, Server: typeof FuzzServer, Budget: typeof MemoryBudget) {
    const memory = new Budget(budgetKiB * 1024);
    this.server = new Server({ memory, workMemBytes: workMemKiB * 1024 });
    const loader = this.connect();
    for (const text of LOADED) loader.send(serialize.query(text));
    this.server.settle();
    loader.take();
    this.wanted = this.probe(loader);
    loader.close();
    this.clients = [this.connect(), this.connect()];
  }

  failure(steps: readonly Step[]): string | null {
    for (const one of steps) this.take(one);
    for (const client of this.clients) client.reads(Number.POSITIVE_INFINITY);
    this.server.settle();
    return this.restFailure() ?? this.goneFailure() ?? this.bugFailure();
  }

  private connect(): FuzzClient {
    const client = this.server.connect();
    client.send(WAY_IN);
    this.server.settle();
    client.take();
    return client;
  }

  private take(one: Step): void {
    const client = this.clients[one.client];
    if (client === undefined) return;
    if (one.kind === "reads") client.reads(one.room);
    else if (one.kind === "cancel") client.cancel();
    else if (one.kind === "leave") {
      client.close();
      this.clients[one.client] = this.connect();
    } else {
      client.send(bytesOf(one.bytes));
      this.server.settle(one.turns);
    }
  }

  /** Sessions that are asked to give up all they have begun hold no more than new ones. */
  private restFailure(): string | null {
    const { clients, server, wanted } = this;
    for (const client of clients) {
      client.take();
      client.send(Buffer.concat([serialize.copyFail("over"), serialize.sync(), serialize.query("ROLLBACK")]));
      client.send(serialize.query("DISCARD ALL"));
      server.settle();
      // One that is over, or in the middle of a message, never comes to rest.
      const last = messagesOf(client.take())?.at(-1);
      if (client.cut || client.ended || last?.type !== "Z") client.close();
    }
    for (const client of clients) {
      if (client.isClosed) continue;
      const held = this.probe(client);
      if (held !== wanted) return `rest: a session at rest has ${held}; a new one ${wanted}`;
    }
    return null;
  }

  private goneFailure(): string | null {
    for (const client of this.clients) client.close();
    this.server.settle();
    const { heldBytes } = this.server.memory;
    if (heldBytes !== 0) return `held: ${heldBytes} bytes when all clients have gone`;
    if (this.server.open !== 0) return `leak: ${this.server.open} sessions are left`;
    const next = this.connect();
    const held = this.probe(next);
    next.close();
    return held === this.wanted ? null : `next: a new session has ${held}; the first had ${this.wanted}`;
  }

  private bugFailure(): string | null {
    const [bug] = this.server.bugs;
    return bug === undefined ? null : `internal: ${bug instanceof Error ? bug.stack : String(bug)}`;
  }

  /** What a cursor of some hundred KiB makes the budget hold, and what is said to it. */
  private probe(client: FuzzClient): string {
    const { server } = this;
    const before = server.memory.heldBytes;
    client.send(serialize.query(PROBE));
    client.send(serialize.query("FETCH 1 FROM probe"));
    server.settle();
    const held = server.memory.heldBytes - before;
    client.send(serialize.query("CLOSE ALL"));
    server.settle();
    const answer = (messagesOf(client.take()) ?? []).filter(({ type }) => type !== "S" && type !== "A");
    return `${held} bytes, ${server.memory.heldBytes - before} when closed: ${answer
      .map(shown)
      .join(" ")
      .replaceAll(/\d+ bytes/g, "n bytes")}`;
  }
}

const PROBE_ROWS = Math.ceil((2 * FREE_CLIENT_BYTES) / 64);
const PROBE = `DECLARE probe CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, ${PROBE_ROWS}) g ORDER BY -g`;
