/**
 * Whole sessions: sequences of messages, valid and changed, in simple, extended and COPY states, on the real SQL and engine.
 * Nothing may be an internal error; every answer is well-formed messages; the same bytes split otherwise get the same answer;
 * every Query and Sync has its ReadyForQuery; a session that is not over can be brought back to work; and the next client
 * is served as if nothing had been.
 */

import { serialize } from "pg-protocol";
import type { Random } from "../../seeded-random.ts";
import { type Message, messagesOf, shown } from "../answers.ts";
import { message, startupPacket } from "../messages.ts";
import { bytesOf, latin1Of, mutateBytes, pieces } from "../mutators.ts";
import { type FuzzClient, FuzzServer } from "../session-fixture.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";
import { messageEnds } from "./decoder.ts";

interface SessionCase {
  /** Whether the client is authenticated first. */
  readonly isReady: boolean;
  readonly chunks: readonly string[];
}

const PASSWORD = latin1Of(serialize.password("p"));
const WAY_IN = latin1Of(serialize.startup({ user: "deltat", database: "db" })) + PASSWORD;
const RESOURCE = "INSERT INTO resources (id, name) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0001', 'room')";

/** @param makeServer what is tested; another one shows that the target finds faults */
export function sessionTarget(makeServer: () => FuzzServer = () => new FuzzServer()): Target<SessionCase> {
  return {
    name: "session",
    timeBoundMs: 3000,
    make: makeCase,
    check(made) {
      const first = play(makeServer(), made.isReady, made.chunks);
      if (first.failure !== null || !made.isReady) return first.failure;
      const whole = play(makeServer(), made.isReady, [made.chunks.join("")]);
      if (whole.failure !== null) return whole.failure;
      if (whole.answer === first.answer || first.isCut || whole.isCut) return null;
      return `split: in pieces the answer is\n${first.answer}\nand as a whole\n${whole.answer}`;
    },
    *smaller(made) {
      const whole = made.chunks.join("");
      const ends = messageEnds(bytesOf(whole));
      const messages = ends.map((end, i) => whole.slice(ends[i - 1] ?? 0, end));
      const rest = whole.slice(ends.at(-1) ?? 0);
      for (const fewer of smallerLists([...messages, rest])) yield { ...made, chunks: fewer };
      for (const chunks of smallerLists(made.chunks, smallerTexts)) yield { ...made, chunks };
    },
  };
}

function makeCase(random: Random): SessionCase {
  const isReady = random.chance(0.9);
  const messages = Array.from({ length: 1 + random.below(10) }, () =>
    isReady
      ? message(random)
      : random.chance(0.5)
        ? startupPacket(random)
        : random.pick([PASSWORD, message(random)]),
  );
  for (let changes = random.below(3); changes > 0; changes--) {
    const at = random.below(messages.length);
    messages[at] = mutateBytes(random, messages[at] ?? "", [message(random)]);
  }
  return { isReady, chunks: pieces(random, messages.join("")) };
}

interface Played {
  readonly failure: string | null;
  /** Messages but notifications, whose place depends on when they are sent. */
  readonly answer: string;
  /** It was left before its end. */
  readonly isCut: boolean;
}

function play(server: FuzzServer, isReady: boolean, chunks: readonly string[]): Played {
  const host = server.connect();
  host.send(bytesOf(WAY_IN));
  host.send(serialize.query(RESOURCE));
  server.settle();
  host.close();
  const client = server.connect();
  if (isReady) client.send(bytesOf(WAY_IN));
  client.take();
  let isCut = false;
  for (const chunk of chunks) {
    const bytes = bytesOf(chunk);
    client.send(bytes);
    // The socket's memory is used again.
    bytes.fill(0xee);
    isCut ||= !server.settle();
  }
  const sent = client.take();
  const messages = isReady ? messagesOf(sent) : [];
  const answer =
    messages
      ?.filter(({ type }) => type !== "A")
      .map(shown)
      .join("\n") ?? "";
  const failure =
    (messages === null
      ? `framing: what came is no row of messages: ${JSON.stringify(latin1Of(sent))}`
      : null) ??
    (isReady && !isCut ? readyFailure(chunks.join(""), messages ?? []) : null) ??
    (isReady && !isCut ? healingFailure(server, client, chunks.join("")) : null) ??
    leavingFailure(server, client);
  return { failure, answer, isCut };
}

