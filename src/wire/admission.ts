/** The way into a session: encryption where it is asked for, the start-up packet, and the proof of who the client is. */

import type { AccessPolicy } from "./access-policy.ts";
import type { Authentication } from "./authentication.ts";
import { writeNegotiateProtocolVersion } from "./backend-messages.ts";
import { EncryptionRequests, NO_ENCRYPTION, TLS_BEGINS } from "./encryption-request.ts";
import type { FrontendDecoder } from "./frontend-decoder.ts";
import type { ClientOutput, Transport } from "./output.ts";
import {
  type CancelRequest,
  type EncryptionRequest,
  PROTOCOL_VERSION,
  parseStartupPacket,
  type SessionRequest,
} from "./startup.ts";

export class Admission {
  private readonly encryption = new EncryptionRequests();
  private request: SessionRequest | null = null;
  private authentication: Authentication | null = null;

  constructor(
    private readonly access: AccessPolicy,
    private readonly transport: Transport,
    private readonly output: ClientOutput,
    private readonly decoder: FrontendDecoder,
  ) {}

  /**
   * Answers the start-up packet in the decoder: `startup` where another has to follow, `authentication` where the
   * client has to prove itself, or what it wants canceled. Throws 28000, 08P01, and what `expectPlace` throws.
   */
  start(expectPlace: () => void): "startup" | "authentication" | CancelRequest {
    const packet = parseStartupPacket(this.decoder.message);
    if (packet.kind === "cancel") return packet;
    if (packet.kind === "encryption") {
      this.answerEncryptionRequest(packet);
      return "startup";
    }
    const authentication = this.access.authenticate(packet, this.transport.encrypted);
    expectPlace();
    const out = this.output.writer;
    if (packet.needsNegotiation) {
      writeNegotiateProtocolVersion(out, PROTOCOL_VERSION, packet.unrecognizedOptions);
    }
    this.request = packet;
    this.authentication = authentication;
    authentication.start(out);
    return "authentication";
  }

  /** Goes on with the proof; what the client asked for at start-up once it is complete. Throws 28P01, 28000. */
  prove(): SessionRequest | null {
    const verdict = this.authentication?.receive(this.decoder.message, this.output.writer);
    return verdict === "accepted" ? this.request : null;
  }

  private answerEncryptionRequest(request: EncryptionRequest): void {
    const { decoder, output, transport } = this;
    const servesTls = this.access.tls !== null;
    const begins = this.encryption.accept(request, servesTls, transport.encrypted, decoder.hasInput);
    output.writer.u8(begins ? TLS_BEGINS : NO_ENCRYPTION);
    if (!begins) return;
    output.submit(0);
    // A socket that does not take a few bytes at start-up is not worth a wait.
    if (output.unsentBytes > 0) transport.terminate();
    else transport.startTls();
  }
}
