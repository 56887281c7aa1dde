/**
 * A client of the real wire session over a simulated socket: what the server writes counts as seen at once, and is
 * compared, answer by answer, with what the model said when the question was put.
 */

import { serialize } from "pg-protocol";
import type { BackendMessage } from "pg-protocol/dist/messages";
import { Parser } from "pg-protocol/dist/parser";
import type { Transport } from "../../src/wire/output.ts";
import type { ClientSession } from "../../src/wire/session.ts";
import type { SessionModel } from "./session-model.ts";
import { check } from "./violation.ts";

/** An answer that has still to come. */
export interface Expected {
  readonly question: string;
  /** Compares the lines of the answer; throws where they are wrong. */
  readonly compare: (lines: readonly string[]) => void;
}

interface AnyReply extends BackendMessage {
  readonly status?: string;
  readonly text?: string;
  readonly chunk?: Uint8Array;
  readonly fields?: readonly (string | null)[];
  readonly severity?: string;
  readonly code?: string;
  readonly message?: string;
  readonly channel?: string;
  readonly payload?: string;
}

export class SimulatedClient implements Transport {
  readonly encrypted = false;
  /** The server has ended the connection, or the client has. */
  isClosed = false;
  /** Bytes that the socket still takes; Infinity: the client reads all the time. */
  room = Number.POSITIVE_INFINITY;
  /** Of the last answer, for the story. */
  lastAnswer = "";
  /** It waits for something that takes its time: nothing more is sent meanwhile. */
  isBusy = false;
  /** FATAL, and why. */
  lastWords = "";
  private readonly parser = new Parser();
  private received: AnyReply[] = [];
  private lines: string[] = [];
  private readonly questions: Expected[] = [];
  private session: ClientSession | null = null;

  constructor(
    readonly database: string,
    readonly model: SessionModel,
    private readonly isCut: () => boolean,
  ) {}

  /** Tells how the server sees the session's transaction, before it has said so. */
  readStatus: () => "I" | "T" | "E" = () => "I";

  /** The server has accepted the connection. */
  open(session: ClientSession): void {
    this.session = session;
    session.receive(serialize.startup({ user: "deltat", database: this.database }));
    session.receive(serialize.password("p"));
    this.expect({
      question: "start-up",
      compare: (lines) => check(lines.join() === "ready I", `start-up answered by ${lines.join("; ")}`),
    });
  }

  /** Bytes go to the server. */
  send(bytes: Uint8Array): void {
    this.session?.receive(bytes);
  }

  expect(expected: Expected): void {
    this.questions.push(expected);
  }

  expectExactly(question: string, wanted: readonly string[]): void {
    this.expect({
      question,
      compare: (lines) =>
        check(lines.join("; ") === wanted.join("; "), `${question} answered by ${lines.join("; ")}`),
    });
  }

  /** Whether the server is in a transaction block, as it will say itself. */
  get status(): "I" | "T" | "E" {
    return this.readStatus();
  }

  /** Whether the client waits for an answer. */
  get isWaiting(): boolean {
    return this.questions.length > 0;
  }

  get oldestQuestion(): string {
    return this.questions[0]?.question ?? "";
  }

  /** Looks at what has come. */
  pump(): void {
    for (const reply of this.received.splice(0)) this.take(reply);
  }

  /** The client has read: the socket takes so much more. */
  read(room: number): void {
    this.room = room;
    this.session?.drained();
  }

  /** The connection breaks. */
  drop(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.session?.connectionClosed();
  }

  write(bytes: Uint8Array<ArrayBuffer>, start: number, end: number): number {
    if (this.isCut() || this.isClosed) return end - start;
    const count = Math.min(end - start, this.room);
    this.room -= count;
    if (count > 0) {
      this.parser.parse(Buffer.from(bytes.subarray(start, start + count)), (reply) =>
        this.received.push(reply),
      );
    }
    return count;
  }

  startTls(): void {}

  pauseReading(): void {}

  resumeReading(): void {}

  end(): void {
    this.terminate();
  }

  terminate(): void {
    this.isClosed = true;
    this.session?.connectionClosed();
  }

  private take(reply: AnyReply): void {
    switch (reply.name) {
      case "dataRow":
        this.lines.push((reply.fields ?? []).map((field) => field ?? "").join("|"));
        break;
      case "copyData":
        this.lines.push(...copiedRows(reply.chunk ?? new Uint8Array(0)));
        break;
      case "commandComplete":
        this.lines.push(`done ${reply.text}`);
        break;
      case "error":
        if (reply.severity === "FATAL") this.lastWords = `${reply.code} ${reply.message}`;
        else this.lines.push(`ERROR ${reply.code} ${reply.message}`);
        break;
      case "notification":
        this.model.heard(reply.channel ?? "", reply.payload ?? "");
        break;
      case "readyForQuery":
        this.lines.push(`ready ${reply.status}`);
        this.answered();
        break;
      default:
        break;
    }
  }

  private answered(): void {
    const lines = this.lines.splice(0);
    const expected = this.questions.shift();
    this.lastAnswer = lines.join("; ");
    check(expected !== undefined, `an answer to no question: ${this.lastAnswer}`);
    expected.compare(lines);
  }
}

/** Rows of COPY's text form, as those of a SELECT are shown. */
function copiedRows(chunk: Uint8Array): string[] {
  const lines = Buffer.from(chunk).toString("utf8").trimEnd().split("\n");
  return lines.map((line) =>
    line
      .split("\t")
      .map((field) => (field === "\\N" ? "" : field))
      .join("|"),
  );
}
