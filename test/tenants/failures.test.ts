/** A disk that fails or is full: who is told what, what is refused, and what everything looks like afterwards. */

import { describe, expect, test } from "bun:test";
import { MemoryFiles, systemError } from "../storage/memory-files.ts";
import {
  book,
  createResource,
  free,
  hold,
  INSERTED,
  id,
  open,
  START_MS,
  TestTenant,
} from "./tenant-fixture.ts";

const READY = "ready I";
const UNKNOWN = "FATAL 58030 the log failed: the outcome of the transaction is unknown";
const FAILED = "ERROR 58030 the log of this database has failed";

/** Resources 1 and 2, open in [0, 1000), durable. */
async function rooms(database: TestTenant): Promise<TestTenant> {
  const client = database.connect();
  client.query([createResource(1), createResource(2), open(11, 1), open(12, 2)].join("; "));
  await database.syncAll();
  expect(client.take().at(-1)).toBe(READY);
  return database;
}

for (const operation of ["write", "sync"] as const) {
  for (const blockingSyncLimitMs of [-1, Number.POSITIVE_INFINITY]) {
    const way = blockingSyncLimitMs < 0 ? "in the background" : "blocking";
    describe(`after a failed ${operation} (${way})`, () => {
      async function failed() {
        const database = await rooms(new TestTenant(new MemoryFiles(), { blockingSyncLimitMs }));
        const idle = database.connect();
        idle.query(hold(41, 2, 800, 810, START_MS + 1000));
        await database.syncAll();
        expect(idle.take()).toEqual(INSERTED);
        const inBlock = database.connect();
        inBlock.query(`BEGIN; ${book(29, 2, 900, 910)}`);
        const waiting = [book(21, 1, 0, 10), book(22, 1, 10, 20), free(1)].map((text) => {
          const client = database.connect();
          expect(client.query(text)).toEqual([]);
          return client;
        });
        const ear = database.listen(1);
        const last = database.connect();
        expect(last.query(book(23, 1, 20, 30))).toEqual([]);
        database.files.fault = (failing) => (failing === operation ? systemError("EIO") : null);
        await database.sync();
        database.files.fault = () => null;
        return { database, idle, inBlock, waiting: [...waiting, last], ear };
      }

      test("every client that waits is told that nobody knows, and no listener hears of it", async () => {
        const { waiting, ear } = await failed();
        for (const client of waiting) {
          expect(client.take()).toEqual([UNKNOWN]);
          expect(client.ended).toBe(true);
        }
        expect(ear.take()).toEqual([]);
      });

      test("every later change is refused with 58030, and none hangs", async () => {
        const { database, idle, inBlock } = await failed();
        const texts = [book(24, 2, 0, 10), `DELETE FROM holds WHERE id = '${id(41)}'`, createResource(9)];
        for (const client of [idle, database.connect()]) {
          for (const text of texts) expect(client.query(text)).toEqual([FAILED, READY]);
        }
        expect(inBlock.query("COMMIT")[0]).toBe(FAILED);
      });

      test("what is durable is read on, and nothing of what never was", async () => {
        const { database, idle, inBlock, ear } = await failed();
        for (const client of [idle, database.connect()]) {
          expect(client.query("SELECT 1")).toEqual(["row 1", "done SELECT 1", READY]);
          expect(client.query("SELECT id FROM bookings")).toEqual(["done SELECT 0", READY]);
          expect(client.query(free(1))).toEqual(["row 0", "done SELECT 1", READY]);
          expect(client.query(free(2))).toEqual(["row 0", "row 810", "done SELECT 2", READY]);
          expect(client.query("SELECT id FROM holds")).toEqual([`row ${id(41)}`, "done SELECT 1", READY]);
          expect(client.query("BEGIN; SELECT count(*) FROM rules; COMMIT").at(-1)).toBe(READY);
        }
        // Its own change it still sees, until it is told that it cannot be kept.
        expect(inBlock.query("SELECT id FROM bookings")[0]).toBe(`row ${id(29)}`);
        expect(inBlock.query("ROLLBACK")).toEqual(["done ROLLBACK", READY]);
        // Holds go on expiring: that follows from time.
        database.scheduler.advanceTo(START_MS + 1000);
        expect(idle.query(free(2))).toEqual(["row 0", "done SELECT 1", READY]);
        expect(ear.take()).toEqual([]);
      });

      test("a hold that came and expired meanwhile is undone with the rest", async () => {
        const database = await rooms(new TestTenant(new MemoryFiles(), { blockingSyncLimitMs }));
        const client = database.connect();
        client.query(hold(41, 1, 0, 10, START_MS + 50));
        client.query(book(21, 2, 0, 10));
        if (blockingSyncLimitMs < 0) database.scheduler.advanceTo(START_MS + 60);
        client.query(book(22, 2, 10, 20));
        database.files.fault = (failing) => (failing === operation ? systemError("EIO") : null);
        await database.sync();
        database.files.fault = () => null;
        const later = database.connect();
        expect(later.query("SELECT count(*) FROM holds")[0]).toBe("row 0");
        expect(later.query(free(1))).toEqual(["row 0", "done SELECT 1", READY]);
        expect(later.query(free(2))).toEqual(["row 0", "done SELECT 1", READY]);
      });

      test("who asks to wait for what will never be durable is told at the end of the turn", async () => {
        const { database } = await failed();
        const told: (Error | null)[] = [];
        database.tenant.whenDurable(99, { onDurable: (failure) => told.push(failure) });
        expect(told).toEqual([]);
        database.scheduler.endTurn();
        expect(told).toEqual([database.log.failure]);
      });

      test("timers run on, closing ends, and what was durable is there again", async () => {
        const { database } = await failed();
        database.scheduler.advanceTo(START_MS + 100_000);
        await expect(database.close()).rejects.toThrow("the log has failed");
        const again = new TestTenant(database.files.afterCrash(() => 0.9));
        expect(again.connect().query(free(2))).toEqual(["row 0", "row 810", "done SELECT 2", READY]);
      });
    });
  }
}

