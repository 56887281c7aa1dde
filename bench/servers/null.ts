/** Starts the null server with deltat's own replies, so that both send the same bytes. */

import { join } from "node:path";
import type { Command } from "../../src/engine/command.ts";
import { gapBooking, resourceId, visitorId } from "../calendar.ts";
import { DELTAT } from "../clients/statements.ts";
import { firstValue, messages, type Target, WireClient } from "../clients/wire-client.ts";
import {
  BATCH_ROWS,
  INSERT_EPOCH_MS,
  INSERT_SLOT_MS,
  insertSql,
  RUNS_PER_WEEK,
  WEEK,
} from "../clients/workload.ts";
import type { KnownStatement, NullServerOptions } from "./null-server.ts";
import { type Server, startProcess } from "./server.ts";
import { frameBytes } from "./stored-calendar.ts";

const NO_DATA = "6e00000004";

const booking = gapBooking(resourceId(1), visitorId(0), 0);
const place: Command = { kind: "placeBooking", booking };
const hold: Command = { kind: "placeHold", hold: { ...booking, expiresAt: 1 } };
const confirm: Command = { kind: "confirmHold", bookingId: booking.id, holdId: booking.id, label: null };

const slot = (n: number) =>
  [INSERT_EPOCH_MS + n * INSERT_SLOT_MS, INSERT_EPOCH_MS + (n + 1) * INSERT_SLOT_MS] as const;

/** Asks deltat each statement once, and takes down what it answers. */
async function learn(client: WireClient): Promise<KnownStatement[]> {
  const known: KnownStatement[] = [];
  const ask = async (prefix: string, sql: string, commands: readonly Command[]): Promise<Uint8Array> => {
    const reply = await client.query(sql);
    const parts = messages(reply);
    const hex = (types: string) =>
      parts.flatMap(({ type, bytes }) => (types.includes(type) ? bytes.toHex() : [])).join("");
    known.push({
      prefix,
      description: hex("T") || NO_DATA,
      body: hex("DC"),
      frameBytes: commands.length === 0 ? 0 : frameBytes(commands),
    });
    return reply;
  };
  const week = await ask("SELECT", DELTAT.availability(...WEEK), []);
  const rows = messages(week).filter(({ type }) => type === "D").length;
  if (rows !== RUNS_PER_WEEK) throw new Error(`the week has ${rows} rows, not ${RUNS_PER_WEEK}`);
  await ask("INSERT INTO bookings (id,", insertSql("01HK00000000000000000000BB", ...slot(0)), [place]);
  await ask("INSERT INTO bookings (resource_id,", DELTAT.insert(slot(1)), [place]);
  const batch = Array.from({ length: BATCH_ROWS }, (_, i) => slot(2 + i));
  await ask("INSERT INTO bookings (start,", DELTAT.insertBatch(batch), Array(BATCH_ROWS).fill(place));
  const held = await ask("INSERT INTO holds", DELTAT.hold(slot(2 + BATCH_ROWS)), [hold]);
  await ask("INSERT INTO bookings (hold_id", DELTAT.bookHold(`'${firstValue(held)}'`), [confirm]);
  await client.query(`DELETE FROM bookings WHERE resource_id = '${DELTAT.writeResource}'`);
  return known;
}

export async function startNullServer(folder: string, deltat: Target): Promise<Server> {
  const client = await WireClient.connect(deltat);
  const options: NullServerOptions = { folder, statements: await learn(client) };
  client.close();
  return startProcess("null server", [join(import.meta.dir, "null-server.ts"), JSON.stringify(options)], {});
}
