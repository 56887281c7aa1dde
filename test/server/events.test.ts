/** Events: ten kinds, their payloads to the letter, their channels, and that order is commit order. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import type pg from "pg";
import { connect, DAY, disconnectAll, FAR_FUTURE, HOUR, Inbox, newId } from "./clients.ts";
import { cleanUp, type ServerProcess, startServer } from "./harness.ts";

let server: ServerProcess;

beforeAll(async () => {
  server = await startServer();
});

afterAll(async () => {
  await disconnectAll();
  await cleanUp();
});

async function listener(...channels: string[]): Promise<{ client: pg.Client; inbox: Inbox }> {
  const client = await connect(server);
  const inbox = new Inbox(client);
  for (const channel of channels) await client.query(`LISTEN ${channel}`);
  return { client, inbox };
}

const FIRST_SPAN = { start: DAY, end: DAY + HOUR };
const SECOND_SPAN = { start: DAY + HOUR, end: DAY + 2 * HOUR };

/** Statements on one resource, and the events that they cause there. */
function eventfulStory(
  resource: string,
  parent: string,
): readonly (readonly [sql: string, events: object[]])[] {
  const [rule, booking, hold, confirmed, released] = [newId(), newId(), newId(), newId(), newId()];
  const owned = (id: string) => ({ id, resource_id: resource });
  const image = { id: resource, parent_id: parent, name: "Seat", capacity: 1, buffer_after: 0 };
  const place = (id: string) =>
    `INSERT INTO holds (id, resource_id, start, "end", expires_at)
     VALUES ('${id}', '${resource}', ${SECOND_SPAN.start}, ${SECOND_SPAN.end}, ${FAR_FUTURE})`;
  const placed = (id: string) => ({
    HoldPlaced: { ...owned(id), span: SECOND_SPAN, expires_at: FAR_FUTURE },
  });
  return [
    [
      `INSERT INTO resources (id, parent_id, name) VALUES ('${resource}', '${parent}', 'Seat')`,
      [{ ResourceCreated: image }],
    ],
    [
      `UPDATE resources SET capacity = 2, buffer_after = 5 WHERE id = '${resource}'`,
      [{ ResourceUpdated: { ...image, capacity: 2, buffer_after: 5 } }],
    ],
    [
      `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ('${rule}', '${resource}', ${DAY}, ${DAY + HOUR}, false)`,
      [{ RuleAdded: { ...owned(rule), span: FIRST_SPAN, blocking: false } }],
    ],
    [
      `UPDATE rules SET blocking = true WHERE id = '${rule}'`,
      [{ RuleUpdated: { ...owned(rule), span: FIRST_SPAN, blocking: true } }],
    ],
    [`DELETE FROM rules WHERE id = '${rule}'`, [{ RuleRemoved: owned(rule) }]],
    [
      `INSERT INTO bookings (id, resource_id, start, "end") VALUES ('${booking}', '${resource}', ${DAY}, ${DAY + HOUR})`,
      [{ BookingConfirmed: { ...owned(booking), span: FIRST_SPAN, label: null } }],
    ],
    [
      `UPDATE bookings SET start = ${SECOND_SPAN.start}, "end" = ${SECOND_SPAN.end}, label = 'moved' WHERE id = '${booking}'`,
      [
        { BookingCancelled: owned(booking) },
        { BookingConfirmed: { ...owned(booking), span: SECOND_SPAN, label: "moved" } },
      ],
    ],
    [place(hold), [placed(hold)]],
    [
      `INSERT INTO bookings (id, hold_id, label) VALUES ('${confirmed}', '${hold}', 'from hold')`,
      [
        { HoldReleased: owned(hold) },
        { BookingConfirmed: { ...owned(confirmed), span: SECOND_SPAN, label: "from hold" } },
      ],
    ],
    [`DELETE FROM bookings WHERE id = '${confirmed}'`, [{ BookingCancelled: owned(confirmed) }]],
    [place(released), [placed(released)]],
    [`DELETE FROM holds WHERE id = '${released}'`, [{ HoldReleased: owned(released) }]],
    [`DELETE FROM bookings WHERE id = '${booking}'`, [{ BookingCancelled: owned(booking) }]],
    [`DELETE FROM resources WHERE id = '${resource}'`, [{ ResourceDeleted: { id: resource } }]],
  ];
}

