/** The two servers under comparison, each a process of its own on a free port, and the filling of deltat. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ByteWriter } from "../src/bytes.ts";
import { encodeCommand } from "../src/engine/codec.ts";
import { formatId } from "../src/id.ts";
import { openFrame, padFrame } from "../src/storage/frame.ts";
import { EPOCH_MS, gapBooking, resourceId, SLOTS_PER_WEEK, slotBooking, visitorId } from "./calendar.ts";
import type { NullServerOptions } from "./null-server.ts";
import { firstValue, messageTypes, prepareStatement, type Target, WireClient } from "./wire-client.ts";
import {
  availabilityQueries,
  INSERT_EPOCH_MS,
  INSERT_SLOT_MS,
  insertSql,
  MAX_INSERTS,
  PREPARED_NAME,
  PREPARED_SQL,
  READ_RESOURCE,
  RUNS_PER_WEEK,
  WEEKS,
  WRITE_RESOURCE,
} from "./workload.ts";

export interface Server extends Target {
  readonly name: "deltat" | "null";
  readonly pid: number;
  stop(): Promise<void>;
}

const PASSWORD = "bench";

/** Bookings in one INSERT of the filling. */
const FILL_BATCH = 1_000;

/** Starts a process and takes its port from the first line it prints. */
async function startServer(
  name: Server["name"],
  command: readonly string[],
  environment: Record<string, string>,
): Promise<Server> {
  const child = Bun.spawn([process.execPath, ...command], {
    env: { ...process.env, ...environment },
    stdout: "pipe",
    stderr: "inherit",
  });
  let line = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    line += decoder.decode(chunk, { stream: true });
    if (line.includes("\n")) break;
  }
  const port = Number(/(\d+)(,|\n)/.exec(line)?.[1]);
  if (!(port > 0)) throw new Error(`${name} did not start: ${JSON.stringify(line)}`);
  return {
    name,
    port,
    password: PASSWORD,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** @param flags for Bun, such as `--cpu-prof` */
export function startDeltat(dataDir: string, flags: readonly string[] = []): Promise<Server> {
  const program = join(import.meta.dir, "..", "src", "main.ts");
  return startServer("deltat", [...flags, program], {
    DELTAT_PORT: "0",
    DELTAT_BIND: "127.0.0.1",
    DELTAT_DATA_DIR: dataDir,
    DELTAT_PASSWORD: PASSWORD,
    // Connecting is not what is measured.
    DELTAT_AUTH: "password",
  });
}

/** Starts the null server with deltat's own replies, so that both send the same bytes. */
export async function startNullServer(folder: string, deltat: Target): Promise<Server> {
  const client = await WireClient.connect(deltat);
  const simple = await client.exchange(availabilityQueries("availability")[0] as Buffer);
  await client.exchange(prepareStatement(PREPARED_NAME, PREPARED_SQL));
  const prepared = await client.exchange(availabilityQueries("prepared")[0] as Buffer);
  client.close();
  const rows = messageTypes(simple).replaceAll(/[^D]/g, "").length;
  if (rows !== RUNS_PER_WEEK) throw new Error(`the week has ${rows} rows, not ${RUNS_PER_WEEK}`);
  const options: NullServerOptions = {
    folder,
    simpleReply: join(folder, "simple-reply"),
    preparedReply: join(folder, "prepared-reply"),
    insertReply: join(folder, "insert-reply"),
    frameBytes: bookingFrameBytes(),
  };
  writeFileSync(options.simpleReply, simple);
  writeFileSync(options.preparedReply, prepared);
  writeFileSync(options.insertReply, insertReply());
  return startServer("null", [join(import.meta.dir, "null-server.ts"), JSON.stringify(options)], {});
}

/** Bytes of a booking's commit in deltat's log. */
function bookingFrameBytes(): number {
  const writer = new ByteWriter();
  openFrame(writer);
  encodeCommand(writer, { kind: "placeBooking", booking: gapBooking(resourceId(1), visitorId(0), 0) });
  padFrame(writer, 0);
  return writer.length;
}

/** CommandComplete and ReadyForQuery; the load checks that deltat's reply to an INSERT is as long. */
function insertReply(): Buffer {
  const tag = Buffer.from("INSERT 0 1\0");
  return Buffer.concat([
    Buffer.from([0x43, 0, 0, 0, 4 + tag.length]),
    tag,
    Buffer.from([0x5a, 0, 0, 0, 5, 0x49]),
  ]);
}

/** Makes the two resources, and the bookings of the one that is read. */
export async function fillDeltat(deltat: Target): Promise<void> {
  const client = await WireClient.connect(deltat);
  await client.query(
    `INSERT INTO resources (id, capacity) VALUES ('${READ_RESOURCE}', 1), ('${WRITE_RESOURCE}', 1)`,
  );
  const end = INSERT_EPOCH_MS + MAX_INSERTS * INSERT_SLOT_MS;
  await client.query(
    `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES
      ('${formatId(visitorId(1))}', '${READ_RESOURCE}', ${EPOCH_MS}, ${end}, false),
      ('${formatId(visitorId(2))}', '${WRITE_RESOURCE}', ${EPOCH_MS}, ${end}, false)`,
  );
  const bookings = WEEKS * SLOTS_PER_WEEK;
  for (let from = 0; from < bookings; from += FILL_BATCH) {
    const rows: string[] = [];
    for (let slot = from; slot < Math.min(from + FILL_BATCH, bookings); slot++) {
      const booking = slotBooking(resourceId(0), slot, slot);
      rows.push(`('${formatId(booking.id)}', '${READ_RESOURCE}', ${booking.start}, ${booking.end})`);
    }
    await client.query(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join(", ")}`);
  }
  // What the first client of the measurement would otherwise be the first to do.
  await client.query(insertSql(formatId(visitorId(3)), 1, 2));
  await client.query(`DELETE FROM bookings WHERE id = '${formatId(visitorId(3))}'`);
  client.close();
}

export async function countInserted(deltat: Target): Promise<number> {
  const client = await WireClient.connect(deltat);
  const reply = await client.query(`SELECT count(*) FROM bookings WHERE resource_id = '${WRITE_RESOURCE}'`);
  client.close();
  return Number(firstValue(reply));
}
