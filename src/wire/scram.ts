/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677, 5929), the server's side, in the SASL messages of the PostgreSQL
 * protocol (https://www.postgresql.org/docs/current/sasl-authentication.html). The client proves that it knows the
 * password without sending it, the server that it knows the verifier, and with PLUS both that they are the two ends
 * of one TLS connection.
 *
 *     client-first   n,,n=,r=<client nonce>          n: no channel binding, y: "you offer none", p=<type>: with it
 *     server-first   r=<both nonces>,s=<salt>,i=<iterations>
 *     client-final   c=<base64 of the gs2 header and the binding>,r=<both nonces>,p=<proof>
 *     server-final   v=<the server's signature>
 *
 * Everyone gets the one verifier's salt and has the same work done, so the exchange does not tell which user exists.
 */

import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";
import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { type Authentication, wrongPassword } from "./authentication.ts";
import {
  writeAuthenticationSasl,
  writeAuthenticationSaslContinue,
  writeAuthenticationSaslFinal,
} from "./backend-messages.ts";
import type { MessageReader } from "./message-reader.ts";
import { saslPrep } from "./saslprep.ts";

const PLAIN = "SCRAM-SHA-256";
const PLUS = "SCRAM-SHA-256-PLUS";
const BINDING_TYPE = "tls-server-end-point";

const HASH = "sha256";
const HASH_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 18;

/** RFC 7677 asks for no fewer; PostgreSQL's default. */
const ITERATIONS = 4096;

/** What is known of a password: enough to check a proof, too little to make one. */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

function hmac(key: Uint8Array, text: string): Buffer {
  return createHmac(HASH, key).update(text, "latin1").digest();
}

/** Derives what is kept of a password (RFC 5802, section 3). Takes milliseconds: once, when the server starts. */
export function makeVerifier(password: string, salt: Uint8Array = randomBytes(SALT_BYTES)): ScramVerifier {
  const salted = pbkdf2Sync(saslPrep(password), salt, ITERATIONS, HASH_BYTES, HASH);
  const storedKey = createHash(HASH).update(hmac(salted, "Client Key")).digest();
  return { salt, iterations: ITERATIONS, storedKey, serverKey: hmac(salted, "Server Key") };
}

/** The gs2 header's first part, and what follows it. */
interface ClientFirst {
  readonly binding: "n" | "y" | "p";
  /** Of what kind the binding is; undefined without one. */
  readonly bindingType: string | undefined;
  readonly bare: string;
  readonly nonce: string;
}

/** Messages are read byte by byte as Latin-1: what is signed is bytes, whatever text they are. */
export class ScramAuthentication implements Authentication {
  private mechanism: typeof PLAIN | typeof PLUS | null = null;
  private first: ClientFirst | null = null;
  private serverFirst = "";
  private nonce = "";

  /**
   * @param channelBinding hash of the server's certificate; null where no binding can be offered
   * @param userExists otherwise the exchange is gone through all the same, and fails
   * @param makeNonce the server's part of the nonce, printable and without commas
   */
  constructor(
    private readonly user: string,
    private readonly userExists: boolean,
    private readonly verifier: ScramVerifier,
    private readonly channelBinding: Uint8Array | null,
    private readonly makeNonce: () => string = () => randomBytes(NONCE_BYTES).toString("base64"),
  ) {}

  start(out: ByteWriter): void {
    writeAuthenticationSasl(out, this.channelBinding === null ? [PLAIN] : [PLUS, PLAIN]);
  }

  receive(answer: MessageReader, out: ByteWriter): "accepted" | "continue" {
    if (this.mechanism === null) return this.initialResponse(answer, out);
    const text = responseText(answer.raw(answer.remaining));
    if (this.first === null) this.begin(text, out);
    else {
      this.finish(this.first, text, out);
      return "accepted";
    }
    return "continue";
  }

  private initialResponse(answer: MessageReader, out: ByteWriter): "continue" {
    const mechanism = answer.cstring();
    if (mechanism !== PLAIN && (mechanism !== PLUS || this.channelBinding === null)) {
      throw violation("client selected an invalid SASL authentication mechanism");
    }
    this.mechanism = mechanism;
    const length = answer.i32();
    // No initial response: the client wants an empty challenge first.
    const isMissing = length === -1;
    const text = isMissing ? "" : responseText(answer.raw(length >>> 0));
    answer.expectEnd();
    if (isMissing) writeAuthenticationSaslContinue(out, "");
    else this.begin(text, out);
    return "continue";
  }

  /** Takes client-first, answers server-first. */
  private begin(text: string, out: ByteWriter): void {
    const first = parseClientFirst(text);
    this.checkBindingChoice(first);
    this.first = first;
    this.nonce = first.nonce + this.makeNonce();
    const { salt, iterations } = this.verifier;
    this.serverFirst = `r=${this.nonce},s=${Buffer.from(salt).toString("base64")},i=${iterations}`;
    writeAuthenticationSaslContinue(out, this.serverFirst);
  }

  /** The mechanism and the flag must agree; a client that saw no offer where there was one has been lied to. */
  private checkBindingChoice({ binding, bindingType }: ClientFirst): void {
    if (binding === "p" && this.mechanism === PLAIN) {
      throw malformed(
        "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding data.",
      );
    }
    if (binding !== "p" && this.mechanism === PLUS) {
      throw malformed(
        "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.",
      );
    }
    if (bindingType !== undefined && bindingType !== BINDING_TYPE) {
      throw violation(`unsupported SCRAM channel-binding type "${bindingType}"`);
    }
    if (binding === "y" && this.channelBinding !== null) {
      throw new DeltatError(
        SqlState.invalidAuthorizationSpecification,
        "SCRAM channel binding negotiation error",
        {
          detail:
            "The client supports SCRAM channel binding but thinks the server does not. However, this server does support channel binding.",
        },
      );
    }
  }

  /** Takes client-final, checks the proof, answers server-final. */
  private finish(first: ClientFirst, text: string, out: ByteWriter): void {
    const { withoutProof, binding, nonce, proof } = parseClientFinal(text);
    if (binding !== this.expectedBinding(first.binding)) {
      if (first.binding !== "p") {
        throw violation("unexpected SCRAM channel-binding attribute in client-final-message");
      }
      throw new DeltatError(SqlState.invalidAuthorizationSpecification, "SCRAM channel binding check failed");
    }
    if (nonce !== this.nonce) throw violation("invalid SCRAM response", "Nonce does not match.");
    const exchange = `${first.bare},${this.serverFirst},${withoutProof}`;
    if (!this.isProved(exchange, proof) || !this.userExists) throw wrongPassword(this.user);
    const signature = hmac(this.verifier.serverKey, exchange).toString("base64");
    writeAuthenticationSaslFinal(out, `v=${signature}`);
  }

  private expectedBinding(binding: ClientFirst["binding"]): string {
    if (binding !== "p" || this.channelBinding === null)
      return Buffer.from(`${binding},,`).toString("base64");
    return Buffer.concat([Buffer.from(`p=${BINDING_TYPE},,`), this.channelBinding]).toString("base64");
  }

  private isProved(exchange: string, proof: Uint8Array): boolean {
    const clientKey = hmac(this.verifier.storedKey, exchange);
    for (let i = 0; i < HASH_BYTES; i++) clientKey[i] = (clientKey[i] as number) ^ (proof[i] as number);
    return timingSafeEqual(createHash(HASH).update(clientKey).digest(), this.verifier.storedKey);
  }
}

function responseText(bytes: Uint8Array): string {
  if (bytes.length === 0) throw malformed("The message is empty.");
  if (bytes.includes(0)) throw malformed("Message length does not match input length.");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

/** gs2-header, then `n=<name>,r=<nonce>` and extensions that nobody has defined. The name is not used: start-up told it. */
function parseClientFirst(text: string): ClientFirst {
  const header = /^(?:([ny])|p=([A-Za-z0-9.-]+)),(a=[^,]*)?,/.exec(text);
  if (header === null)
    throw malformed("The channel binding flag or the authorization identity is not valid.");
  const [all, flag, bindingType, identity] = header;
  if (identity !== undefined)
    throw unsupported("client uses authorization identity, but it is not supported");
  const bare = text.slice(all.length);
  if (bare.startsWith("m=")) throw unsupported("client requires an unsupported SCRAM extension");
  const fields = /^n=[^,]*,r=([^,]*)(?:,[A-Za-z]=[^,]*)*$/.exec(bare);
  const nonce = fields?.[1];
  if (nonce === undefined) throw malformed("The user name or the nonce is missing.");
  if (!/^[!-~]+$/.test(nonce)) throw violation("non-printable characters in SCRAM nonce");
  return { binding: flag === "n" || flag === "y" ? flag : "p", bindingType, bare, nonce };
}

function parseClientFinal(text: string) {
  const fields = /^(c=([^,]*),r=([^,]*)(?:,[A-Za-z]=[^,]*)*),p=([^,]*)$/.exec(text);
  if (fields === null) throw malformed("The channel binding, the nonce or the proof is missing.");
  const [, withoutProof = "", binding = "", nonce = "", encoded = ""] = fields;
  const proof = Buffer.from(encoded, "base64");
  if (proof.length !== HASH_BYTES || proof.toString("base64") !== encoded) {
    throw malformed("Malformed proof in client-final-message.");
  }
  return { withoutProof, binding, nonce, proof };
}

function violation(message: string, detail?: string): DeltatError {
  return new DeltatError(SqlState.protocolViolation, message, detail === undefined ? {} : { detail });
}

function malformed(detail: string): DeltatError {
  return violation("malformed SCRAM message", detail);
}

function unsupported(message: string): DeltatError {
  return new DeltatError(SqlState.featureNotSupported, message);
}
