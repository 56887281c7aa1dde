/** deltat under measurement, and the calendar that clients read. */

import { join } from "node:path";
import { formatId } from "../../src/id.ts";
import { EPOCH_MS, resourceId, SLOTS_PER_WEEK, slotBooking, visitorId } from "../calendar.ts";
import { DELTAT } from "../clients/statements.ts";
import { firstValue, type Target, WireClient } from "../clients/wire-client.ts";
import { BATCH_EPOCH_MS, BATCH_ROWS, INSERT_SLOT_MS, MAX_BATCHES, WEEKS } from "../clients/workload.ts";
import { PASSWORD, type Server, startProcess } from "./server.ts";

/** Bookings in one INSERT of the filling. */
const FILL_BATCH = 1_000;

export interface DeltatOptions {
  /** Flags for Bun, such as `--cpu-prof`. */
  readonly flags?: readonly string[];
  /** DELTAT_ settings. */
  readonly settings?: Readonly<Record<string, string>>;
}

export function startDeltat(
  dataDir: string,
  { flags = [], settings = {} }: DeltatOptions = {},
): Promise<Server> {
  const program = join(import.meta.dir, "..", "..", "src", "main.ts");
  return startProcess("deltat", [...flags, program], {
    DELTAT_PORT: "0",
    DELTAT_BIND: "127.0.0.1",
    DELTAT_DATA_DIR: dataDir,
    DELTAT_PASSWORD: PASSWORD,
    // Connecting is not what is measured.
    DELTAT_AUTH: "password",
    ...settings,
  });
}

/** Makes the two resources, and the bookings of the one that is read. */
export async function fillDeltat(deltat: Target): Promise<void> {
  const client = await WireClient.connect(deltat);
  const { readResource, writeResource } = DELTAT;
  await client.query(
    `INSERT INTO resources (id, capacity) VALUES ('${readResource}', 1), ('${writeResource}', 1)`,
  );
  const end = BATCH_EPOCH_MS + MAX_BATCHES * BATCH_ROWS * INSERT_SLOT_MS;
  await client.query(
    `INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES
      ('${formatId(visitorId(1))}', '${readResource}', ${EPOCH_MS}, ${end}, false),
      ('${formatId(visitorId(2))}', '${writeResource}', ${EPOCH_MS}, ${end}, false)`,
  );
  const bookings = WEEKS * SLOTS_PER_WEEK;
  for (let from = 0; from < bookings; from += FILL_BATCH) {
    const rows: string[] = [];
    for (let slot = from; slot < Math.min(from + FILL_BATCH, bookings); slot++) {
      const booking = slotBooking(resourceId(0), slot, slot);
      rows.push(`('${formatId(booking.id)}', '${readResource}', ${booking.start}, ${booking.end})`);
    }
    await client.query(`INSERT INTO bookings (id, resource_id, start, "end") VALUES ${rows.join(", ")}`);
  }
  client.close();
}

/** The one number that a query gives. */
export async function askNumber(target: Target, sql: string): Promise<number> {
  const client = await WireClient.connect(target);
  const reply = await client.query(sql);
  client.close();
  return Number(firstValue(reply));
}
