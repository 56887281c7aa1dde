/**
 * Statements that are nearly the same, again and again, on one session: the shortcut that knows a statement by its bytes
 * (shape-match.ts) must answer as a session that has each text parsed. Between them what may change the meaning of a text:
 * settings, transactions, errors, prepared statements and cursors of the same name.
 */

import { serialize } from "pg-protocol";
import { parse } from "../../../src/sql/parse/parser.ts";
import type { Statement } from "../../../src/sql/planned-statement.ts";
import { type RawStatement, SqlSession } from "../../../src/sql/session.ts";
import type { Random } from "../../seeded-random.ts";
import { type Message, messagesOf, shown } from "../answers.ts";
import { bytesOf, latin1Of, mutateBytes } from "../mutators.ts";
import { type FuzzClient, FuzzServer } from "../session-fixture.ts";
import { smallerLists, smallerTexts } from "../shrinking.ts";
import type { Target } from "../target.ts";

interface RecallCase {
  /** The simple queries of one session, in turn. */
  readonly texts: readonly string[];
}

const ROOM = "01HZZZZZZZZZZZZZZZZZZZ0001";
const WAY_IN = Buffer.concat([
  serialize.startup({ user: "deltat", database: "db" }),
  serialize.password("p"),
]);

const LOADED: readonly string[] = [
  `INSERT INTO resources (id, name, capacity) VALUES ('${ROOM}', 'room', 2), ('01HZZZZZZZZZZZZZZZZZZZ0002', 'it''s', 1)`,
  `INSERT INTO rules VALUES ('01HZZZZZZZZZZZZZZZZZZZ0009', '${ROOM}', 0, 9000000000000, false)`,
  `INSERT INTO bookings (id, resource_id, start, "end", label)
   SELECT '01HZZZZZZZZZZZZZZZZZZZ' || lpad(n::text, 4, '0'), '${ROOM}', n * 10, n * 10 + 10, 'b' || n
   FROM generate_series(100, 130) n`,
];

/** What is said again with other literals and other bytes. */
const STATEMENTS: readonly string[] = [
  `SELECT id, start FROM bookings WHERE resource_id = '${ROOM}' AND start >= 1010 AND "end" < 9000000000 ORDER BY 2`,
  `SELECT start, "end" FROM availability WHERE resource_id = '${ROOM}' AND start >= 0 AND "end" <= 5000 AND min_duration = 5`,
  `INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ('01HZZZZZZZZZZZZZZZZZZZ0200', '${ROOM}', 1700000000000, 1700000000010, 'a')`,
  `UPDATE bookings SET label = 'x', start = 1005 - 5 WHERE id = '01HZZZZZZZZZZZZZZZZZZZ0100'`,
  "DELETE FROM bookings WHERE start >= 1010 AND start < 1020",
  "SELECT 1 - 5, 3 -2, -5, - 7, +4",
  "SELECT -2147483647 , 2147483647 + 0, 3000000000, -9000000000",
  "SELECT '-5'::int, 'a' || 'b', 'it''s', ''",
  "SELECT 'a\\b', 'c'",
  "SELECT E'a\\b', 'c'",
  "SELECT 'a' 'b', 7",
  "SELECT 'a'\n'b', 7",
  "SELECT length('é'), 'x', 4",
  "SELECT 'x', $$y$$, $a$1$a$",
  "SELECT '$1', 'SELECT 2', 5 -- 6",
  "SELECT 1 /* 2 */ , 3",
  "SELECT 1; SELECT 2",
  "SELECT 5;",
  "SELECT 5 ; ",
  "SELECT 1.5, 2.25::float8, 3 / 2",
  "SELECT pg_typeof(5), pg_typeof(3000000000), pg_typeof('a')",
  "SELECT 5 IN (1, 2, 5), 'a' = ANY('{a,b}'), 4 BETWEEN 3 AND 6",
  "SELECT '2024-05-06 10:00'::timestamptz, '1/2/2024'::date, date '2024-01-02' + 5",
  "SELECT to_timestamp(1700000000)::text, extract(hour FROM to_timestamp(5000))",
  "SELECT 'resources'::regclass, 'bookings'::regclass::text",
  "SELECT name FROM resources ORDER BY 1 LIMIT 2 OFFSET 0",
  "SELECT 'x'::varchar(3), 4::numeric(5,2)",
  "SELECT g, 'v' FROM (VALUES (1), (2), (3)) v(g) WHERE g <> 2",
  "VALUES (1, 'a'), (2, 'b')",
  "COPY (SELECT 5, 'a') TO STDOUT",
  "EXECUTE p(5)",
  "FETCH 3 FROM c",
  "SELECT current_setting('TimeZone'), 1",
  "SELECT set_config('TimeZone', 'Asia/Tokyo', false), 1",
  "SELECT 10 / 5, '12'::int",
  "SHOW DateStyle",
  'SELECT "id", 1 FROM "resources" WHERE "name" = \'room\'',
];

