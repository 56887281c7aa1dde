/** docs/clients.md names the versions that the tests beside this file ran with. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { PROJECT } from "../server/harness.ts";

test("the versions in docs/clients.md are those that package.json pins", async () => {
  const guide = await Bun.file(join(PROJECT, "docs/clients.md")).text();
  const manifest = await Bun.file(join(PROJECT, "package.json")).json();
  const rows: [name: string, packageName: string][] = [
    ["`pg`", "pg"],
    ["`pg-cursor`", "pg-cursor"],
    ["`pg-query-stream`", "pg-query-stream"],
    ["`postgres`", "postgres"],
    ["Kysely", "kysely"],
    ["Drizzle ORM", "drizzle-orm"],
  ];
  for (const [name, packageName] of rows) {
    const row = guide
      .split("\n")
      .find((line) => line.startsWith(`| ${name}`) || line.startsWith(`| [${name}]`));
    expect([name, row?.split("|")[2]?.trim()]).toEqual([name, manifest.devDependencies[packageName]]);
  }
});