describe("a commit of MAX_FRAME_BYTES", () => {
  const BOUND = 400;
  /** Bytes of the command in the log: kind, two ids, start, end, and a label after its length. */
  const labelBytes = BOUND - (1 + 16 + 16 + 8 + 8 + 4);
  const longest = "x".repeat(labelBytes);

  test("is accepted, also behind others of its group; one byte more is 54000 and changes nothing", async () => {
    const database = new TestTenant(new MemoryFiles(), {}, START_MS, BOUND);
    const client = database.connect();
    for (const text of [createResource(1), open(11, 1), book(21, 1, 0, 10)]) client.query(text);
    for (const n of [22, 23, 24]) client.query(book(n, 1, n * 10, n * 10 + 10, longest));
    await database.syncAll();
    expect(client.take().filter((line) => line === "done INSERT 0 1")).toHaveLength(6);
    const refused = [
      book(25, 1, 500, 510, `${longest}x`),
      `${book(25, 1, 500, 510)}; ${book(26, 1, 600, 610, longest)}`,
    ];
    for (const text of refused) {
      expect(client.query(text).at(-2)).toBe(
        `ERROR 54000 limit exceeded: bytes of one commit (at most ${BOUND})`,
      );
      expect(client.query("SELECT count(*) FROM bookings")[0]).toBe("row 4");
      expect(client.query(`${free(1)} AND start >= 250`)).toEqual(["row 250", "done SELECT 1", READY]);
    }
    client.query(book(25, 1, 500, 510, longest));
    await database.syncAll();
    expect(client.take()).toEqual(INSERTED);
    await database.close();
    const again = new TestTenant(database.files).connect();
    expect(again.query("SELECT count(*) FROM bookings")[0]).toBe("row 5");
  });
});

