/** All or nothing, and who sees what when: simple queries, extended sequences up to Sync, and BEGIN … COMMIT. */

import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type pg from "pg";
import { connect, DAY, disconnectAll, FAR_FUTURE, HOUR, newId, refusalOf, rowsOf } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";
import { outcome, RawClient, serialize, statement } from "./raw-client.ts";

let server: ServerProcess;
let client: pg.Client;
let observer: pg.Client;
let room: string;

beforeAll(async () => {
  server = await startServer();
  client = await connect(server);
  observer = await connect(server);
});

beforeEach(async () => {
  room = newId();
  await client.query(`INSERT INTO resources (id) VALUES ('${room}')`);
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

/** Books the n-th hour of the day. */
function book(id: string, hour: number): string {
  return `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${id}', '${room}', ${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR})`;
}

async function booked(by: pg.Client): Promise<string[]> {
  const rows = await rowsOf(by, `SELECT id FROM bookings WHERE resource_id = '${room}' ORDER BY start`);
  return rows.map(([id]) => id as string);
}

test("a simple query of several statements is all or nothing", async () => {
  const [a, b] = [newId(), newId()];
  const collides = await refusalOf(client.query(`${book(a, 0)}; ${book(b, 1)}; ${book(newId(), 1)}`));
  expect(collides.code).toBe("23P01");
  expect(await booked(observer)).toEqual([]);
  const misspelled = await refusalOf(client.query(`${book(a, 0)}; INSRET INTO bookings`));
  expect(misspelled.code).toBe("42601");
  expect(await booked(observer)).toEqual([]);
  await client.query(`${book(a, 0)}; ${book(b, 1)}`);
  expect(await booked(observer)).toEqual([a, b]);
});

test("a COMMIT inside a simple query keeps what came before it", async () => {
  const [a, b] = [newId(), newId()];
  const text = `BEGIN; ${book(a, 0)}; COMMIT; ${book(b, 1)}; ${book(newId(), 1)}`;
  expect((await refusalOf(client.query(text))).code).toBe("23P01");
  expect(await booked(observer)).toEqual([a]);
});

test("a batch is all or nothing, whatever stops it", async () => {
  await client.query(book(newId(), 5));
  const rows = [0, 1, 2].map(
    (hour) => `('${newId()}', '${room}', ${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR})`,
  );
  const batch = (last: string) =>
    client.query(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join(", ")}, ${last}`);
  const at = (hour: number) => `${DAY + hour * HOUR}, ${DAY + (hour + 1) * HOUR}`;
  const codes = [];
  for (const last of [
    `('${newId()}', '${room}', ${at(5)})`,
    `('${newId()}', '${room}', ${at(1)})`,
    `('${newId()}', '${newId()}', ${at(8)})`,
    `('${newId()}', '${room}', 9, 8)`,
    `('nonsense', '${room}', ${at(8)})`,
  ]) {
    codes.push((await refusalOf(batch(last))).code);
  }
  expect(codes).toEqual(["23P01", "23P01", "23503", "22007", "22P02"]);
  expect(await booked(observer)).toHaveLength(1);
  await batch(`('${newId()}', '${room}', ${at(8)})`);
  expect(await booked(observer)).toHaveLength(5);
});

test("extended statements up to Sync are one transaction", async () => {
  const raw = await RawClient.connect(server);
  const [a, b] = [newId(), newId()];
  raw.send(statement(book(a, 0)), statement(book(newId(), 0)), statement(book(newId(), 2)), serialize.sync());
  expect(outcome(await raw.cycle())).toEqual(["INSERT 0 1", "23P01"]);
  expect(await booked(observer)).toEqual([]);

  raw.send(statement(book(a, 0)), statement(book(b, 1)), serialize.flush());
  const replies = [];
  while (outcome(replies).length < 2) replies.push((await raw.next()) ?? { name: "closed" });
  expect(outcome(replies)).toEqual(["INSERT 0 1", "INSERT 0 1"]);
  expect(await booked(observer)).toEqual([]);
  raw.send(serialize.sync());
  await raw.cycle();
  expect(await booked(observer)).toEqual([a, b]);
  await raw.end();
});

test("pipelined cycles answer in order, and one that fails harms no other", async () => {
  const raw = await RawClient.connect(server);
  const [a, b, c] = [newId(), newId(), newId()];
  raw.send(
    serialize.query(book(a, 0)),
    serialize.query(book(newId(), 0)),
    serialize.query("SELECT 1"),
    statement(book(b, 1)),
    serialize.sync(),
    statement("SELECT * FROM nowhere"),
    statement(book(newId(), 2)),
    serialize.sync(),
    statement(book(c, 3)),
    serialize.sync(),
  );
  const answers = [];
  for (let i = 0; i < 6; i++) answers.push(outcome(await raw.cycle()));
  expect(answers).toEqual([
    ["INSERT 0 1"],
    ["23P01"],
    ["SELECT 1"],
    ["INSERT 0 1"],
    ["42P01"],
    ["INSERT 0 1"],
  ]);
  expect(await booked(observer)).toEqual([a, b, c]);
  await raw.end();
});

test("hundreds of pipelined queries in one packet", async () => {
  const raw = await RawClient.connect(server);
  const hours = Array.from({ length: 500 }, (_, hour) => hour);
  raw.send(...hours.map((hour) => serialize.query(book(newId(), hour))));
  for (const hour of hours) expect(outcome(await raw.cycle()), `query ${hour}`).toEqual(["INSERT 0 1"]);
  expect(await booked(observer)).toHaveLength(500);
  await raw.end();
});

test("staged changes are seen by their own transaction only, until COMMIT", async () => {
  const id = newId();
  const free = `SELECT * FROM availability WHERE resource_id = '${room}' AND start >= ${DAY} AND "end" <= ${DAY + 2 * HOUR}`;
  await client.query(
    `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${newId()}', '${room}', ${DAY}, ${DAY + 9 * HOUR}, false)`,
  );
  await client.query("BEGIN");
  await client.query(book(id, 0));
  expect(await booked(client)).toEqual([id]);
  expect(await booked(observer)).toEqual([]);
  expect((await rowsOf(client, free)).map((row) => row[1])).toEqual([String(DAY + HOUR)]);
  expect((await rowsOf(observer, free)).map((row) => row[1])).toEqual([String(DAY)]);
  expect(await booked(client)).toEqual([id]);
  await client.query("COMMIT");
  expect(await booked(observer)).toEqual([id]);
});

test("ROLLBACK takes everything back: inserts, moves, cancellations, holds, resources", async () => {
  const [kept, gone] = [newId(), newId()];
  await client.query(`${book(kept, 0)}; ${book(gone, 1)}`);
  const everything = async () => [
    await rowsOf(client, `SELECT * FROM bookings WHERE resource_id = '${room}' ORDER BY id`),
    await rowsOf(client, "SELECT * FROM holds ORDER BY id"),
    await rowsOf(client, "SELECT * FROM resources ORDER BY id"),
  ];
  const before = await everything();
  await client.query("BEGIN");
  await client.query(
    `UPDATE bookings SET start = start + ${5 * HOUR}, "end" = "end" + ${5 * HOUR} WHERE id = '${kept}'`,
  );
  await client.query(`DELETE FROM bookings WHERE id = '${gone}'`);
  await client.query(book(newId(), 0));
  await client.query(
    `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${newId()}', '${room}', ${DAY + HOUR}, ${DAY + 2 * HOUR}, ${FAR_FUTURE})`,
  );
  await client.query(`INSERT INTO resources (id, parent_id) VALUES ('${newId()}', '${room}')`);
  await client.query(`UPDATE resources SET name = 'lost' WHERE id = '${room}'`);
  expect(await everything()).not.toEqual(before);
  await client.query("ROLLBACK");
  expect(await everything()).toEqual(before);
});

test("of two transactions that want the same slot, the first to commit has it", async () => {
  const [first, second, other] = [newId(), newId(), newId()];
  await client.query("BEGIN");
  await observer.query("BEGIN");
  await client.query(book(first, 0));
  await observer.query(book(other, 5));
  await observer.query(book(second, 0));
  await client.query("COMMIT");
  expect((await refusalOf(observer.query("COMMIT"))).code).toBe("40001");
  expect(await booked(observer)).toEqual([first]);
});

test("a transaction that has lost hears of it at its next statement, and has to start anew", async () => {
  const [winner, loser] = [newId(), newId()];
  await observer.query("BEGIN");
  await observer.query(book(loser, 0));
  await client.query(book(winner, 0));
  expect((await refusalOf(observer.query("SELECT * FROM bookings"))).code).toBe("40001");
  expect((await refusalOf(observer.query("SELECT 1"))).code).toBe("25P02");
  await observer.query("ROLLBACK");
  expect(await booked(observer)).toEqual([winner]);
});

test("transactions that do not meet both commit", async () => {
  const [a, b] = [newId(), newId()];
  await client.query("BEGIN");
  await observer.query("BEGIN");
  await client.query(book(a, 0));
  await observer.query(book(b, 1));
  await observer.query("COMMIT");
  await client.query("COMMIT");
  expect(await booked(observer)).toEqual([a, b]);
});

test("after an error a transaction refuses all but its end, and that end is ROLLBACK", async () => {
  const raw = await RawClient.connect(server);
  expect(outcome(await raw.query("BEGIN"))).toEqual(["BEGIN"]);
  expect(outcome(await raw.query(book(newId(), 0)))).toEqual(["INSERT 0 1"]);
  const failed = await raw.query("SELECT * FROM nowhere");
  expect(outcome(failed)).toEqual(["42P01"]);
  expect(failed.at(-1)?.status).toBe("E");
  expect(outcome(await raw.query("SELECT 1"))).toEqual(["25P02"]);
  expect(outcome(await raw.query(book(newId(), 1)))).toEqual(["25P02"]);
  const ended = await raw.query("COMMIT");
  expect(outcome(ended)).toEqual(["ROLLBACK"]);
  expect(ended.at(-1)?.status).toBe("I");
  expect(await booked(observer)).toEqual([]);
  await raw.end();
});

test("a client that leaves in the middle of a transaction leaves nothing behind", async () => {
  const raw = await RawClient.connect(server);
  await raw.query("BEGIN");
  await raw.query(book(newId(), 0));
  await raw.end();
  expect(await booked(observer)).toEqual([]);
  await client.query(book(newId(), 0));
});

test("a hold becomes a booking and nobody gets in between", async () => {
  const hold = newId();
  const span = `${DAY}, ${DAY + HOUR}`;
  await client.query(
    `INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ('${hold}', '${room}', ${span}, ${FAR_FUTURE})`,
  );
  const confirmed = newId();
  await client.query("BEGIN");
  await client.query(`INSERT INTO bookings (id, hold_id) VALUES ('${confirmed}', '${hold}')`);
  expect((await refusalOf(observer.query(book(newId(), 0)))).code).toBe("23P01");
  await client.query("COMMIT");
  expect((await refusalOf(observer.query(book(newId(), 0)))).message).toStartWith(
    `conflict with allocation: ${confirmed}`,
  );
});

test("of many clients that want one slot at once, exactly one gets it", async () => {
  const rivals = await Promise.all(Array.from({ length: 24 }, () => connect(server)));
  for (let hour = 0; hour < 10; hour++) {
    const answers = await Promise.all(
      rivals.map((rival) =>
        rival.query(book(newId(), hour)).then(
          () => "booked",
          (error: { code: string }) => error.code,
        ),
      ),
    );
    expect(answers.filter((answer) => answer === "booked")).toHaveLength(1);
    expect(answers.filter((answer) => answer === "23P01")).toHaveLength(rivals.length - 1);
  }
  expect(await booked(observer)).toHaveLength(10);
  await Promise.all(rivals.map((rival) => rival.end()));
});

test("a reader never sees half of a batch, a move or a transaction", async () => {
  const writer = await RawClient.connect(server);
  const [a, b] = [newId(), newId()];
  const shift = (id: string, by: number) =>
    `UPDATE bookings SET start = start + ${by * HOUR}, "end" = "end" + ${by * HOUR} WHERE id = '${id}'`;
  const round = [
    `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${a}', '${room}', ${DAY}, ${DAY + HOUR}), ('${b}', '${room}', ${DAY + HOUR}, ${DAY + 2 * HOUR})`,
    `BEGIN; ${shift(b, 5)}; ${shift(a, 5)}; COMMIT`,
    `DELETE FROM bookings WHERE id = '${a}'; DELETE FROM bookings WHERE id = '${b}'`,
  ];
  const rounds = 60;
  writer.send(...Array.from({ length: rounds }, () => round.map((sql) => serialize.query(sql))).flat());
  let isWriting = true;
  const written = (async () => {
    for (let i = 0; i < rounds * round.length; i++)
      expect(outcome(await writer.cycle()).at(-1)).not.toMatch(/^[0-9]/);
    isWriting = false;
  })();
  const whole = [[], [DAY, DAY + HOUR], [DAY + 5 * HOUR, DAY + 6 * HOUR]].map((starts) => starts.join());
  while (isWriting) {
    const rows = await rowsOf(
      observer,
      `SELECT start FROM bookings WHERE resource_id = '${room}' ORDER BY start`,
    );
    expect(whole).toContain(rows.join());
  }
  await written;
  await writer.end();
});
