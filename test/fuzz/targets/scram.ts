/**
 * SCRAM with changed messages. The server accepts exactly one final message: the one that a client which knows the password
 * makes for the first message that was really sent. All else is refused with a SQLSTATE.
 */

import { createHash, createHmac, pbkdf2Sync } from "node:crypto";
import { ByteWriter } from "../../../src/bytes.ts";
import { DeltatError } from "../../../src/errors.ts";
import type { Authentication } from "../../../src/wire/authentication.ts";
import { MessageReader } from "../../../src/wire/message-reader.ts";
import { makeVerifier, ScramAuthentication } from "../../../src/wire/scram.ts";
import type { Random } from "../../seeded-random.ts";
import { bytesOf, latin1Of, mutateBytes, noise } from "../mutators.ts";
import { smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface ScramCase {
  readonly mechanism: "SCRAM-SHA-256" | "SCRAM-SHA-256-PLUS";
  /** The whole first message of the client, in Latin-1. */
  readonly initial: string;
  /** What the client signs with. */
  readonly password: string;
  /** Where the final message is changed, by what, and how many characters go there; null: nowhere. */
  readonly change: readonly [at: number, removed: number, added: string] | null;
}

const PASSWORD = "pencil";
const SALT = Buffer.from("W22ZaJ0SNY7soEsUEjb6gQ==", "base64");
const ITERATIONS = 4096;
const SERVER_NONCE = "srv+NONCE/=";
const BINDING = Buffer.from("the hash of a certificate, in fact");
const VERIFIER = makeVerifier(PASSWORD, SALT);

type MakeServer = () => Authentication;

const makeServer: MakeServer = () =>
  new ScramAuthentication("deltat", true, VERIFIER, BINDING, () => SERVER_NONCE);

/** @param make what is tested; another one shows that the target finds faults */
export function scramTarget(make: MakeServer = makeServer): Target<ScramCase> {
  return {
    name: "scram",
    timeBoundMs: 1000,
    make: makeCase,
    check: (made) => checkExchange(make(), made),
    *smaller(made) {
      if (made.change !== null) yield { ...made, change: null };
      for (const initial of smallerTexts(made.initial)) yield { ...made, initial };
    },
  };
}

function makeCase(random: Random): ScramCase {
  const mechanism = random.pick(["SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"] as const);
  const header =
    mechanism === "SCRAM-SHA-256" ? random.pick(["n,,", "n,,", "y,,"]) : "p=tls-server-end-point,,";
  const first = `${header}n=${random.pick(["", "user", "=2C"])},r=${random.pick(["fyko+d2lbbFgONRv9qkxdawL", "x", "="])}`;
  const length = Buffer.alloc(4);
  length.writeInt32BE(random.chance(0.95) ? first.length : -1);
  const whole = `${mechanism}\0${latin1Of(length)}${first}`;
  const initial = random.chance(0.05)
    ? noise(random, 80)
    : random.chance(0.4)
      ? mutateBytes(random, whole, [first])
      : whole;
  const added = random.pick(["", ",", "=", "x=1,", "p=", "\0", "\xff", "AAAA", "c=biws", noise(random, 6)]);
  const change = random.chance(0.7) ? ([random.below(120), random.below(4), added] as const) : null;
  return { mechanism, initial, password: random.chance(0.9) ? PASSWORD : "pencils", change };
}

function checkExchange(server: Authentication, { initial, password, change }: ScramCase): string | null {
  const out = new ByteWriter();
  server.start(out);
  out.clear();
  try {
    if (server.receive(reading(initial), out) === "accepted") return "accepted: after the first message";
    const serverFirst = continuation(out);
    const first = initial.slice(initial.indexOf("\0") + 5);
    if (serverFirst === "") return null;
    const honest = finalFor(first, serverFirst, PASSWORD);
    const made = finalFor(first, serverFirst, password);
    const sent =
      change === null ? made : made.slice(0, change[0]) + change[2] + made.slice(change[0] + change[1]);
    const accepted = tried(server, sent, out);
    if (accepted === (sent === honest)) return null;
    return `accepted: ${accepted ? "" : "not "}though the final message is ${JSON.stringify(sent)}, and ${JSON.stringify(honest)} is right`;
  } catch (error) {
    if (!(error instanceof DeltatError) || error.sqlState === "XX000") throw error;
    return null;
  }
}

function tried(server: Authentication, text: string, out: ByteWriter): boolean {
  try {
    return server.receive(reading(text), out) === "accepted";
  } catch (error) {
    if (error instanceof DeltatError && error.sqlState !== "XX000") return false;
    throw error;
  }
}

function reading(latin1: string): MessageReader {
  const reader = new MessageReader();
  const bytes = bytesOf(latin1);
  reader.reset(bytes, 0, bytes.length);
  return reader;
}

/** The data of the AuthenticationSASLContinue just written. */
function continuation(out: ByteWriter): string {
  const text = latin1Of(out.written()).slice(9);
  out.clear();
  return text;
}

const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text, "latin1").digest();

/** By password: deriving a key takes its time on purpose. */
const saltedPasswords = new Map<string, Buffer>();

function saltedPassword(password: string): Buffer {
  const known = saltedPasswords.get(password);
  if (known !== undefined) return known;
  const derived = pbkdf2Sync(password, SALT, ITERATIONS, 32, "sha256");
  saltedPasswords.set(password, derived);
  return derived;
}

/** RFC 5802, section 3: the client's final message for these two first ones. */
function finalFor(first: string, serverFirst: string, password: string): string {
  const [flag = "", identity = "", ...rest] = first.split(",");
  const bound = flag.startsWith("p=") ? BINDING : Buffer.alloc(0);
  const channel = Buffer.concat([Buffer.from(`${flag},${identity},`, "latin1"), bound]).toString("base64");
  const nonce = serverFirst.slice(2, serverFirst.indexOf(",s="));
  const withoutProof = `c=${channel},r=${nonce}`;
  const exchange = `${rest.join(",")},${serverFirst},${withoutProof}`;
  const clientKey = hmac(saltedPassword(password), "Client Key");
  const signature = hmac(createHash("sha256").update(clientKey).digest(), exchange);
  return `${withoutProof},p=${Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0))).toString("base64")}`;
}
