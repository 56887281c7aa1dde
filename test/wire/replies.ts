/** What a server sent, each message as one short line, read by pg-protocol: another's reading of the protocol. */

import type { BackendMessage } from "pg-protocol/dist/messages";
import { Parser } from "pg-protocol/dist/parser";

interface AnyReply extends BackendMessage {
  readonly status?: string;
  readonly text?: string;
  readonly fields?: readonly unknown[];
  readonly severity?: string;
  readonly code?: string;
  readonly message?: string;
  readonly channel?: string;
  readonly payload?: string;
  readonly data?: string;
  readonly parameterName?: string;
  readonly parameterValue?: string;
  readonly dataTypeIDs?: readonly number[];
}

interface Field {
  readonly name: string;
  readonly format: string;
}

function describe(reply: AnyReply): string {
  switch (reply.name) {
    case "readyForQuery":
      return `ready ${reply.status}`;
    case "commandComplete":
      return `done ${reply.text}`;
    case "dataRow": {
      const value = String(reply.fields?.[0] ?? null);
      return `row ${value.length > 40 ? `${value.length} chars` : value}`;
    }
    case "rowDescription":
      return `columns ${(reply.fields as readonly Field[]).map((f) => `${f.name}:${f.format}`).join(",")}`;
    case "error":
      return `${reply.severity} ${reply.code} ${reply.message}`;
    case "notice":
      return `notice ${reply.message}`;
    case "notification":
      return `notification ${reply.channel} ${reply.payload}`;
    case "parameterStatus":
      return `parameter ${reply.parameterName}=${reply.parameterValue}`;
    case "parameterDescription":
      return `parameters ${reply.dataTypeIDs?.join(",")}`;
    default:
      return reply.name;
  }
}

export class ReplyReader {
  readonly lines: string[] = [];
  readonly replies: AnyReply[] = [];
  private readonly parser = new Parser();

  read(bytes: Uint8Array): void {
    this.parser.parse(Buffer.from(bytes), (reply) => {
      this.replies.push(reply);
      this.lines.push(describe(reply));
    });
  }

  /** The lines since the last call. */
  take(): string[] {
    return this.lines.splice(0);
  }
}