const isFatal = ({ type, body }: Message): boolean => type === "E" && body.startsWith("SFATAL");

/** Every Query, Sync and FunctionCall has one ReadyForQuery, where no COPY changes what they mean. */
function readyFailure(sent: string, messages: readonly Message[]): string | null {
  const states = messages.filter(({ type }) => type === "Z");
  const strange = states.find(({ body }) => !["I", "T", "E"].includes(body));
  if (strange !== undefined) return `status: ${strange.body}`;
  if (messages.slice(0, -1).some(isFatal)) return "fatal: something follows a fatal error";
  if (/copy/i.test(sent) || messages.some(isFatal)) return null;
  const bytes = bytesOf(sent);
  const ends = messageEnds(bytes);
  let owed = 0;
  for (const [i] of ends.entries()) {
    const type = String.fromCharCode(bytes.readUInt8(ends[i - 1] ?? 0));
    if (type === "X") break;
    if (type === "Q" || type === "S") owed++;
    // Between an error and Sync a FunctionCall is skipped as well.
    if (type === "F") return null;
  }
  const isSkipping = /E/.test(messages.map(({ type }) => type).join(""));
  if (states.length === owed || (isSkipping && states.length < owed)) return null;
  return `ready: ${states.length} times, ${owed} were owed`;
}

/** A session in whatever state, its last message whole, does again what it is asked for. */
function healingFailure(server: FuzzServer, client: FuzzClient, sent: string): string | null {
  const bytes = bytesOf(sent);
  if (client.ended || client.cut || (messageEnds(bytes).at(-1) ?? 0) !== bytes.length) return null;
  client.send(Buffer.concat([serialize.copyFail("over"), serialize.sync()]));
  server.settle();
  const back = messagesOf(client.take());
  if (back?.at(-1)?.type !== "Z") return `healing: Sync is answered by ${back?.map(shown).join(" ")}`;
  const rollback = asked(server, client, "ROLLBACK");
  if (rollback.at(-1) !== 'Z "I"') return `healing: ROLLBACK is answered by ${rollback.join(" ")}`;
  const answer = asked(server, client, "SELECT 41 + 1");
  if (answer[1]?.endsWith('42"') === true && answer.at(-1) === 'Z "I"') return null;
  return `healing: SELECT is answered by ${answer.join(" ")}`;
}

function asked(server: FuzzServer, client: FuzzClient, text: string): string[] {
  client.send(serialize.query(text));
  server.settle();
  return (messagesOf(client.take()) ?? []).filter(({ type }) => type !== "A" && type !== "N").map(shown);
}

/** The client goes; the next one is served, and nothing is left of the first. */
function leavingFailure(server: FuzzServer, client: FuzzClient): string | null {
  client.close();
  const next = server.connect();
  next.send(bytesOf(WAY_IN));
  server.settle();
  next.take();
  const answers = [
    "INSERT INTO resources (id) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0077')",
    "SELECT count(*) FROM resources WHERE id IN ('01HZZZZZZZZZZZZZZZZZZZ0077', '01HZZZZZZZZZZZZZZZZZZZ0001')",
    "DELETE FROM resources WHERE id = '01HZZZZZZZZZZZZZZZZZZZ0077'",
  ].map((text) => asked(server, next, text));
  next.close();
  const [bug] = server.bugs;
  if (bug !== undefined) return `internal: ${bug instanceof Error ? bug.stack : String(bug)}`;
  if (server.open !== 0) return `leak: ${server.open} sessions are left`;
  const [inserted, counted, deleted] = answers;
  const isServed =
    inserted?.[0] === 'C "INSERT 0 1\\u0000"' &&
    /[12]"$/.test(counted?.[1] ?? "") &&
    deleted?.[0] === 'C "DELETE 1\\u0000"';
  return isServed ? null : `next: ${answers.map((lines) => lines.join(" ")).join("\n")}`;
}
