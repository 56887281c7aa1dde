/** The targets can fail: each of these faults is found within the cases that `bun test` runs. */

import { expect, setDefaultTimeout, test } from "bun:test";
import type { ByteWriter } from "../../src/bytes.ts";
import { MemoryBudget } from "../../src/memory-budget.ts";
import { liftLiterals } from "../../src/sql/parse/shape.ts";
import { regexOf } from "../../src/sql/regex/regex.ts";
import { type RawStatement, SqlSession } from "../../src/sql/session.ts";
import { formatValue } from "../../src/sql/values/codec.ts";
import { loadSnapshot } from "../../src/tenants/stored-state.ts";
import { FrontendDecoder } from "../../src/wire/frontend-decoder.ts";
import type { MessageReader } from "../../src/wire/message-reader.ts";
import { makeVerifier, ScramAuthentication } from "../../src/wire/scram.ts";
import { openLog } from "../storage/log-fixture.ts";
import { startTestServer } from "../wire/socket-client.ts";
import { type FuzzClient, FuzzServer } from "./session-fixture.ts";
import { anyTarget, type Target } from "./target.ts";
import { copyTarget } from "./targets/copy.ts";
import { decoderTarget } from "./targets/decoder.ts";
import { logTarget } from "./targets/log.ts";
import { memoryTarget } from "./targets/memory.ts";
import { openingTarget } from "./targets/opening.ts";
import { recallTarget } from "./targets/recall.ts";
import { regexTarget } from "./targets/regex.ts";
import { scramTarget } from "./targets/scram.ts";
import { sessionTarget } from "./targets/session.ts";
import { snapshotTarget } from "./targets/snapshot.ts";
import { sqlTarget } from "./targets/sql.ts";
import { valuesTarget } from "./targets/values.ts";

setDefaultTimeout(30_000);