test("every kind reaches the resource's channel and each ancestor's, in order", async () => {
  const [root, parent, resource] = [newId(), newId(), newId()];
  const writer = await connect(server);
  await writer.query(`INSERT INTO resources (id) VALUES ('${root}')`);
  await writer.query(`INSERT INTO resources (id, parent_id) VALUES ('${parent}', '${root}')`);
  // Each in another spelling: unquoted (folded to lower case), quoted, quoted lower case.
  const listeners = [
    { id: resource, ...(await listener(`resource_${resource}`)) },
    { id: parent, ...(await listener(`"resource_${parent}"`)) },
    { id: root, ...(await listener(`"resource_${root.toLowerCase()}"`)) },
  ];
  const expected: object[] = [];
  for (const [sql, events] of eventfulStory(resource, parent)) {
    await writer.query(sql);
    expected.push(...events);
  }
  for (const { id, inbox } of listeners) {
    const channel = `resource_${id}`;
    expect(await inbox.take(expected.length)).toEqual(expected.map((payload) => ({ channel, payload })));
  }
});

test("a client that listens to a resource and its parent hears both channels", async () => {
  const [parent, child] = [newId(), newId()];
  const { client, inbox } = await listener(`resource_${parent}`, `resource_${child}`);
  await client.query(`INSERT INTO resources (id) VALUES ('${parent}')`);
  await client.query(`INSERT INTO resources (id, parent_id) VALUES ('${child}', '${parent}')`);
  const heard = await inbox.take(3);
  expect(heard.map(({ channel }) => channel)).toEqual([
    `resource_${parent}`,
    `resource_${child}`,
    `resource_${parent}`,
  ]);
});

test("what is refused, rolled back or unlistened is not heard", async () => {
  const [room, marker] = [newId(), newId()];
  const { client, inbox } = await listener(`resource_${room}`, `resource_${marker}`);
  const writer = await connect(server);
  await writer.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  await inbox.next();
  await writer.query(`INSERT INTO resources (id) VALUES ('${room}')`).catch(() => undefined);
  await writer.query("BEGIN");
  await writer.query(`UPDATE resources SET name = 'lost' WHERE id = '${room}'`);
  await writer.query("ROLLBACK");
  await client.query(`UNLISTEN resource_${room}`);
  await writer.query(`UPDATE resources SET name = 'unheard' WHERE id = '${room}'`);
  await writer.query(`INSERT INTO resources (id) VALUES ('${marker}')`);
  expect((await inbox.next()).channel).toBe(`resource_${marker}`);
  expect(inbox.count).toBe(0);
});

test("a transaction's events come together, after COMMIT, in the order of its statements", async () => {
  const room = newId();
  const { client, inbox } = await listener(`resource_${room}`);
  const writer = await connect(server);
  await writer.query("BEGIN");
  await writer.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  await writer.query(`UPDATE resources SET name = 'a' WHERE id = '${room}'`);
  await client.query("SELECT 1");
  expect(inbox.count).toBe(0);
  await writer.query("COMMIT");
  const kinds = (await inbox.take(2)).map(({ payload }) => Object.keys(payload as object)[0]);
  expect(kinds).toEqual(["ResourceCreated", "ResourceUpdated"]);
});

test("a listener inside a transaction gets its notifications when that ends", async () => {
  const room = newId();
  const { client, inbox } = await listener(`resource_${room}`);
  const writer = await connect(server);
  await client.query("BEGIN");
  await writer.query(`INSERT INTO resources (id) VALUES ('${room}')`);
  await client.query("SELECT 1");
  expect(inbox.count).toBe(0);
  await client.query("COMMIT");
  expect((await inbox.next()).channel).toBe(`resource_${room}`);
});
