/**
 * Proof of who the client is. A method writes its request and judges the client's answers, one `p` message at a
 * time, until it says "accepted"; a method of several rounds, such as SCRAM, answers "continue" in between. The
 * first wrong answer ends the connection.
 */

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { ByteWriter } from "../bytes.ts";
import { DeltatError, SqlState } from "../errors.ts";
import { writeAuthenticationCleartextPassword } from "./backend-messages.ts";
import type { MessageReader } from "./message-reader.ts";

/** The one user. */
export const USER_NAME = "deltat";

export interface Authentication {
  /** Writes the request that opens the exchange. */
  start(out: ByteWriter): void;
  /** Judges the fields of one `p` message. Throws DeltatError 28P01 for a wrong answer, 08P01 for a malformed one. */
  receive(answer: MessageReader, out: ByteWriter): "accepted" | "continue";
}

/** Digests under a key that nobody knows have one length and tell nothing by where they first differ. */
const comparisonKey = randomBytes(32);

function digest(text: string): Buffer {
  return createHmac("sha256", comparisonKey).update(text).digest();
}

/** The password itself, as it is. An unknown user is asked too, and told nothing else than a wrong password is. */
export class CleartextPassword implements Authentication {
  constructor(
    private readonly user: string,
    private readonly password: string,
  ) {}

  start(out: ByteWriter): void {
    writeAuthenticationCleartextPassword(out);
  }

  receive(answer: MessageReader): "accepted" {
    const given = answer.cstring();
    answer.expectEnd();
    const right = timingSafeEqual(digest(given), digest(this.password));
    if (right && this.user === USER_NAME) return "accepted";
    throw wrongPassword(this.user);
  }
}

/** The one answer to a wrong password and to a user who does not exist. */
export function wrongPassword(user: string): DeltatError {
  return new DeltatError(SqlState.invalidPassword, `password authentication failed for user "${user}"`);
}
