/** docs/clients.md names the versions that the tests beside this file ran with. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { PROJECT } from "../server/harness.ts";

/** What the table of clients says in the row of this name. */
function versionTold(guide: string, name: string): string | undefined {
  const row = guide
    .split("\n")
    .find((line) => line.startsWith(`| ${name}`) || line.startsWith(`| [${name}]`));
  return row?.split("|")[2]?.trim();
}

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
    expect([name, versionTold(guide, name)]).toEqual([name, manifest.devDependencies[packageName]]);
  }
});

test("and those that the projects of foreign clients pin", async () => {
  const guide = await Bun.file(join(PROJECT, "docs/clients.md")).text();
  const manifest = await Bun.file(join(import.meta.dir, "javascript/package.json")).json();
  const requirements = await Bun.file(join(import.meta.dir, "python/requirements.txt")).text();
  const pinned = new Map(
    requirements.split("\n").map((line) => line.toLowerCase().split("==") as [string, string]),
  );
  const { knex, sequelize, typeorm, prisma } = manifest.dependencies;
  const rows: [name: string, version: string | undefined][] = [
    ["psycopg", pinned.get("psycopg")],
    ["asyncpg", pinned.get("asyncpg")],
    ["SQLAlchemy", pinned.get("sqlalchemy")],
    ["Django", pinned.get("django")],
    ["Knex", knex],
    ["Sequelize", sequelize],
    ["TypeORM", typeorm],
    ["Prisma", prisma],
  ];
  for (const [name, version] of rows) expect([name, versionTold(guide, name)]).toEqual([name, version]);
});
