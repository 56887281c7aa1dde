/** deltat and, where it is installed, PostgreSQL, both holding the calendar. */

import { join } from "node:path";
import { fillDeltat, startDeltat } from "./deltat.ts";
import { startPostgres } from "./postgres.ts";
import type { Server, Servers } from "./server.ts";

/**
 * @param settings of deltat
 * @param more statements for PostgreSQL alone
 */
export async function startRivals(
  servers: Servers,
  folder: string,
  settings: Readonly<Record<string, string>> = {},
  more = "",
): Promise<readonly [deltat: Server, ...others: Server[]]> {
  const deltat = await servers.add(startDeltat(join(folder, "data"), { settings }));
  await fillDeltat(deltat);
  const postgres = await startPostgres();
  if (postgres === null) return [deltat];
  await servers.add(Promise.resolve(postgres));
  await postgres.sql.unsafe(more);
  return [deltat, postgres];
}
