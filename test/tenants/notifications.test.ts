/** Notifications: after durability, in commit order, once, and to whom the committed tree says. */

import { describe, expect, test } from "bun:test";
import { block, book, createResource, free, hold, id, open, START_MS, TestTenant } from "./tenant-fixture.ts";

/** Resource 1 with child 2; resource 3; all durable. */
async function tree(): Promise<TestTenant> {
  const database = new TestTenant();
  database
    .connect()
    .query([createResource(1), createResource(2, 1), createResource(3), open(11, 1)].join("; "));
  await database.syncAll();
  return database;
}

describe("what a commit tells", () => {
  test("is told when its own group is durable, not with the groups before it", async () => {
    const database = await tree();
    const [ear, client] = [database.listen(1), database.connect()];
    client.query(book(21, 1, 0, 10));
    database.scheduler.endTurn();
    client.query(block(12, 1, 10, 20));
    client.query(hold(41, 2, 20, 30, START_MS + 1000));
    expect(ear.take()).toEqual([]);
    await database.sync();
    expect(ear.take()).toEqual(["0001 BookingConfirmed"]);
    await database.sync();
    expect(ear.take()).toEqual(["0001 RuleAdded", "0001 HoldPlaced"]);
    await database.syncAll();
    expect(ear.take()).toEqual([]);
  });

  test("comes in commit order, whatever order it was staged in, and never if it is rolled back", async () => {
    const database = await tree();
    const [first, second, ear] = [database.connect(), database.connect(), database.listen(1, 2)];
    first.query("BEGIN");
    first.query(book(21, 2, 0, 10));
    second.query("BEGIN");
    second.query(block(12, 2, 10, 20));
    second.query("COMMIT");
    first.query("COMMIT");
    first.query(`BEGIN; ${book(22, 2, 10, 20)}; ROLLBACK`);
    await database.syncAll();
    expect(ear.take()).toEqual([
      "0002 RuleAdded",
      "0001 RuleAdded",
      "0002 BookingConfirmed",
      "0001 BookingConfirmed",
    ]);
  });

  test("reaches a client with its reply's guarantee: LISTEN, and then what is durable", async () => {
    const database = await tree();
    const [listener, writer] = [database.connect(), database.connect()];
    listener.query(`LISTEN resource_${id(1).toLowerCase()}`);
    await database.syncAll();
    listener.take();
    writer.query(book(21, 2, 0, 10));
    expect(listener.take()).toEqual([]);
    await database.syncAll();
    const payload = { id: id(21), resource_id: id(2), span: { start: 0, end: 10 }, label: "" };
    expect(listener.take()).toEqual([
      `notification resource_${id(1)} ${JSON.stringify({ BookingConfirmed: payload })}`,
    ]);
  });
});

describe("an expiry", () => {
  async function held(): Promise<TestTenant> {
    const database = await tree();
    database.connect().query(hold(41, 2, 0, 10, START_MS + 1000));
    await database.syncAll();
    return database;
  }

  test("is told by a timer at the millisecond, once it is durable, and once only", async () => {
    const database = await held();
    const ear = database.listen(2, 1);
    database.scheduler.advanceTo(START_MS + 999);
    await database.sync();
    expect(ear.take()).toEqual([]);
    database.scheduler.advanceTo(START_MS + 1000);
    expect(ear.take()).toEqual([]);
    await database.syncAll();
    expect(ear.take()).toEqual(["0002 HoldReleased", "0001 HoldReleased"]);
    database.connect().query("SELECT id FROM holds");
    database.scheduler.advanceTo(START_MS + 100_000);
    await database.syncAll();
    expect(ear.take()).toEqual([]);
    expect(database.scheduler.timerCount).toBe(0);
  });

  test("that a statement sees before the timer is told once as well", async () => {
    for (const text of [free(2), book(21, 2, 0, 10), `DELETE FROM holds WHERE id = '${id(41)}'`]) {
      const database = await held();
      const ear = database.listen(2);
      database.scheduler.nowMs = START_MS + 1000;
      database.connect().query(text);
      database.scheduler.advanceTo(START_MS + 2000);
      await database.syncAll();
      expect(ear.take().filter((event) => event === "0002 HoldReleased")).toHaveLength(1);
    }
  });

  test("is told to the ancestors that are committed, not to those a transaction has staged", async () => {
    // The one who notices: the mover itself, another client, the timer.
    for (const notice of ["mover", "other", "timer"] as const) {
      const database = await held();
      const [mover, other] = [database.connect(), database.connect()];
      const [before, after] = [database.listen(1), database.listen(3)];
      mover.query("BEGIN");
      mover.query(`UPDATE resources SET parent_id = '${id(3)}' WHERE id = '${id(2)}'`);
      if (notice === "timer") {
        database.scheduler.advanceTo(START_MS + 1000);
      } else {
        database.scheduler.nowMs = START_MS + 1000;
        (notice === "mover" ? mover : other).query("SELECT 1 FROM resources");
      }
      await database.syncAll();
      expect([before.take(), after.take()]).toEqual([["0001 HoldReleased"], []]);
      mover.query("COMMIT");
      await database.syncAll();
      expect([before.take(), after.take()]).toEqual([["0001 ResourceUpdated"], ["0003 ResourceUpdated"]]);
    }
  });

  test("of a hold that a transaction has released but not committed is the expiry's own", async () => {
    const database = await held();
    const [client, ear] = [database.connect(), database.listen(2)];
    client.query("BEGIN");
    client.query(`DELETE FROM holds WHERE id = '${id(41)}'`);
    database.scheduler.advanceTo(START_MS + 1000);
    await database.syncAll();
    expect(client.take()).toEqual([]);
    expect(client.query("COMMIT")[0]).toStartWith("ERROR 40001");
    expect(ear.take()).toEqual(["0002 HoldReleased"]);
  });

  test("is not told again after a restart, and one that fell due meanwhile is released", async () => {
    const database = await held();
    database.connect().query(hold(42, 1, 0, 10, START_MS + 5000));
    database.scheduler.advanceTo(START_MS + 1000);
    await database.syncAll();
    await database.close();
    const again = new TestTenant(database.files, {}, START_MS + 5000);
    const ear = again.listen(2, 1);
    again.scheduler.advanceTo(START_MS + 5000);
    await again.syncAll();
    expect(ear.take()).toEqual(["0001 HoldReleased"]);
  });

  test("has one timer, for the next hold, however far away it is", async () => {
    const database = await tree();
    const [client, ear] = [database.connect(), database.listen(1)];
    const farMs = START_MS + 90 * 86_400_000;
    client.query(hold(43, 1, 20, 30, farMs));
    client.query(hold(42, 1, 10, 20, START_MS + 2000));
    client.query(hold(41, 1, 0, 10, START_MS + 1000));
    expect(database.scheduler.timerCount).toBe(1);
    await database.syncAll();
    ear.take();
    for (const at of [START_MS + 1000, START_MS + 2000, farMs]) {
      database.scheduler.advanceTo(at - 1);
      await database.syncAll();
      expect(ear.take()).toEqual([]);
      database.scheduler.advanceTo(at);
      await database.syncAll();
      expect(ear.take()).toEqual(["0001 HoldReleased"]);
    }
    expect(database.scheduler.timerCount).toBe(0);
  });
});
