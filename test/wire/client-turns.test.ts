import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import {
  MAX_REST_MS,
  MAX_TIME_DEBT_MS,
  MAX_WAITING_INPUT_BYTES,
  REST_SHARE,
  SHORT_WORK_MS,
  TIME_DEBT_MEMORY_MS,
  TURN_SLICES_MS,
} from "../../src/limits.ts";
import { ClientTurns } from "../../src/wire/client-turns.ts";
import { FrontendDecoder } from "../../src/wire/frontend-decoder.ts";
import { SliceQueue } from "../../src/wire/slice-queue.ts";
import { DirectClient } from "./direct-client.ts";
import { ManualTimers } from "./scripted-sql.ts";

/** Clients whose messages take as long as they say, on a clock that only they move. */
class Scene {
  nowMs = 0;
  readonly timers = new ManualTimers();
  readonly queue = new SliceQueue(this.timers, () => this.nowMs);
  readonly answered: string[] = [];

  client(name: string): (tookMs: number) => void {
    let waiting: number[] = [];
    const turns = new ClientTurns(this.queue, new FrontendDecoder(), () => answer());
    const answer = () => {
      turns.begin(waiting.length > 0);
      if (!turns.isAwaited) {
        for (const tookMs of waiting) {
          this.nowMs += tookMs;
          this.answered.push(name);
        }
        waiting = [];
      }
      turns.end();
    };
    return (tookMs) => {
      waiting.push(tookMs);
      answer();
    };
  }

  /** Who was answered since the last look. */
  take(): string {
    return this.answered.splice(0).join("");
  }

  turn(): string {
    this.timers.turn();
    return this.take();
  }

  settle(): string {
    while (this.timers.turn());
    return this.take();
  }
}

describe("messages", () => {
  test("that are short never wait, however many they are", () => {
    const scene = new Scene();
    const client = scene.client("a");
    for (let n = 0; n < 1000; n++) client(SHORT_WORK_MS * 0.99);
    expect(scene.take().length).toBe(1000);
  });

  test("wait for their turn when those before took longer than MAX_TIME_DEBT_MS, until that is forgotten", () => {
    const scene = new Scene();
    const client = scene.client("a");
    client(MAX_TIME_DEBT_MS);
    scene.settle();
    client(0);
    expect(scene.take()).toBe("a");
    client(SHORT_WORK_MS);
    expect(scene.take()).toBe("a");
    client(0);
    expect([scene.take(), scene.turn()]).toEqual(["", "a"]);
    scene.nowMs += TIME_DEBT_MEMORY_MS;
    client(0);
    expect(scene.take()).toBe("a");
  });

  test("that come in a turn in which somebody took longer than TURN_SLICES_MS are answered in the next ones", () => {
    const scene = new Scene();
    const [long, other, third] = [scene.client("a"), scene.client("b"), scene.client("c")];
    long(TURN_SLICES_MS);
    other(0);
    expect(scene.take()).toBe("ab");
    long(SHORT_WORK_MS);
    other(0);
    third(0);
    expect(scene.take()).toBe("a");
    expect(scene.turn()).toBe("bc");
    other(0);
    expect(scene.take()).toBe("b");
  });
});

