/** The server on real sockets: places, time limits, cancel requests, clients that do not read. */

import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { Client } from "pg";
import { serialize } from "pg-protocol";
import { AUTHENTICATION_TIMEOUT_SECONDS, EXTRA_SOCKETS, SHUTDOWN_GRACE_SECONDS } from "../../src/limits.ts";
import { PASSWORD } from "./direct-client.ts";
import { SocketClient, startTestServer, type TestServer } from "./socket-client.ts";

/** Linux lists its TCP connections here, with their timers. */
const TCP_TABLE = "/proc/net/tcp";

const STOPPED = "FATAL 57P01 terminating connection due to administrator command";

let started: TestServer[] = [];

function start(options?: Parameters<typeof startTestServer>[0]): TestServer {
  const server = startTestServer(options);
  started.push(server);
  return server;
}

afterEach(async () => {
  for (const { server, timers, logged } of started) {
    const stopped = server.stop();
    timers.fire(SHUTDOWN_GRACE_SECONDS * 1000);
    await stopped;
    expect(logged).toEqual([]);
  }
  started = [];
});

describe("the server", () => {
  test("serves node-postgres", async () => {
    const { port } = start();
    const client = new Client({
      host: "127.0.0.1",
      port,
      user: "deltat",
      password: PASSWORD,
      database: "db",
    });
    await client.connect();
    expect((await client.query("rows 3")).rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect((await client.query("echo $1", ["ü"])).rows).toEqual([{ text: "ü" }]);
    expect((await client.query({ name: "s", text: "echo $1", values: ["a"] })).rows).toEqual([{ text: "a" }]);
    expect((await client.query({ name: "s", text: "echo $1", values: ["b"] })).rows).toEqual([{ text: "b" }]);
    await expect(client.query("fail 23P01")).rejects.toMatchObject({ code: "23P01", table: "bookings" });
    expect((await client.query("rows 1")).rowCount).toBe(1);
    await client.end();
  });

  test("tells a client why it has no place, gives the place back, and never counts who only looks in", async () => {
    const { port } = start({ maxConnections: 2 });
    const first = await SocketClient.ready(port);
    const second = await SocketClient.ready(port);
    const looking = await SocketClient.connect(port);
    const third = await SocketClient.connect(port);
    third.send(serialize.startup({ user: "deltat", database: "db" }));
    expect(await third.until("FATAL")).toEqual(["FATAL 53300 sorry, too many clients already"]);
    await third.closed;
    first.send(serialize.end());
    await first.closed;
    first.close();
    expect((await second.query("rows 1")).at(-1)).toBe("ready I");
    const fourth = await SocketClient.ready(port);
    for (const client of [second, fourth, looking]) client.close();
  });

  test("with all sockets taken, a newcomer gets in promptly, in the place of the oldest who is not authenticated", async () => {
    const { port } = start({ maxConnections: 1 });
    const first = await SocketClient.ready(port);
    const idle: SocketClient[] = [];
    while (idle.length < EXTRA_SOCKETS) idle.push(await SocketClient.connect(port));
    expect((await first.query("rows 1")).at(-1)).toBe("ready I");
    const refused = idle.at(-1) as SocketClient;
    refused.send(serialize.startup({ user: "deltat", database: "db" }));
    expect((await refused.until("FATAL")).at(-1)).toStartWith("FATAL 53300");
    first.send(serialize.end());
    await first.closed;
    first.close();
    // The sockets of the two that went are taken, and one more.
    await refused.closed;
    refused.close();
    for (let i = 0; i < 3; i++) idle.push(await SocketClient.connect(port));
    const newcomer = await SocketClient.ready(port);
    const [oldest] = idle;
    expect(await oldest?.until("FATAL")).toEqual(["FATAL 53300 sorry, too many clients already"]);
    await oldest?.closed;
    expect((await newcomer.query("rows 1")).at(-1)).toBe("ready I");
    for (const client of [newcomer, ...idle]) client.close();
  });

  test("start-ups that come byte by byte, or stop before the password, take no place from clients", async () => {
    const { port } = start({ maxConnections: 2 });
    const packet = serialize.startup({ user: "deltat", database: "db" });
    const slow: SocketClient[] = [];
    for (let i = 0; i < 2 + EXTRA_SOCKETS + 10; i++) {
      const client = await SocketClient.connect(port);
      client.send(i % 2 === 0 ? packet : packet.subarray(0, 1 + (i % (packet.length - 1))));
      slow.push(client);
    }
    const served = [await SocketClient.ready(port), await SocketClient.ready(port)];
    for (const client of served) expect((await client.query("rows 1")).at(-1)).toBe("ready I");
    for (const client of [...served, ...slow]) client.close();
  });

  test("cuts off who does not authenticate in time, and nobody else", async () => {
    const { port, timers } = start();
    const ready = await SocketClient.ready(port);
    const slow = await SocketClient.connect(port);
    slow.send(serialize.startup({ user: "deltat", database: "db" }));
    await slow.until("authenticationCleartextPassword");
    timers.fire(AUTHENTICATION_TIMEOUT_SECONDS * 1000);
    expect(await slow.until("FATAL")).toEqual(["FATAL 57014 canceling authentication due to timeout"]);
    await slow.closed;
    expect((await ready.query("rows 1")).at(-1)).toBe("ready I");
    ready.close();
  });

  test("closes a cancel request silently, whoever it names", async () => {
    const { port } = start();
    const client = await SocketClient.ready(port);
    const key = client.reader.replies.find((reply) => reply.name === "backendKeyData");
    const { processID, secretKey } = key as unknown as { processID: number; secretKey: number };
    for (const secret of [secretKey, secretKey ^ 1]) {
      const canceller = await SocketClient.connect(port);
      canceller.send(serialize.cancel(processID, secret));
      await canceller.closed;
      expect(canceller.reader.lines).toEqual([]);
    }
    expect((await client.query("rows 1")).at(-1)).toBe("ready I");
    client.close();
  });

  test("a client that sends on after a fatal error can still read it", async () => {
    const { port } = start();
    const client = await SocketClient.ready(port);
    client.send(Buffer.from("Q\x7f\xff\xff\xff", "latin1"), new Uint8Array(8 * 1024 * 1024));
    expect((await client.until("FATAL")).at(-1)).toStartWith("FATAL 54000 limit exceeded: message");
    client.close();
  });

  test("holds a reply until it is durable, while others are served", async () => {
    const { port, log } = start({ instant: false });
    const writer = await SocketClient.ready(port);
    const reader = await SocketClient.ready(port);
    writer.send(serialize.query("write"));
    while (log.appendedLsn === 0) await reader.query("rows 1");
    expect((await reader.query("rows 1")).at(-1)).toBe("ready I");
    expect(writer.reader.lines).toEqual([]);
    log.sync();
    expect(await writer.until("ready")).toEqual(["done INSERT 0 1", "ready I"]);
    writer.close();
    reader.close();
  });

  test("a client that does not read bounds what is done for it, and then gets every byte", async () => {
    const { port, sessions } = start();
    const slow = await SocketClient.ready(port);
    const other = await SocketClient.ready(port);
    slow.stopReading();
    const asked = 64;
    slow.send(...Array.from({ length: asked }, () => serialize.query("pad 1024 1024")));
    const ran = () => sessions[0]?.calls.filter((call) => call.startsWith("pad")).length ?? 0;
    let before = -1;
    // Other clients' round trips are the clock here: until the slow one's progress stands still.
    while (ran() === 0 || ran() !== before) {
      before = ran();
      for (let i = 0; i < 20; i++) await other.query("rows 1");
    }
    expect(ran()).toBeLessThan(asked);
    slow.readAgain();
    for (let i = 0; i < asked; i++) expect((await slow.until("ready")).length).toBe(1024 + 3);
    expect(ran()).toBe(asked);
    slow.close();
    other.close();
  });
});

describe("a connection that breaks", () => {
  test.if(existsSync(TCP_TABLE))(
    "is asked for by TCP itself after the silence that the settings name, whoever has gone without a word",
    async () => {
      const { port } = start({ keepAliveSeconds: 7 });
      const client = await SocketClient.ready(port);
      const localPort = port.toString(16).toUpperCase().padStart(4, "0");
      // sl local_address rem_address st tx_queue:rx_queue tr:tm->when: st 01 is established, tr 02 keep-alive.
      const pattern = new RegExp(`^ *\\d+: \\w+:${localPort} \\w+:\\w+ 01 \\w+:\\w+ 02:(\\w+)`, "m");
      let left: string | undefined;
      while (left === undefined) {
        // While something is under way to the client, another timer runs.
        await Bun.sleep(5);
        left = pattern.exec(readFileSync(TCP_TABLE, "latin1"))?.[1];
      }
      const seconds = Number.parseInt(left, 16) / 100;
      expect(seconds).toBeGreaterThan(5);
      expect(seconds).toBeLessThanOrEqual(7.1);
      client.close();
    },
  );

  test("is noticed even while the server does not read from it", async () => {
    const { port, sessions } = start();
    const slow = await SocketClient.ready(port);
    const other = await SocketClient.ready(port);
    slow.stopReading();
    slow.send(...Array.from({ length: 32 }, () => serialize.query("pad 1024 1024")));
    while ((sessions[0]?.calls.length ?? 0) < 8) await other.query("rows 1");
    slow.terminate();
    while (sessions[0]?.closed !== true) await other.query("rows 1");
    other.close();
  });
});

describe("a graceful stop", () => {
  test("tells idle clients, accepts nobody, and resolves when all are told", async () => {
    const { server, port } = start();
    const clients = await Promise.all([SocketClient.ready(port), SocketClient.ready(port)]);
    await server.stop();
    for (const client of clients) {
      expect(await client.until("FATAL")).toEqual([STOPPED]);
      await client.closed;
    }
    await expect(SocketClient.connect(port)).rejects.toThrow();
  });

  test("waits for a pipeline to come to its Sync, and cuts it when the grace is over", async () => {
    const { server, port, timers } = start();
    const finishing = await SocketClient.ready(port);
    const dawdling = await SocketClient.ready(port);
    const idling = await SocketClient.ready(port);
    for (const client of [finishing, dawdling]) {
      client.send(serialize.parse({ text: "rows 0" }));
      await client.until("parseComplete");
    }
    await idling.query("begin");
    const stopped = server.stop();
    expect(await idling.until("FATAL")).toEqual([STOPPED]);
    finishing.send(serialize.sync());
    expect(await finishing.until("FATAL")).toEqual(["ready I", STOPPED]);
    timers.fire(SHUTDOWN_GRACE_SECONDS * 1000);
    await stopped;
    await dawdling.closed;
    expect(dawdling.reader.lines).toEqual([]);
  });

  test("of a server without clients resolves at once", async () => {
    await start().server.stop();
  });
});
