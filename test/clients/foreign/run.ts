/**
 * `bun run test:clients [name …]`: each foreign client tells the booking story to a server of its own. It ends with a line
 * that counts, and with 1 if one failed. A client whose toolchain or network is missing is skipped, which is said;
 * one that was asked for by name must not be.
 */

import { cleanUp } from "../../server/harness.ts";
import { CLIENTS } from "./clients.ts";
import type { ForeignClient } from "./foreign-client.ts";
import { type Result, tell } from "./tell.ts";

const names = process.argv.slice(2);
const known = CLIENTS.map(({ name }) => name);
const unknown = names.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`no client ${unknown.join(", ")}: there are ${known.join(", ")}`);
  process.exit(2);
}

async function runOne(client: ForeignClient): Promise<Result> {
  console.log(`== ${client.name}`);
  const began = performance.now();
  const result = await tell(client).catch(
    (error: unknown): Result => ({
      verdict: "failed",
      why: error instanceof Error ? error.message : String(error),
    }),
  );
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const why = result.verdict === "passed" ? "" : `: ${result.why}`;
  console.log(`== ${client.name} ${result.verdict} (${seconds} s)${why}`);
  await cleanUp();
  return result;
}

const chosen = names.length === 0 ? CLIENTS : CLIENTS.filter(({ name }) => names.includes(name));
const verdicts: Result["verdict"][] = [];
for (const client of chosen) verdicts.push((await runOne(client)).verdict);

const count = (verdict: Result["verdict"]) => verdicts.filter((one) => one === verdict).length;
const [passed, failed, skipped] = [count("passed"), count("failed"), count("skipped")];
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 || (names.length > 0 && skipped > 0) ? 1 : 0);
