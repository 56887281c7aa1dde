/** The extended query, message by message: answers, errors up to Sync, formats, portals. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { MAX_PREPARED_PER_CONNECTION } from "../../src/limits.ts";
import { DirectClient, message } from "./direct-client.ts";
import { TEXT_OID } from "./scripted-sql.ts";

const { parse, bind, describe: describeMessage, execute, sync, flush, close, query } = serialize;

/** Parse, Bind, Describe and Execute of one statement, unnamed; no Sync. */
function run(text: string, values: unknown[] = [], rows = 0): Buffer {
  return Buffer.concat([
    parse({ text }),
    bind({ values }),
    describeMessage({ type: "P", name: "" }),
    execute({ rows }),
  ]);
}

/** Bind with everything said: format codes, values, result formats. */
function bindMessage(
  portal: string,
  statement: string,
  formats: number[],
  values: string[],
  results: number[],
) {
  const u16 = (value: number) => [value >> 8, value & 255];
  const fields: number[] = [...u16(formats.length), ...formats.flatMap(u16), ...u16(values.length)];
  for (const value of values) fields.push(0, 0, ...u16(value.length), ...Buffer.from(value));
  fields.push(...u16(results.length), ...results.flatMap(u16));
  return message("B", `${portal}\0${statement}\0`, fields);
}

