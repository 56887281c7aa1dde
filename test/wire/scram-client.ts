/**
 * The client's side of SCRAM-SHA-256, written from RFC 5802 alone, with every part of its messages open to change: tests
 * forge what a client must not send.
 */

import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";

const hmac = (key: Uint8Array, text: string) => createHmac("sha256", key).update(text).digest();

/** base64 of what `c=` carries: the gs2 header, then the channel's binding if there is one. */
function base64(...parts: (string | Uint8Array)[]): string {
  return Buffer.concat(parts.map((part) => Buffer.from(part as string))).toString("base64");
}

export class ScramClient {
  /** Without commas; a test vector has its own. */
  nonce = randomBytes(18).toString("base64");
  userName = "";
  /** Signs whatever nonce it is given, so that it is for the server to notice. */
  careless = false;
  private serverFirst = "";
  private serverSignature = "";

  constructor(
    private readonly password: string,
    /** gs2 header: `n,,`, `y,,` or `p=tls-server-end-point,,`. */
    readonly header = "n,,",
    private readonly channelBinding: Uint8Array = new Uint8Array(0),
  ) {}

  private get firstBare(): string {
    return `n=${this.userName},r=${this.nonce}`;
  }

  first(): string {
    return this.header + this.firstBare;
  }

  final(serverFirst: string, channel: string = base64(this.header, this.channelBinding)): string {
    const fields = /^r=([^,]+),s=([^,]+),i=(\d+)$/.exec(serverFirst);
    if (fields === null) throw new Error(`not a server-first-message: ${serverFirst}`);
    const [, nonce = "", salt = "", iterations] = fields;
    if (!this.careless && (!nonce.startsWith(this.nonce) || nonce === this.nonce)) {
      throw new Error("the server's nonce is not ours");
    }
    this.serverFirst = serverFirst;
    const salted = pbkdf2Sync(this.password, Buffer.from(salt, "base64"), Number(iterations), 32, "sha256");
    const withoutProof = `c=${channel},r=${nonce}`;
    const exchange = `${this.firstBare},${this.serverFirst},${withoutProof}`;
    const clientKey = hmac(salted, "Client Key");
    const signature = hmac(createHash("sha256").update(clientKey).digest(), exchange);
    this.serverSignature = base64(hmac(hmac(salted, "Server Key"), exchange));
    return `${withoutProof},p=${base64(clientKey.map((byte, i) => byte ^ (signature[i] ?? 0)))}`;
  }

  /** Throws unless the server has proved that it knows the password, too. */
  verify(serverFinal: string): void {
    if (serverFinal !== `v=${this.serverSignature}`) throw new Error(`not our server: ${serverFinal}`);
  }
}
