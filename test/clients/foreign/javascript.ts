/** JavaScript's mappers that are not among this project's own packages; Prisma makes its models of the catalogs. */

import type { ForeignClient } from "./foreign-client.ts";

export const javascript: ForeignClient = {
  name: "javascript",
  needs: [{ program: "node" }, { program: "npm" }],
  tellers: { knex: [], sequelize: [], typeorm: [], prisma: [] },
  // What a package would download when it is installed is not needed.
  fetch: [["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]],
  build: [],
  run: ["npm", "run", "--silent", "story"],
  environment: { CHECKPOINT_DISABLE: "1", PRISMA_HIDE_UPDATE_MESSAGE: "1" },
};
