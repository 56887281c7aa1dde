/** The simple query, message by message: answers, one transaction for a text, errors. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { DirectClient, message } from "./direct-client.ts";

describe("the simple query", () => {
  test("rows come between their description and the tag", () => {
    const client = DirectClient.ready();
    expect(client.query("rows 2")).toEqual(["columns n:text", "row 1", "row 2", "done SELECT 2", "ready I"]);
    expect(client.query("write")).toEqual(["done INSERT 0 1", "ready I"]);
    expect(client.query("rows 0")).toEqual(["columns n:text", "done SELECT 0", "ready I"]);
  });

  test("a text without statements is empty", () => {
    const client = DirectClient.ready();
    expect(client.query("")).toEqual(["emptyQuery", "ready I"]);
    expect(client.query(" ; ;")).toEqual(["emptyQuery", "ready I"]);
  });

  test("several statements are one transaction, committed before the last is called complete", () => {
    const client = DirectClient.ready();
    expect(client.query("write; rows 1; write")).toEqual([
      "done INSERT 0 1",
      "columns n:text",
      "row 1",
      "done SELECT 1",
      "done INSERT 0 1",
      "ready I",
    ]);
    expect(client.sql.calls).toEqual(["write", "rows 1", "write", "commitImplicit"]);
    expect(client.log.appendedLsn).toBe(1);
  });

  test("an error ends the text; what came before it was answered", () => {
    const client = DirectClient.ready();
    expect(client.query("rows 1; fail 23P01; rows 2")).toEqual([
      "columns n:text",
      "row 1",
      "done SELECT 1",
      "ERROR 23P01 failed with 23P01",
      "ready I",
    ]);
    expect(client.sql.calls).toEqual(["rows 1", "fail 23P01", "abort"]);
    expect(client.query("rows 0").at(-1)).toBe("ready I");
  });

  test("a commit that fails is the last statement's error, and takes its replies back", () => {
    const client = DirectClient.ready();
    expect(client.query("write; poison; rows 3")).toEqual([
      "done INSERT 0 1",
      "done POISON",
      "ERROR 40001 lost the race",
      "ready I",
    ]);
    expect(client.log.appendedLsn).toBe(0);
  });

  test("a statement that fails amid a row leaves no piece of a message", () => {
    const client = DirectClient.ready();
    expect(client.query("partial")).toEqual(["ERROR 22012 division by zero", "ready I"]);
  });

  test("the transaction's status is told", () => {
    const client = DirectClient.ready();
    expect(client.query("begin")).toEqual(["done BEGIN", "ready T"]);
    expect(client.query("fail 23505")).toEqual(["ERROR 23505 failed with 23505", "ready E"]);
    expect(client.query("rows 1").at(-1)).toBe("ready E");
    expect(client.query("rollback")).toEqual(["done ROLLBACK", "ready I"]);
  });

  test("an error carries its fields", () => {
    const client = DirectClient.ready();
    client.query("fail 23P01");
    const failure = client.transport.reader.replies.findLast((reply) => reply.name === "error");
    expect(failure).toMatchObject({ schema: "public", table: "bookings", constraint: "c" });
    client.send(serialize.parse({ text: "syntax" }), serialize.sync());
    const syntax = client.transport.reader.replies.findLast((reply) => reply.name === "error");
    expect(syntax).toMatchObject({
      code: "42601",
      position: "3",
      hint: "no",
      detail: "d",
      schema: undefined,
    });
  });

  test("a bug is XX000, its stack goes to the log, and the connection lives on", () => {
    const client = DirectClient.ready();
    expect(client.query("bug")).toEqual(["ERROR XX000 internal error", "ready I"]);
    expect(client.internalErrors).toHaveLength(1);
    expect(client.query("rows 1").at(-1)).toBe("ready I");
  });

  test("notices and changed parameters are told", () => {
    const client = DirectClient.ready();
    expect(client.query("notice mind the gap")).toEqual(["notice mind the gap", "done NOTICE", "ready I"]);
    expect(client.query("set TimeZone CET")).toEqual(["done SET", "parameter TimeZone=CET", "ready I"]);
  });

  test("several queries in one packet are answered in order", () => {
    const client = DirectClient.ready();
    expect(
      client.send(serialize.query("rows 1"), serialize.query("fail 22012"), serialize.query("write")),
    ).toEqual([
      "columns n:text",
      "row 1",
      "done SELECT 1",
      "ready I",
      "ERROR 22012 failed with 22012",
      "ready I",
      "done INSERT 0 1",
      "ready I",
    ]);
  });

  test("a malformed query is an error of its own", () => {
    const client = DirectClient.ready();
    for (const [body, expected] of [
      ["rows 1", "ERROR 08P01 invalid string in message"],
      ["", "ERROR 08P01 invalid string in message"],
      ["rows 1\0more\0", "ERROR 08P01 invalid message format"],
    ] as const) {
      expect(client.send(message("Q", body))).toEqual([expected, "ready I"]);
    }
    // Another message's zero is not this one's end.
    expect(client.send(message("Q", "rows 1"), message("Q", "rows 0\0"))).toEqual([
      "ERROR 08P01 invalid string in message",
      "ready I",
      "columns n:text",
      "done SELECT 0",
      "ready I",
    ]);
    const notUtf8 = message("Q", [0x72, 0xc3, 0x28, 0]);
    expect(client.send(notUtf8)).toEqual([
      'ERROR 22021 invalid byte sequence for encoding "UTF8": 0xc3 0x28',
      "ready I",
    ]);
    expect(client.query("rows 0").at(-1)).toBe("ready I");
  });

  test("a function call is not supported, and COPY data that nobody asked for is ignored", () => {
    const client = DirectClient.ready();
    expect(client.send(message("F", "anything"))).toEqual([
      "ERROR 0A000 function calls by message are not supported",
      "ready I",
    ]);
    expect(
      client.send(message("d", "x"), message("c"), message("f", "why\0"), serialize.query("write")),
    ).toEqual(["done INSERT 0 1", "ready I"]);
  });

  test("Terminate ends the session", () => {
    const client = DirectClient.ready();
    expect(client.send(serialize.query("rows 0"), serialize.end(), serialize.query("rows 1"))).toEqual([
      "columns n:text",
      "done SELECT 0",
      "ready I",
    ]);
    expect(client.sql.closed).toBe(true);
    expect(client.transport.ended).toBe(true);
    client.session.connectionClosed();
    expect(client.closedCount).toBe(1);
    expect(client.timers.delays).toEqual([]);
  });
});
