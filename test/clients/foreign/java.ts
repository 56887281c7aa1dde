/** Java's driver pgjdbc, with prepared statements from the first time on, batches rewritten, and simple queries. */

import type { ForeignClient } from "./foreign-client.ts";

export const java: ForeignClient = {
  name: "java",
  needs: [{ program: "javac" }, { program: "mvn" }],
  tellers: { pgjdbc: [], pgjdbc_prepared: [], pgjdbc_rewritten: [], pgjdbc_simple: [] },
  fetch: [["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib"]],
  build: [["sh", "-c", "javac -Xlint:all -cp 'lib/*' -d classes src/*.java"]],
  run: ["java", "-cp", "classes:lib/*", "Main"],
};
