/** SCRAM by the example of RFC 7677, and with every part of an exchange changed. */

import { describe, expect, test } from "bun:test";
import { serialize } from "pg-protocol";
import { ByteWriter } from "../../src/bytes.ts";
import type { AccessOptions } from "../../src/wire/access-policy.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import { makeVerifier, ScramAuthentication } from "../../src/wire/scram.ts";
import { DirectClient, message, PASSWORD } from "./direct-client.ts";
import { madeIdentity } from "./made-identity.ts";
import { ScramClient } from "./scram-client.ts";

const PLAIN = "SCRAM-SHA-256";
const PLUS = "SCRAM-SHA-256-PLUS";
const WRONG = 'FATAL 28P01 password authentication failed for user "deltat"';

const identity = madeIdentity();

const binding = identity.endPointHash ?? new Uint8Array(0);

/** A client that has been asked for SCRAM; encrypted as far as the session can tell. */
function asked(options: { access?: Partial<AccessOptions>; user?: string; encrypted?: boolean } = {}) {
  const client = new DirectClient({ access: { method: "scram", ...options.access } });
  client.transport.encrypted = options.encrypted ?? false;
  const replies = client.send(serialize.startup({ user: options.user ?? "deltat", database: "db" }));
  return { client, replies };
}

function challengeOf(client: DirectClient): string {
  return client.transport.reader.replies.findLast((reply) => reply.data !== undefined)?.data ?? "";
}

const initial = (mechanism: string, text: string) =>
  serialize.sendSASLInitialResponseMessage(mechanism, text);
const response = (text: string) => serialize.sendSCRAMClientFinalMessage(text);

interface Forgery {
  readonly first?: (text: string) => string;
  readonly challenge?: (text: string) => string;
  readonly final?: (text: string) => string;
  readonly mechanism?: string;
}

/**
 * Plays an exchange with messages that are changed on their way, of a client that leaves it to the server to notice;
 * returns the server's last word.
 */
function play(exchange: ScramClient, forgery: Forgery = {}, how: Parameters<typeof asked>[0] = {}): string {
  const same = (text: string) => text;
  exchange.careless = true;
  const { client } = asked(how);
  const said = client.send(initial(forgery.mechanism ?? PLAIN, (forgery.first ?? same)(exchange.first())));
  if (said[0] !== "authenticationSASLContinue") return said.join("; ");
  const challenge = (forgery.challenge ?? same)(challengeOf(client));
  const last = client.send(response((forgery.final ?? same)(exchange.final(challenge))));
  if (last[0] === "authenticationSASLFinal") exchange.verify(challengeOf(client));
  return last.at(-1) ?? "";
}

/** `text` with the character at `at` turned into a similar one. */
function changedAt(text: string, at: number): string {
  const code = text.charCodeAt(at) ^ 1;
  return text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1);
}

const withTls = { access: { tls: identity }, encrypted: true } as const;
const plus = () => new ScramClient(PASSWORD, "p=tls-server-end-point,,", binding);

