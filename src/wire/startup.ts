/**
 * Start-up packets: a request for encryption, a request to cancel, or the parameters that open a session
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP).
 */

import { DeltatError, SqlState } from "../errors.ts";
import { type MessageReader, protocolViolation } from "./message-reader.ts";

/** The newest protocol served, 3.0, as a start-up packet writes it. */
export const PROTOCOL_VERSION = 0x30000;

const PROTOCOL_MAJOR = 3;
const CANCEL_REQUEST = 80877102;
const SSL_REQUEST = 80877103;
const GSS_ENCRYPTION_REQUEST = 80877104;

/** Parameters of the protocol rather than of the server begin so. */
const PROTOCOL_OPTION_PREFIX = "_pq_.";

export interface SessionRequest {
  readonly kind: "session";
  readonly user: string;
  readonly database: string;
  /** All parameters but those of the protocol itself, as they came. */
  readonly options: ReadonlyMap<string, string>;
  /** The client wants a newer 3.x, or protocol options, and must be told that it does not get them. */
  readonly needsNegotiation: boolean;
  readonly unrecognizedOptions: readonly string[];
}

export interface EncryptionRequest {
  readonly kind: "encryption";
  readonly protocol: "tls" | "gss";
}

/** A wish, on a connection of its own, that what another session runs is ended. */
export interface CancelRequest {
  readonly kind: "cancel";
  readonly processId: number;
  readonly secret: number;
}

export type StartupPacket = EncryptionRequest | CancelRequest | SessionRequest;

/** Throws DeltatError 08P01 (malformed), 0A000 (another protocol) or 28000 (no user). */
export function parseStartupPacket(fields: MessageReader): StartupPacket {
  const version = fields.i32();
  if (version === SSL_REQUEST || version === GSS_ENCRYPTION_REQUEST) {
    fields.expectEnd();
    return { kind: "encryption", protocol: version === SSL_REQUEST ? "tls" : "gss" };
  }
  if (version === CANCEL_REQUEST) {
    const processId = fields.i32();
    const secret = fields.i32();
    fields.expectEnd();
    return { kind: "cancel", processId, secret };
  }
  const major = version >>> 16;
  const minor = version & 0xffff;
  if (major !== PROTOCOL_MAJOR) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      `unsupported frontend protocol ${major}.${minor}: server supports 3.0 to 3.0`,
    );
  }
  return sessionRequest(readParameters(fields), minor);
}

function readParameters(fields: MessageReader): Map<string, string> {
  const parameters = new Map<string, string>();
  while (fields.remaining > 0) {
    const name = fields.cstring();
    if (name === "") break;
    parameters.set(name, fields.cstring());
    if (fields.remaining === 0) throw badLayout();
  }
  if (fields.remaining > 0) throw badLayout();
  return parameters;
}

function badLayout(): DeltatError {
  return protocolViolation("invalid startup packet layout: expected terminator as last byte");
}

function sessionRequest(parameters: ReadonlyMap<string, string>, minor: number): SessionRequest {
  const options = new Map<string, string>();
  const unrecognizedOptions: string[] = [];
  for (const [name, value] of parameters) {
    if (name.startsWith(PROTOCOL_OPTION_PREFIX)) unrecognizedOptions.push(name);
    else options.set(name, value);
  }
  const user = options.get("user") ?? "";
  if (user === "") {
    throw new DeltatError(
      SqlState.invalidAuthorizationSpecification,
      "no PostgreSQL user name specified in startup packet",
    );
  }
  refuseReplication(options.get("replication"));
  return {
    kind: "session",
    user,
    database: options.get("database") || user,
    options,
    needsNegotiation: minor > 0 || unrecognizedOptions.length > 0,
    unrecognizedOptions,
  };
}

function refuseReplication(asked: string | undefined): void {
  if (asked === undefined || ["false", "off", "no", "0"].includes(asked.toLowerCase())) return;
  throw new DeltatError(SqlState.featureNotSupported, "replication connections are not supported");
}
