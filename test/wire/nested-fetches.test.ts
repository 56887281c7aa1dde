/** Portals whose statement is a FETCH from another portal, or from themselves. */

import { expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { MAX_FETCH_DEPTH } from "../../src/limits.ts";
import { FuzzServer } from "../fuzz/session-fixture.ts";
import { ReplyReader } from "./replies.ts";

function connected(): (...messages: Uint8Array[]) => string[] {
  const server = new FuzzServer();
  const client = server.connect();
  const reader = new ReplyReader();
  const send = (...messages: Uint8Array[]): string[] => {
    client.send(Buffer.concat(messages));
    server.settle();
    expect(server.bugs).toEqual([]);
    reader.read(client.take());
    return reader.take();
  };
  send(serialize.startup({ user: "deltat", database: "db" }), serialize.password("p"));
  return send;
}

function portal(name: string, text: string): Buffer {
  return Buffer.concat([
    serialize.parse({ name, text }),
    serialize.bind({ portal: name, statement: name }),
    serialize.describe({ type: "P", name }),
  ]);
}

const MADE = ["parseComplete", "bindComplete", "noData"];

test("a portal that fetches from itself has no columns and cannot be run", () => {
  const send = connected();
  const answer = send(portal("c", "FETCH 3 FROM c"), serialize.execute({ portal: "c" }), serialize.sync());
  expect(answer).toEqual([...MADE, 'ERROR 55000 portal "c" has not been executed yet', "ready I"]);
});

test("nor can two that fetch from each other", () => {
  const send = connected();
  const answer = send(
    portal("a", "FETCH 3 FROM b"),
    portal("b", "FETCH 3 FROM a"),
    serialize.execute({ portal: "b" }),
    serialize.sync(),
  );
  expect(answer).toEqual([...MADE, ...MADE, 'ERROR 55000 portal "a" has not been executed yet', "ready I"]);
});

test("so many in a row are fetched from, and no more", () => {
  const send = connected();
  send(
    serialize.query("BEGIN"),
    serialize.query("DECLARE p0 CURSOR FOR SELECT g FROM generate_series(1, 900) g"),
  );
  const fetching = (n: number) =>
    send(
      portal(`p${n}`, `FETCH ALL FROM p${n - 1}`),
      serialize.execute({ portal: `p${n}`, rows: 1 }),
      serialize.flush(),
    );
  for (let n = 1; n <= MAX_FETCH_DEPTH; n++) {
    expect(fetching(n)).toEqual([
      "parseComplete",
      "bindComplete",
      "columns g:text",
      `row ${n}`,
      "portalSuspended",
    ]);
  }
  expect(fetching(MAX_FETCH_DEPTH + 1).at(-1)).toStartWith("ERROR 54001 limit exceeded: cursors that fetch");
});
