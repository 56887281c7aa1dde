/**
 * The first bytes of a connection, on real sockets: SSLRequest, GSSENCRequest, TLS from the first byte, cancel requests and
 * start-up packets, changed, in pieces, and left in the middle in several ways. The server reports no internal error, closes
 * what is over, and serves the next client.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serialize } from "pg-protocol";
import type { Random } from "../../seeded-random.ts";
import { madeIdentity } from "../../wire/made-identity.ts";
import { SocketClient, startTestServer, type TestServer } from "../../wire/socket-client.ts";
import { startupPacket } from "../messages.ts";
import { bytesOf, latin1Of, mutateBytes, noise, pieces } from "../mutators.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface OpeningCase {
  readonly chunks: readonly string[];
  readonly end: "close" | "reset";
}

const CLIENT_HELLO = latin1Of(
  Buffer.from(readFileSync(join(import.meta.dir, "../corpus/client-hello.base64"), "utf8"), "base64"),
);
const SSL_REQUEST = latin1Of(serialize.requestSsl());
/** A client that is not served by then is not served. */
const SERVED_MS = 3000;

/** @param start the server; a test starts one that leaves connections open */
export function openingTarget(start: () => TestServer = startServer): Target<OpeningCase> {
  let started: TestServer | null = null;
  return {
    name: "opening",
    timeBoundMs: SERVED_MS,
    make: makeCase,
    async check({ chunks, end }) {
      started ??= start();
      const { port, logged } = started;
      await knock(port, chunks, end);
      const served = await Promise.race([serve(port), Bun.sleep(SERVED_MS).then(() => "nothing")]);
      if (logged.length > 0) return `internal: ${logged.splice(0).join("\n")}`;
      return served === "ready I" ? null : `next: the next client gets ${served}`;
    },
    *smaller(made) {
      for (const chunks of smallerLists(made.chunks, smallerTexts)) yield { ...made, chunks };
    },
    async close() {
      await started?.server.stop();
    },
  };
}

function startServer(): TestServer {
  return startTestServer({ access: { tls: madeIdentity() }, maxConnections: 20 });
}

function makeCase(random: Random): OpeningCase {
  const openings: (() => string[])[] = [
    () => [SSL_REQUEST, CLIENT_HELLO],
    () => [SSL_REQUEST + CLIENT_HELLO],
    () => [CLIENT_HELLO],
    () => [SSL_REQUEST, startupPacket(random)],
    () => [startupPacket(random), startupPacket(random)],
    () => [
      latin1Of(serialize.startup({ user: "deltat", database: "db" })),
      latin1Of(serialize.password("wrong")),
    ],
    () => [noise(random, 60)],
  ];
  const parts = random.pick(openings)();
  const at = random.below(parts.length);
  if (random.chance(0.75))
    parts[at] = mutateBytes(random, parts[at] ?? "", [SSL_REQUEST, CLIENT_HELLO, startupPacket(random)]);
  const chunks = random.chance(0.3) ? parts.flatMap((part) => pieces(random, part)) : parts;
  return { chunks, end: random.pick(["close", "reset"] as const) };
}

/** Says all of it, piece by piece, and goes. */
async function knock(port: number, chunks: readonly string[], end: OpeningCase["end"]): Promise<void> {
  const { promise: closed, resolve: noteClosed } = Promise.withResolvers<void>();
  let isClosed = false;
  const socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data() {},
      error() {},
      close() {
        isClosed = true;
        noteClosed();
      },
    },
  });
  for (const chunk of chunks) {
    if (isClosed) return;
    socket.write(bytesOf(chunk));
    socket.flush();
    // The next piece goes in a packet of its own.
    await Bun.sleep(0);
  }
  if (end === "reset") socket.terminate();
  else socket.end();
  await closed;
}

async function serve(port: number): Promise<string> {
  const client = await SocketClient.ready(port);
  const answer = (await client.query("rows 1")).at(-1) ?? "nothing";
  client.close();
  await client.closed;
  return answer;
}
