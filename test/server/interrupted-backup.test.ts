/** A backup cut short between taking the old copy away and putting the new one there: it is seen, and mended. */

import { afterAll, afterEach, expect, test } from "bun:test";
import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Tool } from "../torture/tool.ts";
import { connect, disconnectAll, newId } from "./clients.ts";
import { cleanUp, FROM_SOURCE, startServer, temporaryFolder } from "./harness.ts";

afterEach(disconnectAll);
afterAll(cleanUp);

test("verify says that the copy is not in its place; the next backup puts it back before all else", async () => {
  const server = await startServer();
  const client = await connect(server);
  await client.query("INSERT INTO resources (id) VALUES ($1)", [newId()]);
  const target = temporaryFolder();
  const run = (...words: string[]): Promise<{ readonly code: number | null; readonly out: string }> =>
    new Tool(FROM_SOURCE, words).ended;
  expect(await run("backup", server.dataDir, target)).toMatchObject({ code: 0 });
  const place = join(target, "databases", "main");
  renameSync(place, `${place}.outgoing`);
  const verified = await run("verify", target);
  expect(verified).toMatchObject({ code: 1, out: expect.stringContaining("main: NOT IN PLACE") });

  // Of a source that cannot be copied whole, nothing takes the place of the old copy.
  await server.stop();
  const segment = join(server.dataDir, "databases", "main", "0000000001.log");
  renameSync(segment, `${segment}x`);
  await Bun.write(segment, "no segment");
  expect(await run("backup", server.dataDir, target)).toMatchObject({ code: 1 });
  expect(existsSync(`${place}.outgoing`)).toBe(false);
  expect(await run("verify", target)).toMatchObject({ code: 0, out: expect.stringContaining("main: ok") });
}, 30_000);
