/** The targets can fail: each of these faults is found within the cases that `bun test` runs. */

import { expect, test } from "bun:test";
import { FrontendDecoder } from "../../src/wire/frontend-decoder.ts";
import { openLog } from "../storage/log-fixture.ts";
import { anyTarget, type Target } from "./target.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { logTarget } from "./targets/log.ts";

/** The first word of the first finding. */
async function found<Case>(target: Target<Case>, count: number): Promise<string> {
  const run = { seed: 1, from: 0, count, deadlineMs: Number.POSITIVE_INFINITY };
  const { findings } = await anyTarget(target).run(run);
  const [first] = findings;
  if (first === undefined) return "nothing";
  // What is printed is enough to see it again.
  expect(await anyTarget(target).replay(first.smallest)).toBe(first.failure);
  return first.failure.slice(0, first.failure.indexOf(":"));
}

test("a decoder that forgets to copy what is left of a chunk", async () => {
  class Forgetful extends FrontendDecoder {
    override keep(): void {}
  }
  expect(
    await found(
      decoderTarget(() => new Forgetful()),
      500,
    ),
  ).toBe("messages");
});

test("a decoder that cuts a message short by a byte where its length is split between chunks", async () => {
  class Short extends FrontendDecoder {
    private wasSplit = false;
    override push(chunk: Uint8Array): void {
      this.wasSplit = this.waitingBytes > 0 && this.waitingBytes < 5;
      super.push(chunk);
    }
    override next(): boolean {
      const isThere = super.next();
      if (isThere && this.wasSplit && this.message.remaining > 0) this.message.raw(1);
      this.wasSplit = false;
      return isThere;
    }
  }
  expect(
    await found(
      decoderTarget(() => new Short()),
      2000,
    ),
  ).toBe("messages");
});

test("a log that leaves out a commit that it cannot read", async () => {
  const careless = logTarget((files) => {
    const { commits, cuts } = openLog(files);
    return { commits: commits.filter(({ body }) => body.length !== 33), cuts };
  });
  expect(await found(careless, 300)).toBe("content");
});

test("a log that cuts without a warning", async () => {
  expect(
    await found(
      logTarget((files) => ({ ...openLog(files), cuts: [] })),
      300,
    ),
  ).toBe("silent");
});