describe("on a full disk", () => {
  const MANY = "x".repeat(5000);

  function fill(files: MemoryFiles): void {
    files.fault = (operation, path) =>
      operation === "write" && path.includes(".new") ? systemError("ENOSPC") : null;
  }

  async function full(): Promise<TestTenant> {
    const database = await rooms(new TestTenant(new MemoryFiles(), { segmentBytes: 4096 }));
    database.connect().query(hold(41, 1, 0, 10, START_MS + 1000));
    await database.syncAll();
    fill(database.files);
    return database;
  }

  test("a commit that finds no room is refused, and leaves everything as before", async () => {
    const database = await full();
    const [client, ear] = [database.connect(), database.listen(1, 2, 3)];
    const before = { lsn: database.log.appendedLsn, free: database.connect().query(free(1)) };
    const writes = [
      book(21, 1, 100, 200, MANY),
      `${createResource(3)}; ${book(21, 3, 100, 200, MANY)}`,
      `DELETE FROM holds WHERE id = '${id(41)}'; ${book(21, 1, 0, 10, MANY)}`,
      `INSERT INTO bookings (id, hold_id, label) VALUES ('${id(21)}', '${id(41)}', '${MANY}')`,
      `DELETE FROM resources WHERE id = '${id(2)}'; ${book(21, 1, 100, 200, MANY)}`,
      `UPDATE resources SET name = '${MANY}', parent_id = '${id(1)}' WHERE id = '${id(2)}'`,
    ];
    for (const write of writes) {
      expect(client.query(write).at(-2)).toStartWith("ERROR 53100 disk full");
      expect(database.log.appendedLsn).toBe(before.lsn);
      expect(client.query(free(1))).toEqual(before.free);
      expect(client.query(free(2))).toEqual(["row 0", "done SELECT 1", READY]);
      expect(client.query("SELECT id FROM bookings")).toEqual(["done SELECT 0", READY]);
      expect(client.query("SELECT id FROM holds")).toEqual([`row ${id(41)}`, "done SELECT 1", READY]);
      expect(client.query(`SELECT id FROM resources WHERE parent_id IS NULL ORDER BY id`)).toEqual([
        `row ${id(1)}`,
        `row ${id(2)}`,
        "done SELECT 2",
        READY,
      ]);
    }
    await database.syncAll();
    expect(ear.take()).toEqual([]);
  });

  test("later commits that find room succeed, also with the ids and times that were refused", async () => {
    const database = await full();
    const client = database.connect();
    expect(client.query(book(21, 1, 100, 200, MANY))[0]).toStartWith("ERROR 53100");
    expect(client.query(book(21, 1, 100, 200))).toEqual([]);
    await database.syncAll();
    expect(client.take()).toEqual(INSERTED);
    database.files.fault = () => null;
    client.query(book(22, 1, 200, 300, MANY));
    await database.syncAll();
    expect(client.take()).toEqual(INSERTED);
    const again = new TestTenant(database.files.afterCrash(() => 0.9)).connect();
    expect(again.query("SELECT id FROM bookings ORDER BY id").slice(0, 2)).toEqual([
      `row ${id(21)}`,
      `row ${id(22)}`,
    ]);
  });

  test("a COMMIT that finds no room ends its block", async () => {
    const database = await full();
    const client = database.connect();
    client.query("BEGIN");
    client.query(book(21, 1, 100, 200, MANY));
    const answer = client.query("COMMIT");
    expect(answer[0]).toStartWith("ERROR 53100 disk full");
    expect(answer[1]).toBe(READY);
    expect(client.query(free(1))[0]).toBe("row 10");
  });

  test("holds expire all the same, are told, and stay expired", async () => {
    const database = await full();
    const ear = database.listen(1);
    expect(() => {
      for (;;) {
        database.log.begin();
        database.log.append(START_MS);
      }
    }).toThrow("disk full");
    const { appendedLsn } = database.log;
    database.scheduler.advanceTo(START_MS + 1000);
    expect(database.log.appendedLsn).toBe(appendedLsn);
    await database.syncAll();
    expect(ear.take()).toEqual(["0001 HoldReleased"]);
    expect(database.connect().query(free(1))[0]).toBe("row 0");
    const again = new TestTenant(
      database.files.afterCrash(() => 0.9),
      {},
      START_MS + 1000,
    );
    const reader = again.connect();
    reader.query("SELECT id FROM holds");
    await again.syncAll();
    expect(reader.take()).toEqual(["done SELECT 0", READY]);
  });

  for (const blockingSyncLimitMs of [-1, Number.POSITIVE_INFINITY]) {
    const way = blockingSyncLimitMs < 0 ? "in the background" : "blocking";
    test(`where even what is laid out finds no room (${way}), commits under way wait, later ones are refused`, async () => {
      let retry: (() => void) | null = null;
      const after = (_delayMs: number, callback: () => void): (() => void) => {
        retry = callback;
        return () => {};
      };
      const database = await rooms(new TestTenant(new MemoryFiles(), { blockingSyncLimitMs, after }));
      const [waiting, dependent, other] = [database.connect(), database.connect(), database.connect()];
      const ear = database.listen(1);
      expect(waiting.query(book(21, 1, 0, 10))).toEqual([]);
      database.files.fault = (operation) => (operation === "write" ? systemError("ENOSPC") : null);
      await database.sync();
      expect(dependent.query(free(1))).toEqual([]);
      expect(other.query(book(22, 2, 0, 10)).at(-2)).toStartWith("ERROR 53100 disk full: could not write");
      expect(other.query(`DELETE FROM rules WHERE id = '${id(12)}'`).at(-2)).toStartWith("ERROR 53100");
      expect(other.query(free(2))).toEqual(["row 0", "done SELECT 1", READY]);
      expect([waiting.take(), dependent.take(), ear.take()]).toEqual([[], [], []]);
      database.files.fault = () => null;
      (retry ?? (() => {}))();
      await database.sync();
      expect(waiting.take()).toEqual(INSERTED);
      expect(dependent.take()).toEqual(["row 10", "done SELECT 1", READY]);
      expect(ear.take()).toEqual(["0001 BookingConfirmed"]);
      other.query(book(22, 2, 0, 10));
      await database.syncAll();
      expect(other.take()).toEqual(INSERTED);
      await database.close();
      const again = new TestTenant(database.files).connect();
      expect(again.query("SELECT id FROM bookings")[2]).toBe("done SELECT 2");
    });
  }
});
