/** Go's drivers: pgx in each of its ways to send statements, and database/sql over pgx and over lib/pq. */

import type { ForeignClient } from "./foreign-client.ts";

export const go: ForeignClient = {
  name: "go",
  needs: [{ program: "go", debian: "golang" }],
  tellers: {
    pgx: [],
    pgx_cache_describe: [],
    pgx_describe_exec: [],
    pgx_exec: [],
    pgx_simple: [],
    pgx_stdlib: [],
    pq: [],
  },
  fetch: [["go", "mod", "download"]],
  build: [["go", "build", "-o", "story", "."]],
  run: ["./story"],
};
