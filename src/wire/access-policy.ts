/** Who may open a session, and how it is proved: the method of authentication, and whether TLS is offered or required. */

import { DeltatError, SqlState } from "../errors.ts";
import { type Authentication, CleartextPassword, USER_NAME } from "./authentication.ts";
import { makeVerifier, ScramAuthentication, type ScramVerifier } from "./scram.ts";
import type { SessionRequest } from "./startup.ts";
import type { TlsIdentity } from "./tls-identity.ts";

export interface AccessOptions {
  readonly password: string;
  readonly method: "scram" | "password";
  /** null: TLS is not served. */
  readonly tls: TlsIdentity | null;
  /** Clients that do not use TLS are refused. */
  readonly requiresTls: boolean;
}

export class AccessPolicy {
  readonly tls: TlsIdentity | null;
  private readonly verifier: ScramVerifier | null;

  constructor(private readonly options: AccessOptions) {
    this.tls = options.tls;
    this.verifier = options.method === "scram" ? makeVerifier(options.password) : null;
  }

  /** Begins the proof. Throws DeltatError 28000 where the connection itself is not good enough. */
  authenticate(request: SessionRequest, isEncrypted: boolean): Authentication {
    const { user, database } = request;
    if (this.options.requiresTls && !isEncrypted) {
      throw new DeltatError(
        SqlState.invalidAuthorizationSpecification,
        `connections without TLS are not allowed: user "${user}", database "${database}", no encryption`,
        { hint: "Connect with sslmode=require, or better sslmode=verify-full." },
      );
    }
    if (this.verifier === null) return new CleartextPassword(user, this.options.password);
    const channelBinding = isEncrypted ? (this.tls?.endPointHash ?? null) : null;
    return new ScramAuthentication(user, user === USER_NAME, this.verifier, channelBinding);
  }
}