describe("of those that wait", () => {
  test("one that takes long has a turn of the loop to itself, and the shortest comes first", () => {
    const scene = new Scene();
    const [a, b, c] = [scene.client("a"), scene.client("b"), scene.client("c")];
    for (const client of [a, b]) client(10 * MAX_TIME_DEBT_MS);
    expect(scene.settle()).toBe("ab");
    c(MAX_TIME_DEBT_MS + 1);
    scene.settle();
    for (const client of [a, b, c]) client(TURN_SLICES_MS);
    expect([scene.take(), scene.turn()]).toEqual(["", "c"]);
  });

  test("one that has waited for very long comes before the shortest", () => {
    const scene = new Scene();
    const [a, b] = [scene.client("a"), scene.client("b")];
    a(280);
    b(200);
    scene.settle();
    a(TURN_SLICES_MS);
    scene.nowMs += TIME_DEBT_MEMORY_MS;
    b(TURN_SLICES_MS);
    expect(scene.turn()).toBe("a");
  });

  test.each([
    [40, 40 * REST_SHARE],
    [1000, MAX_REST_MS],
  ])("one that takes %p ms waits %p ms for its next turn, while others are answered", (tookMs, restMs) => {
    const scene = new Scene();
    const [long, short] = [scene.client("l"), scene.client("s")];
    long(tookMs);
    scene.settle();
    short(0);
    long(tookMs);
    expect([scene.turn(), scene.timers.delays]).toEqual(["sl", []]);
    long(tookMs);
    short(0);
    expect([scene.settle(), scene.timers.delays]).toEqual(["s", [restMs]]);
    scene.nowMs += restMs;
    scene.timers.fire(restMs);
    expect(scene.settle()).toBe("l");
  });

  test("nobody rests for a client that is alone", () => {
    const scene = new Scene();
    const long = scene.client("l");
    for (let n = 0; n < 10; n++) {
      long(n % 3 === 0 ? 0 : 100);
      scene.settle();
    }
    expect(scene.timers.delays).toEqual([]);
  });
});

describe("a session that waits for its turn", () => {
  /** Each statement takes longer than a client may. */
  function slow(): DirectClient {
    const timers = new ManualTimers();
    const clients: DirectClient[] = [];
    const nowMs = () => (clients[0]?.sessions[0]?.calls.length ?? 0) * (MAX_TIME_DEBT_MS + 1);
    const client = DirectClient.ready({ timers, slices: new SliceQueue(timers, nowMs) });
    clients.push(client);
    return client;
  }

  test("has its pipeline answered message by message", () => {
    const client = slow();
    const { query } = serialize;
    const first = client.send(query("rows 1"), query("rows 2"), query("rows 3"));
    expect(first.filter((reply) => reply.startsWith("done"))).toEqual(["done SELECT 1"]);
    client.timers.turn();
    expect(client.take().at(-2)).toBe("done SELECT 2");
    client.timers.turn();
    expect(client.take().at(-2)).toBe("done SELECT 3");
    expect(client.timers.turn()).toBe(false);
  });

  test("has no statement taken apart from the Sync behind it, which commits it", () => {
    const client = slow();
    const { bind, close, execute, parse, sync } = serialize;
    const write = [parse({ text: "write" }), bind(), execute()];
    const turns = [client.send(...write, close({ type: "P" }), sync(), ...write, sync())];
    while (client.timers.turn()) turns.push(client.take());
    const ends = turns.map((replies) => replies.filter((reply) => /^(done|ready)/.test(reply)).join());
    const end = "done INSERT 0 1,ready I";
    expect(ends.filter((replies) => replies !== "")).toEqual([end, end]);
  });

  test("is not read from while much waits, and is given up when its client goes", () => {
    const client = slow();
    client.query("rows 1");
    client.timers.turn();
    expect(client.query(`echo ${"x".repeat(MAX_WAITING_INPUT_BYTES)}`)).toEqual([]);
    expect(client.transport.paused).toBe(true);
    client.timers.turn();
    expect(client.take().at(-1)).toBe("ready I");
    expect(client.transport.paused).toBe(false);
    expect(client.query("rows 1")).toEqual([]);
    client.session.connectionClosed();
    while (client.timers.turn());
    expect(client.take()).toEqual([]);
    expect(client.closedCount).toBe(1);
  });

  test("can be canceled: the statement is begun for that", () => {
    const client = slow();
    client.query("rows 1");
    client.timers.turn();
    expect(client.query("stream 9 1")).toEqual([]);
    client.session.cancelStatement();
    const replies = client.take();
    expect(replies).toContain("ERROR 57014 canceling statement due to user request");
    expect(replies.at(-1)).toBe("ready I");
  });
});