/** What changes how a text is read, planned or run. */
const CHANGES: readonly string[] = [
  "BEGIN",
  "BEGIN READ ONLY",
  "COMMIT",
  "ROLLBACK",
  "SAVEPOINT s",
  "ROLLBACK TO s",
  "SELECT 1/0",
  "SELEC",
  "SET search_path = nowhere",
  "SET search_path = pg_catalog, public",
  "SET standard_conforming_strings = off",
  "SET standard_conforming_strings = on",
  "SET timezone = 'America/New_York'",
  "SET timezone = 'UTC'",
  "SET DateStyle = 'ISO, DMY'",
  "SET DateStyle = 'ISO, MDY'",
  "SET LOCAL extra_float_digits = 0",
  "RESET ALL",
  "DISCARD ALL",
  "DEALLOCATE ALL",
  "PREPARE p AS SELECT $1::int4 + 1",
  "PREPARE p (text) AS SELECT $1 || 'x'",
  "DEALLOCATE p",
  "DECLARE c CURSOR WITH HOLD FOR SELECT g FROM generate_series(1, 40) g",
  "DECLARE c CURSOR FOR SELECT 'row ' || g FROM generate_series(1, 40) g",
  "CLOSE c",
];

const LITERALS: readonly string[] = [
  "0",
  "1",
  "-1",
  " - 1",
  "7",
  "007",
  "1010",
  "2147483647",
  "2147483648",
  "-2147483648",
  "3000000000",
  "1700000000005",
  "999999999999999",
  "1000000000000000",
  "9007199254740993",
  "12345678901234567890",
  "1.5",
  ".5",
  "1e3",
  "0x1F",
  "1_000",
  "''",
  "'a'",
  "'room'",
  "'it''s'",
  "''''",
  "'a\\'",
  "'a\\\\b'",
  "E'a\\nb'",
  "E'\\''",
  "'é'",
  "'😀'",
  "'$1'",
  "'-- '",
  "'/*'",
  "';'",
  "'5'",
  "'-5'",
  "'2024-13-01'",
  "'31/12/2024'",
  "N'a'",
  "U&'\\0061'",
  "$$a$$",
  "NULL",
  "$1",
  "'a' 'b'",
  "'a'\n'b'",
  `'${ROOM}'`,
  `'${ROOM.toLowerCase()}'`,
  "'01HZZZZZZZZZZZZZZZZZZZ0105'",
  `'${"x".repeat(300)}'`,
];

const EDGES: readonly string[] = [
  " ",
  ";",
  "; ",
  ";;",
  "\n",
  "\t",
  "--",
  " -- x",
  "/**/",
  "\0",
  "\0x",
  "; SELECT 9",
  "1",
];
const LITERAL = /'(?:[^']|'')*'|\d+(?:\.\d+)?/g;

function inUtf8(text: string): string {
  return latin1Of(Buffer.from(text));
}