describe("SCRAM-SHA-256", () => {
  test("computes the exchange of RFC 7677", () => {
    const salt = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
    const serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const server = new ScramAuthentication(
      "user",
      true,
      makeVerifier("pencil", salt),
      null,
      () => serverNonce,
    );
    const out = new ByteWriter();
    const said = (body: Buffer, from: number) => {
      out.clear();
      const fields = new MessageReader();
      fields.reset(body, from, body.length);
      const verdict = server.receive(fields, out);
      return [verdict, Buffer.from(out.written().subarray(9)).toString()];
    };
    expect(said(initial(PLAIN, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO") as Buffer, 5)).toEqual([
      "continue",
      `r=rOprNGfwEbeRWgbNEkqO${serverNonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
    ]);
    const final = `c=biws,r=rOprNGfwEbeRWgbNEkqO${serverNonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
    expect(said(response(final) as Buffer, 5)).toEqual([
      "accepted",
      "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ]);
  });

  test("lets a client in that proves the password, and proves itself to it", () => {
    expect(play(new ScramClient(PASSWORD))).toBe("ready I");
    expect(play(new ScramClient(PASSWORD, "y,,"))).toBe("ready I");
  });

  test("a password is the same however its letters are composed", () => {
    const access = { password: "s\u00e9same \u2168" };
    expect(play(new ScramClient("s\u00e9same IX"), {}, { access })).toBe("ready I");
    expect(play(new ScramClient("se\u0301same IX"), {}, { access })).toBe(WRONG);
  });

  test("a wrong password and a user who does not exist are told the same, after the same exchange", () => {
    expect(play(new ScramClient("wrong"))).toBe(WRONG);
    const stranger = { user: "postgres" };
    expect(play(new ScramClient(PASSWORD), {}, stranger)).toBe(WRONG.replace("deltat", "postgres"));
    const salts = ["deltat", "postgres", "deltat"].map((user) => {
      const { client } = asked({ user });
      client.send(initial(PLAIN, new ScramClient("").first()));
      return challengeOf(client).replace(/^r=[^,]+/, "");
    });
    expect(salts[0]).toMatch(/^,s=[A-Za-z0-9+/]{22}==,i=4096$/);
  });

  test("one attempt is all a connection has", () => {
    const { client } = asked();
    const exchange = new ScramClient("wrong");
    client.send(initial(PLAIN, exchange.first()));
    expect(client.send(response(exchange.final(challengeOf(client))))).toEqual([WRONG]);
    expect(client.transport.ended).toBe(true);
    expect(client.send(initial(PLAIN, new ScramClient(PASSWORD).first()))).toEqual([]);
    expect(client.sessions).toEqual([]);
  });

  test("a client may leave its first message for after an empty challenge", () => {
    const { client } = asked();
    const exchange = new ScramClient(PASSWORD);
    expect(client.send(message("p", `${PLAIN}\0`, [255, 255, 255, 255]))).toEqual([
      "authenticationSASLContinue",
    ]);
    client.send(response(exchange.first()));
    expect(client.send(response(exchange.final(challengeOf(client)))).at(-1)).toBe("ready I");
  });

  test("each exchange has a nonce of its own: a recorded one cannot be played again", () => {
    const exchange = new ScramClient(PASSWORD);
    let recorded = "";
    play(exchange, { final: (text) => (recorded = text) });
    expect(play(exchange, { final: () => recorded })).toStartWith("FATAL 08P01 invalid SCRAM response");
  });
});

describe("a SCRAM exchange that was changed", () => {
  const isRefused = (outcome: string) => /^FATAL (28P01|28000|08P01|0A000) /.test(outcome);

  test.each([
    ["without channel binding", () => new ScramClient(PASSWORD), PLAIN, {}],
    ["with channel binding", plus, PLUS, withTls],
  ] as const)(
    "at any character of any message is refused, %s",
    (_, make, mechanism, how) => {
      expect(play(make(), { mechanism }, how)).toBe("ready I");
      const length = { first: 0, challenge: 0, final: 0 };
      const keep = (which: keyof typeof length) => (text: string) => {
        length[which] = text.length;
        return text;
      };
      play(
        make(),
        { mechanism, first: keep("first"), challenge: keep("challenge"), final: keep("final") },
        how,
      );
      for (const which of ["first", "challenge", "final"] as const) {
        for (let at = 0; at < length[which]; at++) {
          const forgery = { mechanism, [which]: (text: string) => changedAt(text, at) };
          let outcome: string;
          try {
            outcome = play(make(), forgery, how);
          } catch (error) {
            // The client itself has noticed.
            expect(which).toBe("challenge");
            expect(String(error)).toContain("not a server-first");
            continue;
          }
          expect([which, at, outcome, isRefused(outcome)]).toEqual([which, at, outcome, true]);
        }
      }
    },
    30_000,
  );

  test("is refused when cut off anywhere", () => {
    for (let kept = 0; kept < 60; kept++) {
      expect(isRefused(play(new ScramClient(PASSWORD), { final: (text) => text.slice(0, kept) }))).toBe(true);
      if (kept > 20) continue;
      const first = (text: string) => text.slice(0, kept);
      expect(isRefused(play(new ScramClient(PASSWORD), { first }))).toBe(true);
    }
  });

  test("a forged server is noticed by the client", () => {
    const exchange = new ScramClient(PASSWORD);
    const { client } = asked({ access: { password: PASSWORD } });
    client.send(initial(PLAIN, exchange.first()));
    client.send(response(exchange.final(challengeOf(client))));
    const signature = client.transport.reader.replies.find(
      (reply) => reply.name === "authenticationSASLFinal",
    );
    exchange.verify(signature?.data ?? "");
    expect(() => exchange.verify(changedAt(signature?.data ?? "", 9))).toThrow("not our server");
  });

  const first = (text: string) => (): string => text;
  test.each([
    ["empty", { first: first("") }, "08P01 malformed SCRAM message"],
    ["with a zero", { first: first("n,,n=,r=a\0b") }, "08P01 malformed SCRAM message"],
    ["no flag", { first: first("x,,n=,r=abc") }, "08P01 malformed SCRAM message"],
    ["no nonce", { first: first("n,,n=") }, "08P01 malformed SCRAM message"],
    ["an empty nonce", { first: first("n,,n=,r=") }, "08P01 non-printable characters in SCRAM nonce"],
    [
      "a nonce not printable",
      { first: first("n,,n=,r=a b") },
      "08P01 non-printable characters in SCRAM nonce",
    ],
    ["another identity", { first: first("n,a=root,n=,r=abc") }, "0A000 client uses authorization identity"],
    [
      "an extension",
      { first: first("n,,m=x,n=,r=abc") },
      "0A000 client requires an unsupported SCRAM extension",
    ],
    ["another mechanism", { mechanism: "SCRAM-SHA-1" }, "08P01 client selected an invalid SASL"],
    ["PLUS that was not offered", { mechanism: PLUS }, "08P01 client selected an invalid SASL"],
    ["a binding unasked for", { first: first("p=tls-unique,,n=,r=abc") }, "08P01 malformed SCRAM message"],
    [
      "a proof too short",
      { final: (text: string) => text.replace(/p=.*/, "p=AAAA") },
      "08P01 malformed SCRAM",
    ],
    ["a proof not base64", { final: (text: string) => text.replace(/p=./, "p=*") }, "08P01 malformed SCRAM"],
    ["no proof", { final: (text: string) => text.replace(/,p=.*/, "") }, "08P01 malformed SCRAM message"],
    ["bytes behind the proof", { final: (text: string) => `${text},x=1` }, "08P01 malformed SCRAM message"],
    [
      "another binding",
      { final: (text: string) => text.replace("c=biws", "c=eSws") },
      "08P01 unexpected SCRAM",
    ],
  ] as const)("%s", (_, forgery: Forgery, expected) => {
    expect(play(new ScramClient(PASSWORD), forgery)).toStartWith(`FATAL ${expected}`);
  });

  test("a first message of another length than it says is refused", () => {
    for (const bytes of [
      message("p", `${PLAIN}\0`, [0, 0, 0, 99], "n,,n=,r=abc"),
      message("p", `${PLAIN}\0`, [255, 255, 255, 254], "n,,n=,r=abc"),
      message("p", `${PLAIN}\0`, [0, 0, 0, 3], "n,,n=,r=abc"),
      message("p", `${PLAIN}\0`),
      message("p", PLAIN),
    ]) {
      expect(asked().client.send(bytes)[0]).toStartWith("FATAL 08P01");
    }
  });
});

describe("channel binding", () => {
  test("is offered on TLS where the certificate has a hash for it, and nowhere else", () => {
    const offered = (how: Parameters<typeof asked>[0]) => {
      const [offer] = asked(how).client.transport.reader.replies;
      return (offer as unknown as { mechanisms: string[] }).mechanisms;
    };
    expect(offered(withTls)).toEqual([PLUS, PLAIN]);
    expect(offered({ ...withTls, encrypted: false })).toEqual([PLAIN]);
    expect(offered({ ...withTls, access: { tls: { ...identity, endPointHash: null } } })).toEqual([PLAIN]);
    expect(offered({})).toEqual([PLAIN]);
  });

  test("is used by those who can, and left by those who cannot", () => {
    expect(play(plus(), { mechanism: PLUS }, withTls)).toBe("ready I");
    expect(play(new ScramClient(PASSWORD, "n,,"), {}, withTls)).toBe("ready I");
  });

  test("a client that could, and was told that the server cannot, is refused: someone took the offer out", () => {
    expect(play(new ScramClient(PASSWORD, "y,,"), {}, withTls)).toBe(
      "FATAL 28000 SCRAM channel binding negotiation error",
    );
  });

  test("to another certificate is refused: someone stands in between", () => {
    const other = new ScramClient(PASSWORD, "p=tls-server-end-point,,", binding.toReversed());
    expect(play(other, { mechanism: PLUS }, withTls)).toBe("FATAL 28000 SCRAM channel binding check failed");
  });

  test("is of the one kind that is offered", () => {
    const unique = new ScramClient(PASSWORD, "p=tls-unique,,", binding);
    expect(play(unique, { mechanism: PLUS }, withTls)).toBe(
      'FATAL 08P01 unsupported SCRAM channel-binding type "tls-unique"',
    );
  });

  test("the mechanism and the flag have to agree", () => {
    expect(play(plus(), { mechanism: PLAIN }, withTls)).toStartWith("FATAL 08P01 malformed SCRAM message");
    for (const header of ["n,,", "y,,"]) {
      const exchange = new ScramClient(PASSWORD, header);
      expect(play(exchange, { mechanism: PLUS }, withTls)).toStartWith("FATAL 08P01 malformed SCRAM message");
    }
  });
});