/** Of what kind the first finding is. */
async function found<Case>(target: Target<Case>, count: number): Promise<string> {
  const bounds = { maxFindings: 1, shrinkMs: 100, deadlineMs: Number.POSITIVE_INFINITY };
  const { findings } = await anyTarget(target).run({ seed: 1, from: 0, count, ...bounds });
  const [first] = findings;
  if (first === undefined) return "nothing";
  const kindOf = (failure: string) => failure.slice(0, failure.indexOf(":"));
  // What is printed is enough to see it again.
  const again = (await anyTarget(target).replay(first.smallest)) ?? "nothing:";
  expect(kindOf(again)).toBe(kindOf(first.failure));
  return kindOf(first.failure);
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

test("a regular expression that forgets what its flags say", async () => {
  expect(
    await found(
      regexTarget((pattern) => regexOf(pattern, "")),
      500,
    ),
  ).toBe("places");
});

test("a COPY that loses what comes behind a line break at the end of a piece", async () => {
  const careless = copyTarget((client, statement, chunks) => {
    const kept = chunks.map((chunk, i) => (chunks[i - 1]?.at(-1) === 13 ? chunk.subarray(1) : chunk));
    return client.copyIn(statement, ...kept);
  });
  expect(await found(careless, 3000)).toBe("split");
});

test("values that lose what is behind the decimal point", async () => {
  const careless = valuesTarget((type, value) => formatValue(type, value).replace(/\.\d+/, ""));
  expect(await found(careless, 300)).not.toBe("nothing");
});

test("a database that comes up empty where its snapshot is damaged", async () => {
  const careless = snapshotTarget((files, engine) => {
    try {
      loadSnapshot(files, "/db", engine);
    } catch {
      // Nobody is told.
    }
  });
  expect(await found(careless, 100)).toBe("content");
});

test("a server that takes whatever stands behind the proof", async () => {
  const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
  const verifier = makeVerifier("pencil", salt);
  class Trusting extends ScramAuthentication {
    override receive(answer: MessageReader, out: ByteWriter): "accepted" | "continue" {
      const text = Buffer.from(answer.raw(answer.remaining)).toString("latin1");
      const proof = text.indexOf(",p=");
      const bytes = Buffer.from(proof > 0 ? text.slice(0, proof + 47) : text, "latin1");
      answer.reset(bytes, 0, bytes.length);
      return super.receive(answer, out);
    }
  }
  const careless = scramTarget(() => new Trusting("deltat", true, verifier, null, () => "srv"));
  expect(await found(careless, 2000)).toBe("accepted");
});

test("a server that has no place for the next client", async () => {
  const target = openingTarget(() => startTestServer({ maxConnections: 0 }));
  expect(await found(target, 10)).toBe("thrown");
  await target.close?.();
});

test("a session that stays when its client has gone", async () => {
  class Forgetful extends FuzzServer {
    override connect(): FuzzClient {
      const client = super.connect();
      client.close = () => undefined;
      return client;
    }
  }
  expect(
    await found(
      sessionTarget(() => new Forgetful()),
      1,
    ),
  ).toBe("leak");
});

test("a cache of plans whose key does not tell of what kind the literals are", async () => {
  const plans = new Map<string, NonNullable<RawStatement["known"]>>();
  const careless = sqlTarget((session, text) => {
    const literals = liftLiterals(text);
    const key = literals?.key.replace(/\0[ilns]/g, "?") ?? "";
    const known = plans.get(key) ?? null;
    if (literals !== null && known !== null) return [{ text, node: null, known, literals }];
    const raw = session.parseScript(text);
    for (const one of raw) session.plan(one);
    const kept = session.parseScript(text)[0]?.known ?? null;
    if (kept !== null) plans.set(key, kept);
    return raw;
  });
  expect(await found(careless, 200)).not.toBe("nothing");
});

test("a cache of plans that hands over the literals in another order", async () => {
  const careless = sqlTarget((session, text) =>
    session.parseScript(text).map((raw) => {
      if (raw.known === null || raw.literals === null) return raw;
      return { ...raw, literals: { ...raw.literals, values: raw.literals.values.toReversed() } };
    }),
  );
  expect(await found(careless, 100)).not.toBe("nothing");
});

/** Recalls what `read` makes of a text that is not recalled as it is. */
function misreading(read: (text: string) => string): typeof SqlSession {
  return class extends SqlSession {
    override recall(message: Uint8Array, start: number, end: number) {
      const bytes = Buffer.from(read(Buffer.from(message.subarray(start, end)).toString("latin1")), "latin1");
      return super.recall(message, start, end) ?? super.recall(bytes, 0, bytes.length);
    }
  };
}

test("a statement that is known by its bytes but for a sign", async () => {
  expect(await found(recallTarget(misreading((text) => text.replace(/-(?=\d)/, ""))), 300)).toBe("recalled");
});

test("a statement that is known by its bytes but for the last one", async () => {
  expect(await found(recallTarget(misreading((text) => text.slice(0, -1))), 300)).toBe("recalled");
});

test("a statement that is known by its bytes but for one in the middle", async () => {
  let last = "";
  const careless = misreading((text) => {
    const differing = [...text].filter((character, at) => character !== last[at]).length;
    return text.length === last.length && differing === 1 ? last : text;
  });
  class Careless extends careless {
    override parseScript(text: string) {
      last = Buffer.from(text).toString("latin1");
      return super.parseScript(text);
    }
  }
  expect(await found(recallTarget(Careless), 300)).toBe("recalled");
});

test("a statement that is known by its bytes in a text where a zero byte follows", async () => {
  const careless = misreading((text) => text.split("\0")[0] ?? "");
  expect(await found(recallTarget(careless), 300)).toBe("recalled");
});

test("a server that keeps account of what gone clients had to read", async () => {
  class Careless extends FuzzServer {
    override connect(): FuzzClient {
      const client = super.connect();
      const before = this.memory.heldBytes;
      const close = client.close.bind(client);
      client.close = () => {
        const held = this.memory.heldBytes - before;
        close();
        if (held > 0) this.memory.add(1);
      };
      return client;
    }
  }
  expect(await found(memoryTarget(Careless), 200)).toBe("held");
});

test("a session that takes memory for a cursor and gives back less", async () => {
  class Greedy extends MemoryBudget {
    override giveBack(bytes: number): void {
      super.giveBack(bytes);
      if (bytes === 64 * 1024) super.add(1);
    }
  }
  expect(await found(memoryTarget(FuzzServer, Greedy), 200)).not.toBe("nothing");
});
