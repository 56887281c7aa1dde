/** TLS on real sockets, by SSLRequest and from the first byte. */

import { afterEach, describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer } from "node:net";
import { serialize } from "pg-protocol";
import {
  AUTHENTICATION_TIMEOUT_SECONDS,
  CLOSE_LINGER_SECONDS,
  SHUTDOWN_GRACE_SECONDS,
} from "../../src/limits.ts";
import { PASSWORD, startupPacket } from "./direct-client.ts";
import { madeIdentity } from "./made-identity.ts";
import { ScramClient } from "./scram-client.ts";
import { SocketClient, startTestServer, type TestServer, type TestServerOptions } from "./socket-client.ts";
import { requestTls, TlsClient } from "./tls-client.ts";

const identity = madeIdentity();
const ALPN = { ALPNProtocols: ["postgresql"] };
const WAYS = [["request"], ["direct"]] as const;
const startup = serialize.startup({ user: "deltat", database: "db" });

const started: TestServer[] = [];

function start({ access, ...options }: TestServerOptions = {}): TestServer {
  const server = startTestServer({ ...options, access: { tls: identity, method: "scram", ...access } });
  started.push(server);
  return server;
}

afterEach(async () => {
  for (const { server, timers, logged } of started.splice(0)) {
    const stopped = server.stop();
    timers.fire(SHUTDOWN_GRACE_SECONDS * 1000);
    await stopped;
    expect(logged).toEqual([]);
  }
});

