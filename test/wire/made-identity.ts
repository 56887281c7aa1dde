/** The identity of a server in a test: a new certificate, read by way of files as the server reads its own. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readTlsIdentity, type TlsIdentity } from "../../src/wire/tls-identity.ts";
import { type Certificate, makeCertificate, writeCertificate } from "./certificate.ts";

export function madeIdentity(made: Certificate = makeCertificate()): TlsIdentity {
  const folder = mkdtempSync(join(tmpdir(), "deltat-tls-"));
  try {
    return readTlsIdentity(writeCertificate(folder, made));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
