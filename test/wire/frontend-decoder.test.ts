/** Bytes to messages, split anywhere; what cannot be a message ends the connection. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { MAX_MESSAGE_BYTES, MAX_SMALL_MESSAGE_BYTES } from "../../src/limits.ts";
import { FrontendDecoder } from "../../src/wire/frontend-decoder.ts";
import { DirectClient, message } from "./direct-client.ts";

function header(type: string, length: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes.write(type, 0, "latin1");
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

function ready(): FrontendDecoder {
  const decoder = new FrontendDecoder();
  decoder.mode = "ready";
  return decoder;
}

/** The messages that are there: type and fields. */
function drain(decoder: FrontendDecoder): string[] {
  const found: string[] = [];
  while (decoder.next()) {
    const fields = decoder.message.raw(decoder.message.remaining);
    found.push(`${String.fromCharCode(decoder.type)}:${Buffer.from(fields).toString("latin1")}`);
  }
  decoder.keep();
  return found;
}

describe("the decoder", () => {
  const whole = Buffer.concat([
    message("Q", "one\0"),
    message("S"),
    message("Q", ""),
    message("P", "x".repeat(50)),
  ]);
  const expected = ["Q:one\0", "S:", "Q:", `P:${"x".repeat(50)}`];

  test("finds messages whichever way the bytes come", () => {
    for (let size = 1; size <= whole.length; size++) {
      const decoder = ready();
      const found: string[] = [];
      for (let at = 0; at < whole.length; at += size) {
        decoder.push(whole.subarray(at, at + size));
        found.push(...drain(decoder));
      }
      expect(found).toEqual(expected);
      expect(decoder.hasInput).toBe(false);
    }
  });

  test("keeps what is not asked for yet, whatever becomes of the chunk's memory", () => {
    const decoder = ready();
    for (let at = 0; at < whole.length; at += 7) {
      const chunk = Uint8Array.from(whole.subarray(at, at + 7));
      decoder.push(chunk);
      decoder.keep();
      chunk.fill(0xff);
    }
    expect(decoder.hasInput).toBe(true);
    expect(drain(decoder)).toEqual(expected);
  });

  test("a message as large as allowed is accepted, and one byte more is not", () => {
    for (const [type, largest] of [
      ["Q", MAX_MESSAGE_BYTES],
      ["P", MAX_MESSAGE_BYTES],
      ["B", MAX_MESSAGE_BYTES],
      ["d", MAX_MESSAGE_BYTES],
      ["E", MAX_SMALL_MESSAGE_BYTES],
      ["S", MAX_SMALL_MESSAGE_BYTES],
    ] as const) {
      const fitting = ready();
      fitting.push(header(type, largest));
      expect(fitting.next()).toBe(false);
      const tooLarge = ready();
      tooLarge.push(header(type, largest + 1));
      expect(() => tooLarge.next()).toThrow(
        largest === MAX_MESSAGE_BYTES ? "limit exceeded" : "invalid message length",
      );
    }
  });

  test("a message of many chunks costs time in proportion", () => {
    const decoder = ready();
    const chunk = new Uint8Array(1024 * 1024);
    decoder.push(header("Q", 4 + 32 * chunk.length));
    decoder.keep();
    for (let i = 0; i < 32; i++) {
      expect(decoder.next()).toBe(false);
      decoder.push(chunk);
    }
    expect(decoder.next()).toBe(true);
    expect(decoder.message.remaining).toBe(32 * chunk.length);
  });
});

describe("bytes that cannot be a message end the connection", () => {
  test.each([
    ["an unknown type", Buffer.from("?"), "FATAL 08P01 invalid frontend message type 63"],
    [
      "a password when none was asked for",
      serialize.password("x"),
      "FATAL 08P01 invalid frontend message type 112",
    ],
    ["a length that does not hold itself", header("Q", 3), "FATAL 08P01 invalid message length"],
    ["a negative length", header("Q", 0xffffffff), "FATAL 54000 limit exceeded: message of 4294967295 bytes"],
    ["a giant length", header("B", 0x7fffffff), "FATAL 54000 limit exceeded: message of 2147483647 bytes"],
    ["a long Sync", header("S", MAX_SMALL_MESSAGE_BYTES + 1), "FATAL 08P01 invalid message length"],
  ])("%s", (_, bytes, expected) => {
    const client = DirectClient.ready();
    const replies = client.send(serialize.query("rows 0"), bytes);
    expect(replies.slice(0, 3)).toEqual(["columns n:text", "done SELECT 0", "ready I"]);
    expect(replies).toHaveLength(4);
    expect(replies[3]).toStartWith(expected);
    expect(client.transport.ended).toBe(true);
    expect(client.sql.closed).toBe(true);
    expect(client.send(serialize.query("rows 1"))).toEqual([]);
  });
});
