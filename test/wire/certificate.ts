/** Self-signed certificates for localhost, made on the spot: X.509 (RFC 5280) written in DER by hand, signed by node:crypto. */

import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

export type KeyKind = "ec" | "rsa" | "ed25519";

export interface Certificate {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** DER. */
  readonly bytes: Uint8Array;
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
}

function der(tag: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(body.length)]), body]);
}

const sequence = (...parts: Uint8Array[]) => der(0x30, ...parts);
const utcTime = (text: string) => der(0x17, Buffer.from(text));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second];
  for (const part of rest) {
    const digits = [part & 0x7f];
    for (let left = part >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

const NULL = der(0x05);
const SIGNATURES: Record<string, Buffer> = {
  "ec sha256": sequence(oid("1.2.840.10045.4.3.2")),
  "ec sha384": sequence(oid("1.2.840.10045.4.3.3")),
  "rsa sha1": sequence(oid("1.2.840.113549.1.1.5"), NULL),
  "rsa sha512": sequence(oid("1.2.840.113549.1.1.13"), NULL),
  "ed25519 sha256": sequence(oid("1.3.101.112")),
};

function keyPair(kind: KeyKind): { publicKey: KeyObject; privateKey: KeyObject } {
  if (kind === "rsa") return generateKeyPairSync("rsa", { modulusLength: 2048 });
  if (kind === "ed25519") return generateKeyPairSync("ed25519");
  return generateKeyPairSync("ec", { namedCurve: "P-256" });
}

/** For DNS name `localhost` and address 127.0.0.1, valid until 2049. */
export function makeCertificate(kind: KeyKind = "ec", hash = "sha256"): Certificate {
  const { publicKey, privateKey } = keyPair(kind);
  const algorithm = SIGNATURES[`${kind} ${hash}`];
  if (algorithm === undefined) throw new Error(`no certificate is made of ${kind} with ${hash}`);
  const commonName = sequence(oid("2.5.4.3"), der(0x0c, Buffer.from("localhost")));
  const name = sequence(der(0x31, commonName));
  const alternativeNames = sequence(
    der(0x82, Buffer.from("localhost")),
    der(0x87, Buffer.from([127, 0, 0, 1])),
  );
  const toBeSigned = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1, ...randomBytes(8)])),
    algorithm,
    name,
    sequence(utcTime("200101000000Z"), utcTime("491231235959Z")),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(sequence(oid("2.5.29.17"), der(0x04, alternativeNames)))),
  );
  const signature = sign(kind === "ed25519" ? null : hash, toBeSigned, privateKey);
  const bytes = sequence(toBeSigned, algorithm, der(0x03, Buffer.from([0]), signature));
  const lines = bytes.toString("base64").replaceAll(/.{64}/g, "$&\n");
  return {
    bytes,
    certificate: `-----BEGIN CERTIFICATE-----\n${lines.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: String(privateKey.export({ type: "pkcs8", format: "pem" })),
  };
}

/** Writes the two files into `folder`; returns their paths. */
export function writeCertificate(folder: string, made: Certificate) {
  const certificatePath = join(folder, "server.crt");
  const keyPath = join(folder, "server.key");
  writeFileSync(certificatePath, made.certificate);
  writeFileSync(keyPath, made.key, { mode: 0o600 });
  return { certificatePath, keyPath };
}
