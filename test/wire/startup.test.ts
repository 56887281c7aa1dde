/** From the first byte to ReadyForQuery, and every way not to get there. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { DeltatError, SqlState } from "../../src/errors.ts";
import {
  AUTHENTICATION_TIMEOUT_SECONDS,
  CLOSE_LINGER_SECONDS,
  MAX_AUTHENTICATION_BYTES,
  MAX_STARTUP_BYTES,
} from "../../src/limits.ts";
import { DirectClient, message, PASSWORD, startupPacket } from "./direct-client.ts";

const PROTOCOL_3_0 = 0x30000;
const USER = "user\0deltat\0";

describe("start-up", () => {
  test("a client with the right password gets a session", () => {
    const client = new DirectClient();
    expect(client.send(startupPacket(PROTOCOL_3_0, `${USER}application_name\0psql\0\0`))).toEqual([
      "authenticationCleartextPassword",
    ]);
    expect(client.send(serialize.password(PASSWORD))).toEqual([
      "authenticationOk",
      "parameter server_version=15.0",
      "parameter client_encoding=UTF8",
      "backendKeyData",
      "ready I",
    ]);
    expect(client.transport.reader.replies.find((reply) => reply.name === "backendKeyData")).toMatchObject({
      processID: 77,
      secretKey: 4242,
    });
    expect(client.sql.client.user).toBe("deltat");
    expect(client.sql.client.startupOptions.get("application_name")).toBe("psql");
    expect(client.timers.delays).toEqual([]);
  });

  test("a wrong password and a wrong user are told the same", () => {
    for (const [user, password] of [
      ["deltat", "wrong"],
      ["postgres", PASSWORD],
      ["deltat", ""],
    ] as const) {
      const client = new DirectClient();
      client.send(serialize.startup({ user, database: "db" }));
      expect(client.send(serialize.password(password))).toEqual([
        `FATAL 28P01 password authentication failed for user "${user}"`,
      ]);
      expect(client.transport.ended).toBe(true);
      expect(client.sessions).toEqual([]);
    }
  });

  test("encryption is declined, and start-up goes on", () => {
    const client = new DirectClient();
    client.transport.parse = false;
    client.send(startupPacket(80877104));
    client.send(startupPacket(80877103));
    expect(client.transport.raw).toEqual([0x4e, 0x4e]);
    client.transport.parse = true;
    expect(client.send(startupPacket(PROTOCOL_3_0, `${USER}\0`))).toEqual([
      "authenticationCleartextPassword",
    ]);
  });

  test("a newer minor version and unknown protocol options are negotiated down", () => {
    const client = new DirectClient();
    client.transport.parse = false;
    client.send(startupPacket(0x30002, `${USER}_pq_.frob\x001\0\0`));
    const negotiation = Buffer.from(client.transport.raw);
    expect(negotiation.toString("latin1", 0, 1)).toBe("v");
    expect(negotiation.readInt32BE(5)).toBe(PROTOCOL_3_0);
    expect(negotiation.readInt32BE(9)).toBe(1);
    expect(negotiation.toString("latin1", 13, 23)).toBe("_pq_.frob\0");
    client.transport.parse = true;
    expect(client.send(serialize.password(PASSWORD)).at(-1)).toBe("ready I");
    expect(client.sql.client.startupOptions.has("_pq_.frob")).toBe(false);
  });

  test.each([
    ["protocol 2.0", startupPacket(0x20000, "x\0"), "FATAL 0A000 unsupported frontend protocol 2.0"],
    ["protocol 4.0", startupPacket(0x40000, `${USER}\0`), "FATAL 0A000 unsupported frontend protocol 4.0"],
    ["no user", startupPacket(PROTOCOL_3_0, "database\0db\0\0"), "FATAL 28000 no PostgreSQL user name"],
    ["no terminator", startupPacket(PROTOCOL_3_0, USER), "FATAL 08P01 invalid startup packet layout"],
    ["bytes behind", startupPacket(PROTOCOL_3_0, `${USER}\0x`), "FATAL 08P01 invalid startup packet layout"],
    ["half a pair", startupPacket(PROTOCOL_3_0, `${USER}name\0`), "FATAL 08P01 invalid string"],
    ["not UTF-8", startupPacket(PROTOCOL_3_0, "user\0\xff\0\0"), "FATAL 22021 invalid byte sequence"],
    [
      "replication",
      startupPacket(PROTOCOL_3_0, `${USER}replication\0database\0\0`),
      "FATAL 0A000 replication connections are not supported",
    ],
  ])("%s is refused", (_, packet, expected) => {
    const client = new DirectClient();
    const replies = client.send(packet);
    expect(replies).toHaveLength(1);
    expect(replies[0]).toStartWith(expected);
    expect(client.transport.ended).toBe(true);
  });

  test("the length of a start-up packet has bounds, judged before the packet is there", () => {
    for (const length of [0, 7, MAX_STARTUP_BYTES + 1, 0x7fffffff, 0xffffffff]) {
      const client = new DirectClient();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      expect(client.send(header)).toEqual(["FATAL 08P01 invalid length of startup packet"]);
    }
    const client = new DirectClient();
    const filler = "x".repeat(MAX_STARTUP_BYTES - 8 - USER.length - 4);
    const largest = startupPacket(PROTOCOL_3_0, `${USER}x\0${filler}\0\0`);
    expect(largest.length).toBe(MAX_STARTUP_BYTES);
    expect(client.send(largest)).toEqual(["authenticationCleartextPassword"]);
  });

  test("what comes in one packet with a request for encryption is refused, declined or not", () => {
    for (const code of [80877103, 80877104]) {
      const client = new DirectClient();
      const packet = Buffer.concat([startupPacket(code), startupPacket(PROTOCOL_3_0, `${USER}\0`)]);
      expect(client.send(packet)[0]).toStartWith("FATAL 08P01 received unencrypted data after ");
      expect(client.transport.ended).toBe(true);
    }
  });

  test("encryption cannot be asked for for ever", () => {
    const client = new DirectClient();
    client.transport.parse = false;
    for (let i = 0; i < 3; i++) client.send(startupPacket(80877103));
    expect(client.transport.ended).toBe(true);
  });

  test("before the password only the password is accepted", () => {
    for (const early of [serialize.query("rows 1"), message("p", "no terminator")]) {
      const client = new DirectClient();
      client.send(serialize.startup({ user: "deltat", database: "db" }));
      expect(client.send(early)[0]).toStartWith("FATAL 08P01");
      expect(client.sessions).toEqual([]);
    }
    const client = new DirectClient();
    client.send(serialize.startup({ user: "deltat", database: "db" }));
    const header = Buffer.from("p0000");
    header.writeInt32BE(MAX_AUTHENTICATION_BYTES + 1, 1);
    expect(client.send(header)).toEqual(["FATAL 08P01 invalid message length"]);
  });

  test("a database that is not there, and options that cannot be, end the connection", () => {
    const missing = new DirectClient();
    missing.send(serialize.startup({ user: "deltat", database: "missing" }));
    expect(missing.send(serialize.password(PASSWORD))).toEqual([
      "authenticationOk",
      'FATAL 3D000 database "missing" does not exist',
    ]);
    const encoding = new DirectClient();
    encoding.send(startupPacket(PROTOCOL_3_0, `${USER}client_encoding\0LATIN1\0\0`));
    expect(encoding.send(serialize.password(PASSWORD)).at(-1)).toStartWith("FATAL 22023");
  });

  test("a client that does not authenticate in time is told so and cut", () => {
    const client = new DirectClient();
    client.send(serialize.startup({ user: "deltat", database: "db" }));
    client.timers.fire(AUTHENTICATION_TIMEOUT_SECONDS * 1000);
    expect(client.take()).toEqual(["FATAL 57014 canceling authentication due to timeout"]);
    expect(client.transport.ended).toBe(true);
    expect(client.transport.cut).toBe(false);
    client.timers.fire(CLOSE_LINGER_SECONDS * 1000);
    expect(client.transport.cut).toBe(true);
  });

  test("a refused client gets the reason where it expects one", () => {
    const refusal = new DeltatError(SqlState.tooManyConnections, "sorry, too many clients already");
    const client = new DirectClient({ refusal });
    expect(client.send(serialize.startup({ user: "deltat", database: "db" }))).toEqual([
      "FATAL 53300 sorry, too many clients already",
    ]);
  });

  test("a cancel request is passed on and closed without a word", () => {
    const client = new DirectClient();
    expect(client.send(serialize.cancel(12, 34))).toEqual([]);
    expect(client.cancels).toEqual([[12, 34]]);
    expect(client.transport.ended).toBe(true);
  });

  test("start-up may come split at any byte, and all at once", () => {
    const whole = Buffer.concat([
      serialize.startup({ user: "deltat", database: "db" }),
      serialize.password(PASSWORD),
      serialize.query("rows 2"),
    ]);
    const expected = new DirectClient().send(whole);
    expect(expected.at(-1)).toBe("ready I");
    for (let at = 1; at < whole.length; at++) {
      const client = new DirectClient();
      const replies = [...client.send(whole.subarray(0, at)), ...client.send(whole.subarray(at))];
      expect(replies).toEqual(expected);
    }
    const slow = new DirectClient();
    for (const byte of whole) slow.session.receive(Uint8Array.of(byte));
    expect(slow.take()).toEqual(expected);
  });
});