/** Passes on what clients send byte by byte, and what the server answers as it comes. */
async function slicingProxy(to: number): Promise<{ port: number; stop: () => void }> {
  const proxy = createServer((client) => {
    const server = connect(to, "127.0.0.1");
    server.setNoDelay(true);
    client.on("data", (chunk) => {
      for (const byte of Buffer.from(chunk)) server.write(Uint8Array.of(byte));
    });
    server.pipe(client);
    client.on("close", () => server.destroy()).on("error", () => undefined);
    server.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => void proxy.listen(0, "127.0.0.1", resolve));
  return { port: (proxy.address() as AddressInfo).port, stop: () => proxy.close() };
}

describe.each(WAYS)("a TLS connection, by %s", (how) => {
  test("carries a session, whose proof is bound to the certificate", async () => {
    const { port } = start();
    for (const [header, mechanism] of [
      ["p=tls-server-end-point,,", "SCRAM-SHA-256-PLUS"],
      ["n,,", "SCRAM-SHA-256"],
    ] as const) {
      const client = await TlsClient.connect(port, how, ALPN);
      client.send(startup);
      await client.until("authenticationSASL");
      const binding = header === "n,," ? new Uint8Array(0) : (identity.endPointHash ?? undefined);
      await client.prove(new ScramClient(PASSWORD, header, binding), mechanism);
      expect((await client.until("ready")).at(-1)).toBe("ready I");
      expect((await client.query("rows 3")).filter((line) => line.startsWith("row "))).toHaveLength(3);
      client.send(serialize.end());
      await client.closed;
    }
  });

  test("refuses a wrong password, and a client whose offer of binding was taken out", async () => {
    const { port } = start();
    for (const [exchange, refusal] of [
      [new ScramClient("wrong"), 'FATAL 28P01 password authentication failed for user "deltat"'],
      [new ScramClient(PASSWORD, "y,,"), "FATAL 28000 SCRAM channel binding negotiation error"],
    ] as const) {
      const client = await TlsClient.connect(port, how, ALPN);
      client.send(startup);
      await client.until("authenticationSASL");
      await client.prove(exchange, "SCRAM-SHA-256");
      expect((await client.until("FATAL")).at(-1)).toBe(refusal);
      await client.closed;
    }
  });

  test("needs TLS 1.2 or newer, and no other application protocol than ours", async () => {
    const { port } = start();
    const older = TlsClient.connect(port, how, { ...ALPN, minVersion: "TLSv1", maxVersion: "TLSv1.1" });
    await expect(older).rejects.toThrow("TLSV1_ALERT_PROTOCOL_VERSION");
    await expect(TlsClient.connect(port, how, { ALPNProtocols: ["h2"] })).rejects.toThrow();
    const client = await TlsClient.connect(port, how, { ...ALPN, maxVersion: "TLSv1.2" });
    expect(client.socket.getProtocol()).toBe("TLSv1.2");
    expect(client.socket.alpnProtocol).toBe("postgresql");
    client.close();
  });

  test("a client that does not read bounds what is done for it, and then gets every byte", async () => {
    const { port, sessions } = start({ access: { method: "password" } });
    const slow = await TlsClient.ready(port, how, PASSWORD);
    const other = await TlsClient.ready(port, how, PASSWORD);
    slow.socket.pause();
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
    slow.socket.resume();
    for (let i = 0; i < asked; i++) expect((await slow.until("ready")).length).toBe(1024 + 3);
    expect(ran()).toBe(asked);
    slow.close();
    other.close();
  }, 30_000);

  test("takes large messages, and answers with large rows", async () => {
    const { port } = start();
    const client = await TlsClient.ready(port, how, PASSWORD);
    const blank = " ".repeat(3_000_000);
    expect(await client.query(`rows 1${blank}`)).toEqual(
      ["columns n:text", "row 1", "done SELECT 1", "ready I"].map((line) =>
        line.startsWith("columns") ? expect.stringContaining("columns n") : line,
      ),
    );
    expect(await client.query("wide 9000000")).toContain("row 9000000 chars");
    client.close();
  }, 30_000);

  test("the last words of a session reach a client that is still sending", async () => {
    const { port } = start();
    const client = await TlsClient.ready(port, how, PASSWORD);
    client.send(Buffer.from("Q\x7f\xff\xff\xff", "latin1"), new Uint8Array(4 * 1024 * 1024));
    expect((await client.until("FATAL")).at(-1)).toStartWith("FATAL 54000 limit exceeded: message");
    client.close();
  });

  test("carries cancel requests, which are closed without a word", async () => {
    const { port } = start();
    const client = await TlsClient.connect(port, how, ALPN);
    client.send(serialize.cancel(1, 2));
    await client.closed;
    expect(client.reader.lines).toEqual([]);
  });

  test("does not turn into another one", async () => {
    const { port } = start();
    const client = await TlsClient.connect(port, how, ALPN);
    client.send(serialize.requestSsl());
    expect(await client.until("FATAL")).toEqual(["FATAL 08P01 encryption was requested too often"]);
    await client.closed;
  });

  test("is gone for the server when it is gone for the client, cut or closed", async () => {
    const { port, sessions } = start();
    const other = await TlsClient.ready(port, how, PASSWORD);
    for (const leave of ["cut", "end"]) {
      const client = await TlsClient.ready(port, how, PASSWORD);
      const session = sessions.at(-1);
      if (leave === "cut") client.close();
      else client.socket.end();
      while (session?.closed !== true) await other.query("rows 1");
    }
    other.close();
  });

  test("that breaks while the server does not read from it is noticed", async () => {
    const { port, sessions } = start();
    const slow = await TlsClient.ready(port, how, PASSWORD);
    const other = await TlsClient.ready(port, how, PASSWORD);
    slow.socket.pause();
    slow.send(...Array.from({ length: 32 }, () => serialize.query("pad 1024 1024")));
    while ((sessions[0]?.calls.length ?? 0) < 8) await other.query("rows 1");
    slow.close();
    while (sessions[0]?.closed !== true) await other.query("rows 1");
    other.close();
  });

  test("is not closed before all that was asked for is sent", async () => {
    const { port } = start();
    const client = await TlsClient.ready(port, how, PASSWORD);
    client.send(serialize.query("wide 9000000"), serialize.end());
    await client.closed;
    expect(client.reader.take().slice(1)).toEqual(["row 9000000 chars", "done SELECT 1", "ready I"]);
  });

  test("may come in pieces of any size", async () => {
    const { port } = start();
    const slicer = await slicingProxy(port);
    const client = await TlsClient.ready(slicer.port, how, PASSWORD);
    expect((await client.query("rows 2")).at(-1)).toBe("ready I");
    client.close();
    slicer.stop();
  });

  test("tells its client when the server stops", async () => {
    const { server, port } = start();
    const client = await TlsClient.ready(port, how, PASSWORD);
    await server.stop();
    expect(await client.until("FATAL")).toEqual([
      "FATAL 57P01 terminating connection due to administrator command",
    ]);
    await client.closed;
  });
});

describe("the way to TLS", () => {
  test("a direct connection has to name the protocol", async () => {
    const { port, sessions } = start();
    const client = await TlsClient.connect(port, "direct").catch(() => null);
    if (client !== null) {
      client.send(startup);
      await client.closed;
      expect(client.reader.lines).toEqual([]);
    }
    expect(sessions).toEqual([]);
  });

  test("after an SSLRequest it need not", async () => {
    const { port } = start();
    const client = await TlsClient.connect(port, "request");
    client.send(startup);
    expect(await client.until("authentication")).toEqual(["authenticationSASL"]);
    client.close();
  });

  test("what came unencrypted behind the request is not taken for the client's", async () => {
    const { port, sessions } = start();
    const { socket, answer } = await requestTls(port, String(startup));
    expect(answer.toString("latin1", 0, 1)).toBe("E");
    expect(answer.toString()).toContain("received unencrypted data after SSL request");
    socket.destroy();
    expect(sessions).toEqual([]);
  });

  test("without a certificate there is none: N, and a start-up that goes on", async () => {
    const { port } = start({ access: { tls: null } });
    const { socket, answer } = await requestTls(port);
    expect(answer.toString()).toBe("N");
    socket.destroy();
    await expect(TlsClient.connect(port, "direct", ALPN)).rejects.toThrow();
  });

  test("GSSAPI encryption is declined, and TLS may be asked for next", async () => {
    const { port } = start();
    const client = await SocketClient.connect(port);
    client.reader.read = (bytes) => void client.reader.lines.push(`raw ${Buffer.from(bytes)}`);
    client.send(startupPacket(80877104));
    expect(await client.until("raw")).toEqual(["raw N"]);
    client.send(startupPacket(80877103));
    expect(await client.until("raw")).toEqual(["raw S"]);
    client.close();
  });

  test("what is no handshake ends the connection", async () => {
    const { port, sessions } = start();
    const { socket } = await requestTls(port);
    socket.write(startup);
    await new Promise((resolve) => void socket.once("close", resolve).resume());
    const direct = await SocketClient.connect(port);
    direct.send(Buffer.from([0x16, 0x47, 0x45, 0x54, 0x20]), new Uint8Array(100));
    await direct.closed;
    expect(sessions).toEqual([]);
  });

  test("a handshake that does not end is cut by the deadline, and nobody else is", async () => {
    const { port, timers } = start();
    const ready = await TlsClient.ready(port, "request", PASSWORD);
    const { socket: requested } = await requestTls(port);
    const direct = await SocketClient.connect(port);
    direct.send(Buffer.from([0x16, 3, 1]));
    await ready.query("rows 1");
    timers.fire(AUTHENTICATION_TIMEOUT_SECONDS * 1000);
    await ready.query("rows 1");
    timers.fire(CLOSE_LINGER_SECONDS * 1000);
    await new Promise((resolve) => void requested.once("close", resolve).resume());
    await direct.closed;
    expect((await ready.query("rows 1")).at(-1)).toBe("ready I");
    ready.close();
  });
});

describe("where TLS is required", () => {
  test("a plain connection is refused before it is asked for a password; TLS is served", async () => {
    const { port } = start({ access: { requiresTls: true } });
    const plain = await SocketClient.connect(port);
    plain.send(startup);
    expect(await plain.until("FATAL")).toEqual([
      'FATAL 28000 connections without TLS are not allowed: user "deltat", database "db", no encryption',
    ]);
    await plain.closed;
    for (const [how] of WAYS) (await TlsClient.ready(port, how, PASSWORD)).close();
  });

  test("cancel requests may come plain, as libpq sends them", async () => {
    const { port } = start({ access: { requiresTls: true } });
    const canceller = await SocketClient.connect(port);
    canceller.send(serialize.cancel(1, 2));
    await canceller.closed;
    expect(canceller.reader.lines).toEqual([]);
  });
});
