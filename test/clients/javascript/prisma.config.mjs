/**
 * Prisma with its schema engine in WebAssembly, over node-postgres: nothing but npm packages. That engine asks the
 * catalogs for types which adapter-pg 6.19 does not know, whatever the server: what has one of them is shown to it as text.
 */

import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { defineConfig } from "prisma/config";

/** OIDs of "char", name, int2vector, oidvector, "char"[] and name[], and of the types that stand in for them. */
const KNOWN = new Map([
  [18, 25],
  [19, 25],
  [22, 1005],
  [30, 1028],
  [1002, 1009],
  [1003, 1009],
]);

const { addFields } = pg.Result.prototype;
pg.Result.prototype.addFields = function (fields) {
  addFields.call(
    this,
    fields.map((field) => ({ ...field, dataTypeID: KNOWN.get(field.dataTypeID) ?? field.dataTypeID })),
  );
};

export default defineConfig({
  schema: "prisma/schema.prisma",
  experimental: { adapter: true },
  engine: "js",
  adapter: async () => new PrismaPg({ connectionString: process.env.DATABASE_URL }),
});
