/** A client's wish, before it starts up, to encrypt what follows: SSLRequest and GSSENCRequest. */

import { DeltatError, SqlState } from "../errors.ts";
import { protocolViolation } from "./message-reader.ts";
import type { EncryptionRequest } from "./startup.ts";

/** Answers to a request for encryption: `S`, TLS begins; `N`, there is none. */
export const TLS_BEGINS = 0x53;
export const NO_ENCRYPTION = 0x4e;

/** SSL and GSS may each be asked for once. */
const MAX_ENCRYPTION_REQUESTS = 2;

export class EncryptionRequests {
  private count = 0;

  /**
   * Whether TLS begins. `hasMore`: bytes came behind the request; they are unencrypted and perhaps from someone in
   * between, so they must not be taken for the client's. Throws 08P01.
   */
  accept(
    { protocol }: EncryptionRequest,
    servesTls: boolean,
    isEncrypted: boolean,
    hasMore: boolean,
  ): boolean {
    if (++this.count > MAX_ENCRYPTION_REQUESTS || isEncrypted) {
      throw protocolViolation("encryption was requested too often");
    }
    if (hasMore) {
      const asked = protocol === "tls" ? "SSL" : "GSSAPI encryption";
      throw new DeltatError(SqlState.protocolViolation, `received unencrypted data after ${asked} request`, {
        detail:
          "This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.",
      });
    }
    return protocol === "tls" && servesTls;
  }
}