describe("the extended query", () => {
  test("prepares, binds, describes and executes", () => {
    const client = DirectClient.ready();
    expect(client.send(run("echo $1 $2", ["a", null]), sync())).toEqual([
      "parseComplete",
      "bindComplete",
      "columns text:text",
      "row a|",
      "done SELECT 1",
      "ready I",
    ]);
    expect(client.send(run("write"), sync())).toEqual([
      "parseComplete",
      "bindComplete",
      "noData",
      "done INSERT 0 1",
      "ready I",
    ]);
    expect(client.send(run(""), sync())).toEqual([
      "parseComplete",
      "bindComplete",
      "noData",
      "emptyQuery",
      "ready I",
    ]);
  });

  test("a conversation split at any byte is answered alike", () => {
    const whole = Buffer.concat([
      run("echo $1", ["é"]),
      sync(),
      query("rows 1"),
      run("rows 3", [], 2),
      sync(),
    ]);
    const expected = DirectClient.ready().send(whole);
    expect(expected.filter((line) => line === "ready I")).toHaveLength(3);
    for (let at = 1; at < whole.length; at++) {
      const client = DirectClient.ready();
      const replies = [...client.send(whole.subarray(0, at)), ...client.send(whole.subarray(at))];
      expect(replies).toEqual(expected);
    }
    const slow = DirectClient.ready();
    for (const byte of whole) slow.session.receive(Uint8Array.of(byte));
    expect(slow.take()).toEqual(expected);
  });

  test("a pipeline up to Sync is one transaction", () => {
    const client = DirectClient.ready();
    client.send(run("write"), run("write"), sync());
    expect(client.sql.calls).toEqual(["write", "write", "commitImplicit"]);
    expect(client.log.appendedLsn).toBe(1);
  });

  test("a commit that fails at Sync is an error before ReadyForQuery", () => {
    const client = DirectClient.ready();
    client.send(run("write"));
    expect(client.send(run("poison"), sync()).slice(-2)).toEqual(["ERROR 40001 lost the race", "ready I"]);
    expect(client.log.appendedLsn).toBe(0);
  });

  test("after an error everything is skipped up to Sync", () => {
    const client = DirectClient.ready();
    expect(client.send(run("write"), run("fail 23P01"), run("write"), query("write"))).toEqual([
      "parseComplete",
      "bindComplete",
      "noData",
      "done INSERT 0 1",
      "parseComplete",
      "bindComplete",
      "noData",
      "ERROR 23P01 failed with 23P01",
    ]);
    expect(client.send(message("P", "malformed"), flush(), sync())).toEqual(["ready I"]);
    expect(client.sql.calls).toEqual(["write", "fail 23P01", "abort"]);
    expect(client.log.appendedLsn).toBe(0);
    expect(client.query("rows 0").at(-1)).toBe("ready I");
  });

  test("Flush sends what is there without ending the transaction", () => {
    const client = DirectClient.ready();
    expect(client.send(run("write"), flush()).at(-1)).toBe("done INSERT 0 1");
    expect(client.sql.calls).toEqual(["write"]);
    expect(client.send(sync())).toEqual(["ready I"]);
  });

  test("Describe of a statement tells its parameters and columns", () => {
    const client = DirectClient.ready();
    client.send(parse({ name: "s", text: "echo $1 $2", types: [20] }), sync());
    expect(client.send(describeMessage({ type: "S", name: "s" }), sync())).toEqual([
      `parameters 20,${TEXT_OID}`,
      "columns text:text",
      "ready I",
    ]);
    client.send(parse({ name: "w", text: "write" }), sync());
    expect(client.send(describeMessage({ type: "S", name: "w" }), sync())).toEqual([
      "parameters ",
      "noData",
      "ready I",
    ]);
  });

  test("formats are none, one for all, or one each", () => {
    const client = DirectClient.ready();
    client.send(parse({ name: "s", text: "echo $1 $2" }), sync());
    const say = (formats: number[], results: number[]) =>
      client.send(
        bindMessage("", "s", formats, ["a", "b"], results),
        describeMessage({ type: "P", name: "" }),
        execute({}),
        sync(),
      );
    expect(say([], [])[2]).toBe("row a|b");
    expect(say([1], [])[2]).toBe("row binary:a|binary:b");
    expect(say([0, 1], [])[2]).toBe("row a|binary:b");
    expect(say([0, 1], [1])[1]).toBe("columns text:binary");
    expect(client.sql.lastFormats).toEqual([1]);
    expect(say([], [0])[1]).toBe("columns text:text");
    expect(say([0, 0, 0], [])[0]).toBe("ERROR 08P01 bind message has 3 parameter formats but 2 parameters");
    expect(say([2], [])[0]).toBe("ERROR 22023 unsupported format code: 2");
    expect(say([], [0, 1])[0]).toBe("ERROR 08P01 bind message has 2 result formats but query has 1 columns");
  });

  test("a Bind that does not fit its statement is refused", () => {
    const client = DirectClient.ready();
    client.send(parse({ name: "s", text: "echo $1" }), sync());
    expect(client.send(bind({ statement: "s", values: ["a", "b"] }), sync())).toEqual([
      'ERROR 08P01 bind message supplies 2 parameters, but prepared statement "s" requires 1',
      "ready I",
    ]);
    expect(client.send(bind({ statement: "s", values: ["bad"] }), sync())[0]).toStartWith("ERROR 22P02");
    expect(client.send(bind({ statement: "nope" }), sync())[0]).toBe(
      'ERROR 26000 prepared statement "nope" does not exist',
    );
    expect(client.send(bind({}), sync())[0]).toBe("ERROR 26000 unnamed prepared statement does not exist");
    const length = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
    for (const bad of [-2, 5, 0x7fffffff]) {
      const cut = message("B", "\0s\0", [0, 0, 0, 1, ...length(bad), 0x61, 0, 0]);
      expect(client.send(cut, sync())[0]).toStartWith("ERROR 08P01");
    }
    const trailing = message("B", "\0s\0", [0, 0, 0, 1, ...length(-1), 0, 0, 9]);
    expect(client.send(trailing, sync())).toEqual(["ERROR 08P01 invalid message format", "ready I"]);
  });

  test("names are taken once", () => {
    const client = DirectClient.ready();
    client.send(parse({ name: "s", text: "rows 1" }), sync());
    expect(client.send(parse({ name: "s", text: "rows 2" }), sync())[0]).toBe(
      'ERROR 42P05 prepared statement "s" already exists',
    );
    expect(client.send(bind({ statement: "s", portal: "p" }), bind({ statement: "s", portal: "p" }))).toEqual(
      ["bindComplete", 'ERROR 42P03 cursor "p" already exists'],
    );
    client.send(sync());
    expect(
      client.send(close({ type: "S", name: "s" }), parse({ name: "s", text: "rows 2" }), sync()),
    ).toEqual(["closeComplete", "parseComplete", "ready I"]);
    expect(client.send(close({ type: "S", name: "unheard of" }), sync())).toEqual([
      "closeComplete",
      "ready I",
    ]);
  });

  test("a portal with a limit hands its rows out by number", () => {
    const client = DirectClient.ready();
    const next = (rows: number) => client.send(execute({ portal: "p", rows }));
    client.send(parse({ name: "s", text: "rows 5" }), bind({ statement: "s", portal: "p" }));
    expect(next(2)).toEqual(["row 1", "row 2", "portalSuspended"]);
    expect(next(2)).toEqual(["row 3", "row 4", "portalSuspended"]);
    expect(next(2)).toEqual(["row 5", "done SELECT 1"]);
    expect(next(2)).toEqual(["done SELECT 0"]);
    expect(client.sql.calls).toEqual(["rows 5"]);
    client.send(bind({ statement: "s", portal: "q" }));
    expect(client.send(execute({ portal: "q", rows: 5 })).at(-1)).toBe("portalSuspended");
    expect(client.send(execute({ portal: "q", rows: 5 }))).toEqual(["done SELECT 0"]);
    client.send(bind({ statement: "s", portal: "r" }), execute({ portal: "r", rows: 3 }));
    expect(client.send(execute({ portal: "r" }))).toEqual(["row 4", "row 5", "done SELECT 2"]);
  });

  test("a statement without rows runs once and ignores the limit", () => {
    const client = DirectClient.ready();
    client.send(parse({ text: "write" }), bind({}));
    expect(client.send(execute({ rows: 1 }))).toEqual(["done INSERT 0 1"]);
    expect(client.send(execute({ rows: 1 }), sync())).toEqual([
      'ERROR 55000 portal "" cannot be run',
      "ready I",
    ]);
  });

  test("portals live as long as their transaction", () => {
    const client = DirectClient.ready();
    const gone = 'ERROR 34000 portal "p" does not exist';
    const open = () =>
      client.send(
        parse({ text: "rows 3" }),
        bind({ portal: "p" }),
        execute({ portal: "p", rows: 1 }),
        sync(),
      );
    open();
    expect(client.send(execute({ portal: "p" }), sync())[0]).toBe(gone);
    client.query("begin");
    open();
    expect(client.send(execute({ portal: "p", rows: 1 }), sync())).toEqual([
      "row 2",
      "portalSuspended",
      "ready T",
    ]);
    client.query("commit");
    expect(client.send(execute({ portal: "p" }), sync())[0]).toBe(gone);
    client.query("begin");
    open();
    client.send(run("commit"));
    expect(client.send(execute({ portal: "p" }), sync())[0]).toBe(gone);
  });

  test("closing a portal, or its statement, closes it", () => {
    const client = DirectClient.ready();
    const gone = 'ERROR 34000 portal "p" does not exist';
    client.send(parse({ name: "s", text: "rows 3" }), sync());
    client.send(bind({ statement: "s", portal: "p" }), close({ type: "P", name: "p" }));
    expect(client.send(execute({ portal: "p" }), sync())[0]).toBe(gone);
    client.send(bind({ statement: "s", portal: "p" }), close({ type: "S", name: "s" }));
    expect(client.send(execute({ portal: "p" }), sync())[0]).toBe(gone);
  });

  test("a simple query takes the place of the unnamed statement; DISCARD ALL of all", () => {
    const client = DirectClient.ready();
    client.send(parse({ text: "rows 1" }), parse({ name: "s", text: "rows 1" }), sync());
    client.query("rows 1");
    expect(client.send(bind({}), sync())[0]).toStartWith("ERROR 26000");
    expect(client.send(bind({ statement: "s" }), sync())[0]).toBe("bindComplete");
    client.query("tag DISCARD ALL");
    expect(client.send(bind({ statement: "s" }), sync())[0]).toStartWith("ERROR 26000");
  });

  test("an execution that fails amid a row leaves no piece of a message", () => {
    const client = DirectClient.ready();
    for (const rows of [0, 5]) {
      expect(client.send(run("partial", [], rows), sync()).slice(3)).toEqual([
        "ERROR 22012 division by zero",
        "ready I",
      ]);
    }
  });

  test("malformed messages are errors of their own", () => {
    const client = DirectClient.ready();
    for (const bad of [
      message("P", "no end"),
      message("P", "\0rows 1\0", [0, 2, 0, 0, 0, 23]),
      message("D", "Xname\0"),
      message("D", ""),
      message("E", "p\0", [0, 0]),
      message("C", "S"),
      message("H", "x"),
    ]) {
      const [first, ...rest] = client.send(bad, sync());
      expect(first).toStartWith("ERROR 08P01");
      expect(rest).toEqual(["ready I"]);
    }
    expect(client.send(message("S", "x"))).toEqual(["ERROR 08P01 invalid message format", "ready I"]);
  });

  test("a connection keeps so many prepared statements and no more", () => {
    const client = DirectClient.ready();
    for (let i = 0; i < MAX_PREPARED_PER_CONNECTION; i++)
      client.session.receive(parse({ name: `s${i}`, text: "" }));
    expect(client.send(sync()).slice(-2)).toEqual(["parseComplete", "ready I"]);
    expect(client.send(parse({ name: "more", text: "" }), sync())[0]).toStartWith(
      "ERROR 54000 limit exceeded",
    );
  });
});
