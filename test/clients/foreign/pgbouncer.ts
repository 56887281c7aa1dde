/** PgBouncer in transaction mode between node-postgres and the server. */

import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PASSWORD, PROJECT, type ServerProcess } from "../../server/harness.ts";
import { carriesStatements, versionOf } from "../pgbouncer/version.ts";
import { addressOf } from "../story.ts";
import type { ForeignClient, Front } from "./foreign-client.ts";

/** A port that nobody listens on now. */
function freePort(): number {
  const socket = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = socket;
  socket.stop(true);
  return port;
}

/** One connection to the server for each database, so that clients must share it. */
function settingsOf(server: ServerProcess, port: number, users: string): string {
  const { host, user } = addressOf(server, "");
  return `
[databases]
* = host=${host} port=${server.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
admin_users = ${user}
pool_mode = transaction
default_pool_size = 1
server_reset_query = DISCARD ALL
server_reset_query_always = 1
server_check_delay = 0
server_check_query = SELECT 1
`;
}

async function startPgBouncer(server: ServerProcess, folder: string): Promise<Front> {
  const port = freePort();
  const [settings, users] = [join(folder, "pgbouncer.ini"), join(folder, "users.txt")];
  const { user } = addressOf(server, "");
  const statements = carriesStatements(versionOf("pgbouncer")) ? "max_prepared_statements = 100\n" : "";
  writeFileSync(settings, settingsOf(server, port, users) + statements);
  writeFileSync(users, `"${user}" "${PASSWORD}"\n`);
  // It refuses to be root, and reads its files again as the user that it becomes.
  chmodSync(folder, 0o755);
  const isRoot = process.getuid?.() === 0;
  const child = Bun.spawn(["pgbouncer", ...(isRoot ? ["-u", "nobody"] : []), settings], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const said = new TextDecoder();
  let text = "";
  for await (const chunk of child.stderr) {
    text += said.decode(chunk, { stream: true });
    if (text.includes("process up")) return { port, stop };
  }
  throw new Error(`PgBouncer did not start: ${text}`);
}

export const pgbouncer: ForeignClient = {
  name: "pgbouncer",
  needs: [{ program: "pgbouncer", debian: "pgbouncer" }],
  tellers: { pgbouncer: [] },
  fetch: [],
  build: [],
  run: [process.execPath, fileURLToPath(import.meta.resolve("../pgbouncer/main.ts"))],
  inPlace: PROJECT,
  front: startPgBouncer,
};
