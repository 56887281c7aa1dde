/** Rust's tokio-postgres and sqlx. */

import type { ForeignClient } from "./foreign-client.ts";

export const rust: ForeignClient = {
  name: "rust",
  needs: [{ program: "cargo", debian: "cargo" }],
  tellers: { tokio_postgres: [], sqlx: [] },
  fetch: [["cargo", "fetch", "--quiet"]],
  build: [["cargo", "build", "--quiet", "--offline"]],
  run: ["target/debug/story"],
};
