/** The abuses: what each does to a server for as long as it is let. They run in a process of their own. */

import { serialize } from "pg-protocol";
import { DAY, HOUR, newId, USER } from "../server/clients.ts";
import { AbusiveClient, count } from "./abusive-client.ts";

interface Target {
  readonly port: number;
  /** Whether the time is up. */
  readonly isOver: () => boolean;
  /** The load is on: what is measured from now on counts. */
  readonly ready: () => void;
}

export interface Abuse {
  readonly what: string;
  /** DELTAT_ settings of the server, beside those of the script. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly run: (target: Target) => Promise<void>;
}

/** As many as the server takes, by the settings of the script, and more than it has sockets for. */
const MAX_CONNECTIONS = 200;
const ALL_SOCKETS = MAX_CONNECTIONS + 256;
const IDLE_CONNECTIONS = 10_000;

export const SETTINGS = {
  DELTAT_AUTH: "password",
  DELTAT_MAX_CONNECTIONS: String(MAX_CONNECTIONS),
  DELTAT_MEMORY_MB: "256",
  DELTAT_WORK_MEM_MB: "64",
};

const STARTUP = serialize.startup({ user: USER, database: "main" });

async function many<T>(length: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = [];
  for (let n = 0; n < length; n++) made.push(await make(n));
  return made;
}

const sessions = (length: number, port: number, database?: string) =>
  many(length, () => AbusiveClient.connect(port, database));

async function untilOver({ ready, isOver }: Target): Promise<void> {
  ready();
  while (!isOver()) await Bun.sleep(50);
}

/** Each client does it again and again. */
async function loops(
  target: Target,
  clients: readonly AbusiveClient[],
  work: (client: AbusiveClient, n: number) => Promise<void>,
): Promise<void> {
  target.ready();
  await Promise.all(
    clients.map(async (client, n) => {
      while (!target.isOver() && !client.isClosed) await work(client, n);
    }),
  );
}

/** Takes every socket there is, and takes it again when it is closed. */
async function occupy(target: Target, begin: (client: AbusiveClient) => void): Promise<void> {
  const open = new Set<AbusiveClient>();
  let isReady = false;
  while (!target.isOver()) {
    for (const client of open) if (client.isClosed) open.delete(client);
    while (open.size < ALL_SOCKETS) {
      const client = await AbusiveClient.dial(target.port);
      begin(client);
      open.add(client);
    }
    if (!isReady) target.ready();
    isReady = true;
    await Bun.sleep(20);
  }
}

async function dribble(target: Target): Promise<void> {
  const sent = new Map<AbusiveClient, number>();
  const dribbling = setInterval(() => {
    for (const [client, at] of sent) {
      if (client.isClosed || at === STARTUP.length) sent.delete(client);
      else {
        client.send(STARTUP.subarray(at, at + 1));
        sent.set(client, at + 1);
      }
    }
  }, 1000);
  await occupy(target, (client) => sent.set(client, 0));
  clearInterval(dribbling);
}

async function loginFlood(target: Target): Promise<void> {
  const proof = Buffer.alloc(32).toString("base64");
  const attempt = async () => {
    const client = await AbusiveClient.dial(target.port);
    client.send(STARTUP, serialize.sendSASLInitialResponseMessage("SCRAM-SHA-256", "n,,n=,r=nonce"));
    await client.hears(() => client.challenge !== "");
    const nonce = /r=([^,]*)/.exec(client.challenge)?.[1];
    client.send(serialize.sendSCRAMClientFinalMessage(`c=biws,r=${nonce},p=${proof}`));
    await client.end();
  };
  await endlessly(target, 32, attempt);
}

/** As many at a time do it again and again. */
async function endlessly(target: Target, times: number, work: () => Promise<void>): Promise<void> {
  target.ready();
  const workers = Array.from({ length: times }, async () => {
    while (!target.isOver()) await work();
  });
  await Promise.all(workers);
}

const churn = (target: Target) =>
  endlessly(target, 16, async () => {
    const client = await AbusiveClient.connect(target.port);
    client.terminate();
    count("visits");
  });

const cancelFlood = (target: Target) =>
  endlessly(target, 16, async () => {
    const client = await AbusiveClient.dial(target.port);
    client.send(serialize.cancel(Math.floor(Math.random() * 300), 4242));
    client.expectsNoWord();
    await client.end();
    count("cancel requests");
  });

async function deafReaders(target: Target): Promise<void> {
  const clients = await sessions(MAX_CONNECTIONS - 20, target.port);
  for (const client of clients) {
    client.stopReading();
    const query = serialize.query("SELECT n, repeat('x', 1000) FROM generate_series(1, 100000) AS s(n)");
    client.send(query, query, query);
  }
  await untilOver(target);
}

async function hugeValues(target: Target): Promise<void> {
  const clients = await sessions(8, target.port);
  for (const client of clients) {
    client.stopReading();
    client.send(serialize.query(`SELECT ${Array(16).fill("repeat('x', 16000000)").join(", ")}`));
  }
  await untilOver(target);
}

async function announced(target: Target): Promise<void> {
  const clients = await sessions(MAX_CONNECTIONS - 20, target.port);
  for (const client of clients) client.send(Buffer.from("Q\x04\x00\x00\x00", "latin1"));
  target.ready();
  while (!target.isOver()) {
    for (const client of clients) client.send(new Uint8Array(16).fill(0x20));
    await Bun.sleep(100);
  }
}

async function unfinished(target: Target): Promise<void> {
  const part = Buffer.alloc(40 * 1024 * 1024, 0x20);
  part.set(Buffer.from("Q\x04\x00\x00\x00", "latin1"));
  const clients = await sessions(60, target.port);
  target.ready();
  for (const client of clients) {
    client.send(part);
    await Bun.sleep(30);
  }
  while (!target.isOver()) await Bun.sleep(50);
}

const DEEP = [
  `SELECT ${"-(".repeat(20_000)}1${")".repeat(20_000)}`,
  `SELECT ${"NOT ".repeat(200_000)}true`,
  `SELECT 1${" + 1".repeat(500)}`,
  `SELECT ${"CASE WHEN true THEN ".repeat(100)}1${" END".repeat(100)}`,
  `SELECT '${"[".repeat(100_000)}'::json`,
  `SELECT '${"a".repeat(5000)}' ~ '${"(a*)*".repeat(200)}b'`,
];

async function listens(target: Target): Promise<void> {
  const clients = await sessions(10, target.port);
  const text = Array.from({ length: 10_000 }, (_, n) => `LISTEN channel_number_${n};`).join("");
  for (const client of clients) {
    for (let k = 0; k < 10; k++) await client.query(text.replaceAll("_number_", `_${k}_`));
    await client.query("LISTEN one_too_many");
  }
  await untilOver(target);
}

/** Fifty listen and never read; another one's bookings carry 60 KB each. */
async function deafListeners(target: Target): Promise<void> {
  const [speaker, ...listeners] = (await sessions(51, target.port)) as [AbusiveClient, ...AbusiveClient[]];
  const room = newId();
  await speaker.query(`INSERT INTO resources (id, capacity) VALUES ('${room}', 1000000)`);
  for (const listener of listeners) {
    await listener.query(`LISTEN resource_${room}`);
    listener.stopReading();
  }
  const label = "x".repeat(60_000);
  await loops(target, [speaker], async (client) => {
    await client.query(
      `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('${newId()}', '${room}', ${DAY}, ${DAY + HOUR}, '${label}')`,
    );
    await Bun.sleep(1);
  });
}

/** Each has staged so many bookings, and all of them go on reading, so that each has to see its own. */
const alternating = (rows: number) => async (target: Target) => {
  const clients = await sessions(8, target.port);
  const room = newId();
  await clients[0]?.query(`INSERT INTO resources (id, capacity) VALUES ('${room}', 1000000)`);
  for (const client of clients) {
    await client.query("BEGIN");
    await client.query(
      `INSERT INTO bookings (resource_id, start, "end") SELECT '${room}', ${DAY} + n, ${DAY + HOUR} + n FROM generate_series(1, ${rows}) AS s(n)`,
    );
  }
  await loops(target, clients, async (client) => {
    await client.query("SELECT count(*) FROM resources");
    count("statements");
  });
};

/** Data for one COPY as fast as the server takes it; where it is told to stop, the next one. */
async function endlessCopies(target: Target): Promise<void> {
  const room = newId();
  const rows = Array.from(
    { length: 1000 },
    () => `${room}\t${DAY}\t${DAY + HOUR}\t${"x".repeat(100)}\n`,
  ).join("");
  const data = serialize.copyData(Buffer.from(rows));
  await loops(target, await sessions(8, target.port), async (client) => {
    client.isCopying = false;
    const { cycles } = client;
    client.send(serialize.query('COPY bookings (resource_id, start, "end", label) FROM STDIN'));
    await client.hears(() => client.isCopying);
    while (client.cycles === cycles && !client.isClosed && !target.isOver()) {
      if (client.unsentBytes < data.length) client.send(data);
      await Bun.sleep(1);
    }
  });
}

async function pipelines(target: Target): Promise<void> {
  const bytes = Buffer.concat(
    Array.from({ length: 5000 }, () => serialize.query("SELECT count(*) FROM resources")),
  );
  await loops(target, await sessions(16, target.port), async (client) => {
    const { cycles } = client;
    client.send(bytes);
    await client.ready(cycles + 5000);
    count("statements", 5000);
  });
}

async function stagers(target: Target): Promise<void> {
  const clients = await sessions(20, target.port);
  const room = newId();
  await clients[0]?.query(`INSERT INTO resources (id, capacity) VALUES ('${room}', 1000000)`);
  await loops(target, clients, async (client) => {
    const rows = Array.from({ length: 2000 }, () => `('${newId()}', '${room}', ${DAY}, ${DAY + HOUR})`);
    await client.query(
      `BEGIN; INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join(",")}`,
    );
    await Bun.sleep(100);
  });
}

async function flood(target: Target): Promise<void> {
  const clients = await sessions(64, target.port, "another");
  const rooms = clients.map(newId);
  for (const [n, client] of clients.entries()) {
    await client.query(`INSERT INTO resources (id, capacity) VALUES ('${rooms[n]}', 1000000)`);
  }
  await loops(target, clients, async (client, n) => {
    await client.query(
      n % 2 === 0
        ? `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${newId()}', '${rooms[n]}', ${DAY}, ${DAY + HOUR})`
        : `SELECT * FROM availability WHERE resource_id = '${rooms[n]}' AND start >= ${DAY} AND "end" <= ${DAY + HOUR}`,
    );
    count("statements");
  });
}

const looping = (length: number, text: (n: number) => string) => async (target: Target) =>
  loops(target, await sessions(length, target.port), (client, n) => client.query(text(n)));

/** What is kept from statement to statement, more and more of it. */
const hoarding = (text: (round: number) => string) => async (target: Target) => {
  const rounds = new Map<AbusiveClient, number>();
  await loops(target, await sessions(20, target.port), (client) => {
    const round = (rounds.get(client) ?? 0) + 1;
    rounds.set(client, round);
    return client.query(text(round));
  });
};

const IDS = Array.from({ length: 50_000 }, () => `'${newId()}'`).join(",");

const BACKTRACKING = ["(a+)+$", "(a|aa)+$", "(.*)*b", "(a*)*(a*)*(a*)*b"];

const LONG_TEXT = "x".repeat(1_000_000);

export const ABUSES: Readonly<Record<string, Abuse>> = {
  "silent-sockets": {
    what: "every socket taken, and nothing said",
    run: (target) => occupy(target, () => {}),
  },
  "half-startups": {
    what: "every socket taken, and nothing said after the start-up packet",
    run: (target) => occupy(target, (client) => client.send(STARTUP)),
  },
  "slow-startups": { what: "every socket taken, a byte of start-up a second", run: dribble },
  "failed-logins": {
    what: "wrong proofs by SCRAM, as fast as 32 can",
    settings: { DELTAT_AUTH: "scram" },
    run: loginFlood,
  },
  churn: { what: "16 connect and leave, as fast as they can", run: churn },
  "cancel-flood": {
    what: "16 send cancel requests for sessions at random, as fast as they can",
    run: cancelFlood,
  },
  "idle-connections": {
    what: `${IDLE_CONNECTIONS} sessions that do nothing`,
    settings: { DELTAT_MAX_CONNECTIONS: "11000" },
    run: async (target) => {
      await sessions(IDLE_CONNECTIONS, target.port);
      await untilOver(target);
    },
  },
  "deaf-readers": { what: "180 ask for 300 MB each and read none of it", run: deafReaders },
  "huge-values": { what: "8 ask for a row of 16 values of 16 MB and do not read it", run: hugeValues },
  "announced-messages": { what: "180 announce 64 MB and send 160 bytes a second", run: announced },
  "unfinished-messages": { what: "60 send 40 MB of a message of 64 MB", run: unfinished },
  "deep-expressions": { what: "deep and costly statements from 4", run: looping(4, (n) => DEEP[n] ?? "") },
  "nested-texts": {
    what: "deep JSON and regular expressions from 2",
    run: looping(2, (n) => DEEP[n + 4] ?? ""),
  },
  "regular-expressions": {
    what: "4 match regular expressions that backtrack to 100,000 characters",
    run: looping(4, (n) => `SELECT repeat('a', 100000) || 'c' ~ '${BACKTRACKING[n]}'`),
  },
  "in-lists": {
    what: "4 ask for 50,000 ids in a list, another text each time",
    run: looping(4, () => `SELECT count(*) FROM bookings WHERE id IN ('${newId()}', ${IDS})`),
  },
  "endless-series": {
    what: "4 count 4 * 10^12 rows of a join of series, 4 ask for a series of 10^9",
    run: looping(8, (n) =>
      n < 4
        ? "SELECT count(*) FROM generate_series(1, 2000000) AS a(n), generate_series(1, 2000000) AS b(n)"
        : "SELECT count(*) FROM generate_series(1, 1000000000) AS a(n)",
    ),
  },
  "large-sorts": {
    what: "20 sort 1,000,000 rows",
    run: looping(20, () => "SELECT n FROM generate_series(1, 1000000) AS a(n) ORDER BY n DESC LIMIT 10"),
  },
  listens: { what: "10 listen on 100,000 channels each", run: listens },
  "deaf-listeners": { what: "50 listen to events of 60 KB and read none", run: deafListeners },
  "open-transactions": { what: "20 stage 2,000 bookings again and again and never commit", run: stagers },
  "staged-1000": { what: "8 have staged 1,000 bookings each, and take turns", run: alternating(1000) },
  "staged-10000": { what: "8 have staged 10,000 bookings each, and take turns", run: alternating(10_000) },
  "endless-copies": { what: "8 send rows of COPY and never end it", run: endlessCopies },
  pipelines: { what: "16 send 5,000 statements at a time", run: pipelines },
  "many-cursors": {
    what: "20 declare cursors by the hundred",
    run: hoarding((round) =>
      Array.from({ length: 100 }, (_, n) => `DECLARE c${round}_${n} CURSOR WITH HOLD FOR SELECT ${n};`).join(
        "",
      ),
    ),
  },
  "hoarded-cursors": {
    what: "20 declare cursors WITH HOLD over 10,000 rows of 1 KB",
    run: hoarding(
      (round) =>
        `DECLARE c${round} CURSOR WITH HOLD FOR SELECT repeat('x', 1000 + n) FROM generate_series(1, 10000) AS a(n)`,
    ),
  },
  "hoarded-statements": {
    what: "20 prepare statements of 1 MB",
    run: hoarding((round) => `PREPARE s${round} AS SELECT '${round} ${LONG_TEXT}'`),
  },
  "flooding-tenant": { what: "64 clients of another database as fast as they can", run: flood },
};
