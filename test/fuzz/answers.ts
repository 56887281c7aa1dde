/** What a server has sent, read as messages without any of its code. */

import { latin1Of } from "./mutators.ts";

export interface Message {
  readonly type: string;
  /** One character a byte. */
  readonly body: string;
}

const KNOWN = "RSKZTDCEN12345nstIAGHcdvV";

/** Null: they are none. */
export function messagesOf(bytes: Buffer): Message[] | null {
  const messages: Message[] = [];
  for (let at = 0; at < bytes.length; ) {
    const type = String.fromCharCode(bytes.readUInt8(at));
    if (bytes.length < at + 5 || !KNOWN.includes(type)) return null;
    const end = at + 1 + bytes.readUInt32BE(at + 1);
    if (end < at + 5 || end > bytes.length) return null;
    messages.push({ type, body: latin1Of(bytes.subarray(at + 5, end)) });
    at = end;
  }
  return messages;
}

export function shown({ type, body }: Message): string {
  return `${type} ${JSON.stringify(body)}`;
}
