/** Which certificates and keys are taken, and which hash of them SCRAM binds to. */

import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTlsIdentity } from "../../src/wire/tls-identity.ts";
import { type KeyKind, makeCertificate, writeCertificate } from "./certificate.ts";
import { madeIdentity } from "./made-identity.ts";

const folder = mkdtempSync(join(tmpdir(), "deltat-tls-identity-"));
afterAll(() => rmSync(folder, { recursive: true }));

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe("certificate and key", () => {
  const made = makeCertificate();
  const paths = writeCertificate(folder, made);

  test.each([
    ["ec", "sha256", "sha256"],
    ["ec", "sha384", "sha384"],
    ["rsa", "sha512", "sha512"],
    ["rsa", "sha1", "sha256"],
  ] as [KeyKind, string, string][])("signed by %s with %s are bound to by %s", (kind, signed, hash) => {
    const certificate = makeCertificate(kind, signed);
    expect(Buffer.from(madeIdentity(certificate).endPointHash ?? [])).toEqual(
      createHash(hash).update(certificate.bytes).digest(),
    );
  });

  test("signed by Ed25519 are not bound to: RFC 5929 does not say by which hash", () => {
    expect(madeIdentity(makeCertificate("ed25519")).endPointHash).toBeNull();
  });

  test("may be followed by the rest of the chain", () => {
    const chain = fileOf("chain.crt", made.certificate + makeCertificate("rsa", "sha512").certificate);
    const identity = readTlsIdentity({ ...paths, certificatePath: chain });
    expect(Buffer.from(identity.endPointHash ?? [])).toEqual(
      createHash("sha256").update(made.bytes).digest(),
    );
  });

  const damaged = made.certificate.replace(/\n[A-Za-z0-9+/]{64}\n/, "\n");
  const secret = made.key.split("\n")[1] ?? "";
  test.each([
    [
      "no certificate file",
      { certificatePath: join(folder, "none") },
      /^DELTAT_TLS_CERT: cannot read .*none/,
    ],
    ["no key file", { keyPath: join(folder, "none") }, /^DELTAT_TLS_KEY: cannot read .*none/],
    ["a folder", { keyPath: folder }, /^DELTAT_TLS_KEY: cannot read /],
    [
      "text",
      { certificatePath: fileOf("text", "hello") },
      /^DELTAT_TLS_CERT: .*text does not hold a certificate/,
    ],
    [
      "a damaged one",
      { certificatePath: fileOf("damaged", damaged) },
      /^DELTAT_TLS_CERT: .*damaged does not/,
    ],
    [
      "the key for it",
      { certificatePath: paths.keyPath },
      /^DELTAT_TLS_CERT: .*key does not hold a certificate/,
    ],
    [
      "the certificate for a key",
      { keyPath: paths.certificatePath },
      /^DELTAT_TLS_KEY: .* does not hold a private/,
    ],
    [
      "another's key",
      { keyPath: fileOf("other.key", makeCertificate().key) },
      /other\.key is not the key of/,
    ],
  ])("%s is refused by its name, without showing what is in it", (_, change, expected) => {
    let refusal = "";
    try {
      readTlsIdentity({ ...paths, ...change });
    } catch (error) {
      refusal = error instanceof Error ? error.message : "";
    }
    expect(refusal).toMatch(expected);
    expect(refusal).not.toContain(secret);
  });
});