function variant(random: Random, text: string): string {
  const chance = random.pick([0, 0.3, 1]);
  let made = text.replace(LITERAL, (literal) => {
    if (!random.chance(chance)) return literal;
    if (random.chance(0.4)) return random.pick(LITERALS);
    // One of its own kind, of another length now and then.
    if (literal.startsWith("'")) return `'${"abc".slice(random.below(4))}'`;
    return (random.chance(0.2) ? "-" : "") + String(1 + random.below(10 ** (1 + random.below(9))));
  });
  if (random.chance(0.1)) made += random.pick(EDGES);
  if (random.chance(0.05)) made = random.pick(EDGES) + made;
  const bytes = inUtf8(made);
  if (random.chance(0.1)) return withOtherByte(random, bytes);
  return random.chance(0.15) ? mutateBytes(random, bytes, [inUtf8(random.pick(STATEMENTS))]) : bytes;
}

function withOtherByte(random: Random, bytes: string): string {
  const at = random.below(bytes.length);
  const byte = random.pick([...EDGES.join(""), "x", "'", "7", "-", "\\", ...bytes]);
  return bytes.slice(0, at) + byte + bytes.slice(at + 1);
}

function makeCase(random: Random): RecallCase {
  const own = Array.from({ length: 1 + random.below(6) }, () => random.pick(STATEMENTS));
  const changes = random.chance(0.5) ? 0.2 : 0;
  const texts = Array.from({ length: 6 + random.below(30) }, () =>
    random.chance(changes) ? random.pick(CHANGES) : variant(random, random.pick(own)),
  );
  return { texts };
}

/** Has every text parsed and planned anew. */
class ParsingSession extends SqlSession {
  override recall(): Statement | null {
    return null;
  }

  override parseScript(text: string): readonly RawStatement[] {
    return parse(text).map(({ node }) => ({ text, node, known: null, literals: null }));
  }
}

/** @param Session what is tested; another one shows that the target finds faults */
export function recallTarget(Session: typeof SqlSession = SqlSession): Target<RecallCase> {
  return {
    name: "recall",
    timeBoundMs: 5000,
    make: makeCase,
    check({ texts }) {
      const [tested, plain] = [connect(Session), connect(ParsingSession)];
      for (const text of texts) {
        const [given, wanted] = [ask(tested, text), ask(plain, text)];
        const difference = differ(given, wanted);
        if (difference !== null) return `${difference}\n(${JSON.stringify(text)})`;
      }
      const [bug] = [...tested.server.bugs, ...plain.server.bugs];
      return bug === undefined ? null : `internal: ${bug instanceof Error ? bug.stack : String(bug)}`;
    },
    *smaller({ texts }) {
      for (const fewer of smallerLists(texts, smallerTexts)) yield { texts: fewer };
    },
  };
}

interface Connection {
  readonly server: FuzzServer;
  readonly client: FuzzClient;
}

function connect(Session: typeof SqlSession): Connection {
  const server = new FuzzServer({ Session });
  const client = server.connect();
  client.send(WAY_IN);
  for (const text of LOADED) client.send(serialize.query(text));
  server.settle();
  client.take();
  return { server, client };
}

/** null: what came is no row of messages, or goes on and on. */
function ask({ server, client }: Connection, text: string): Message[] | null {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length + 5);
  client.send(Buffer.concat([Buffer.from("Q"), length, bytesOf(text), Buffer.from([0])]));
  const isSettled = server.settle();
  const messages = messagesOf(client.take());
  return isSettled ? messages : null;
}

const OF_LITERAL = "E of a literal";

/** Of two literals that are wrong, each way may come to another one first. */
function comparable({ type, body }: Message): string {
  if (type === "E" && /\0C(22|42P01|42704|42883)/.test(body)) return OF_LITERAL;
  return shown({ type, body });
}

function differ(given: Message[] | null, wanted: Message[] | null): string | null {
  if (given === null || wanted === null) return given === wanted ? null : "end: one goes on and on";
  const [ours, theirs] = [given.map(comparable).join("\n"), wanted.map(comparable).join("\n")];
  return ours === theirs ? null : `recalled: the answer is\n${ours}\nparsed:\n${theirs}`;
}
