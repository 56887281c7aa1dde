/** Runs one abuse in a process of its own, so that what it costs to be a nuisance is not taken for what it costs to suffer one. */

import { fileURLToPath } from "node:url";

/** An abuse that has not begun by then has failed to. */
const SET_UP_MS = 60_000;

/** Runs the abuser to its end, `seconds` after it has begun; returns what the server told it. */
export async function runAbuser(
  name: string,
  port: number,
  seconds: number,
  begun: () => void = () => undefined,
): Promise<string> {
  const script = fileURLToPath(new URL("./abuser.ts", import.meta.url));
  const child = Bun.spawn([process.execPath, script, name, String(port), String(seconds)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), SET_UP_MS + seconds * 1000);
  let text = "";
  for await (const chunk of child.stdout) {
    if (text === "") begun();
    text += new TextDecoder().decode(chunk);
  }
  clearTimeout(timer);
  if (!text.startsWith("ready")) throw new Error("the abuse did not begin");
  return /^told (.*)$/m.exec(text)?.[1] ?? "(the abuser did not end by itself)";
}
