/**
 * Who the server is on TLS connections: certificate and key, checked when the server starts rather than when the first
 * client comes, and the hash by which SCRAM binds itself to the certificate.
 */

import { createHash, createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext, type SecureContext } from "node:tls";
import { DeltatError, messageOf, SqlState } from "../errors.ts";

/** What clients that negotiate an application protocol must offer (IANA's TLS ALPN registry). */
export const ALPN_PROTOCOL = "postgresql";

/** TLS 1.2 as a handshake writes it (RFC 5246); older ones are broken. */
export const OLDEST_TLS_VERSION = 0x0303;

export interface TlsIdentity {
  /** PEM: the server's certificate, and those that lead from it to the root. */
  readonly certificate: string;
  /** PEM. */
  readonly key: string;
  readonly context: SecureContext;
  /** `tls-server-end-point` of RFC 5929; null where the signature leaves open which hash that is. */
  readonly endPointHash: Uint8Array | null;
}

/** Where the files are, by the names under which the user gave them. */
export interface TlsFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
}

/**
 * Hash functions by the OID of the certificate's signature (RFC 4055, 5758); MD5 and SHA-1 are replaced by SHA-256 (RFC
 * 5929, section 4.1). Ed25519 and RSA-PSS name none there, and clients fail on them: they get no channel binding.
 */
const HASH_OF_SIGNATURE: Readonly<Record<string, string>> = {
  "1.2.840.113549.1.1.4": "sha256",
  "1.2.840.113549.1.1.5": "sha256",
  "1.2.840.113549.1.1.14": "sha224",
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.1": "sha256",
  "1.2.840.10045.4.3.1": "sha224",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
};

/** Throws DeltatError F0000 when a file cannot be read, is not what it should be, or the two do not belong together. */
export function readTlsIdentity({ certificatePath, keyPath }: TlsFiles): TlsIdentity {
  const certificate = readPem("DELTAT_TLS_CERT", certificatePath);
  const key = readPem("DELTAT_TLS_KEY", keyPath);
  const parsed = parse("DELTAT_TLS_CERT", certificatePath, "a certificate in PEM", () => {
    return new X509Certificate(certificate);
  });
  const parsedKey = parse("DELTAT_TLS_KEY", keyPath, "a private key in PEM without passphrase", () => {
    return createPrivateKey(key);
  });
  return {
    certificate,
    key,
    context: matchingContext(parsed, parsedKey, certificate, key, { certificatePath, keyPath }),
    endPointHash: endPointHash(parsed),
  };
}

function matchingContext(
  parsed: X509Certificate,
  parsedKey: KeyObject,
  certificate: string,
  key: string,
  { certificatePath, keyPath }: TlsFiles,
): SecureContext {
  if (!parsed.checkPrivateKey(parsedKey)) {
    throw new DeltatError(
      SqlState.configFileError,
      `DELTAT_TLS_KEY: ${keyPath} is not the key of the certificate in ${certificatePath}`,
    );
  }
  return parse("DELTAT_TLS_CERT", certificatePath, "a certificate chain that TLS can serve", () => {
    return createSecureContext({ cert: certificate, key, minVersion: "TLSv1.2" });
  });
}

/** @returns null where the signature algorithm does not name one hash function */
function endPointHash(certificate: X509Certificate): Uint8Array | null {
  const hash = HASH_OF_SIGNATURE[certificate.signatureAlgorithmOid ?? ""];
  return hash === undefined ? null : createHash(hash).update(certificate.raw).digest();
}

function readPem(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const reason = messageOf(error);
    throw new DeltatError(SqlState.configFileError, `${setting}: cannot read ${path}: ${reason}`);
  }
}

/** The parsers' own words may quote what they were given: only the file is named. */
function parse<T>(setting: string, path: string, expected: string, read: () => T): T {
  try {
    return read();
  } catch {
    throw new DeltatError(SqlState.configFileError, `${setting}: ${path} does not hold ${expected}`);
  }
}
