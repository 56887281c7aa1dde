/** The statements of the scripts, answered as PostgreSQL has answered them when they were recorded. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { loadParser } from "../../src/sql/parse/parser.ts";
import { Random } from "../seeded-random.ts";
import { type Answer, compareAnswers, readAnswer } from "./answer.ts";
import { Connection } from "./connection.ts";
import { rowsOfTables } from "./dataset.ts";
import { checkHeadings, explain } from "./differences.ts";
import { Queries } from "./grammar/queries.ts";
import { shrink, textOf, tree } from "./grammar/tree.ts";
import { saysOrder } from "./pair.ts";
import { readRecording, recordingKey } from "./recording.ts";
import { readScripts, type Statement } from "./script.ts";
import { type RunningServer, startDeltat } from "./servers.ts";

const SCRIPT_TIMEOUT_MS = 60_000;

let server: RunningServer;
let recording: Map<string, Answer[]>;

beforeAll(async () => {
  await loadParser();
  server = await startDeltat();
  recording = readRecording();
  const connection = await Connection.open(server.address);
  for (const sql of rowsOfTables()) await ask(connection, { text: sql, parameters: null });
  connection.close();
}, SCRIPT_TIMEOUT_MS);

afterAll(() => server.stop());

async function ask(connection: Connection, { text, parameters }: Pick<Statement, "text" | "parameters">) {
  const replies =
    parameters === null ? await connection.query(text) : await connection.extended(text, parameters, 0);
  return readAnswer(replies, false);
}

describe("statements recorded with PostgreSQL", () => {
  test.each(readScripts(""))(
    "$name",
    async ({ statements }) => {
      let connection = await Connection.open(server.address);
      let isBroken = false;
      for (const statement of statements) {
        if (isBroken) {
          isBroken = !/^(COMMIT|ROLLBACK|END|ABORT)$/.test(statement.text);
          if (isBroken) continue;
          connection.close();
          connection = await Connection.open(server.address);
          continue;
        }
        const theirs = recording.get(recordingKey(statement))?.shift();
        if (theirs === undefined) throw new Error(`${statement.origin} is not recorded: use --record`);
        const ours = await ask(connection, statement);
        isBroken = ours.status !== theirs.status;
        if (statement.differs !== null) continue;
        if (compareAnswers(ours, theirs, saysOrder(statement.text)) === null) continue;
        expect({ statement: statement.text, ...ours }).toEqual({ statement: statement.text, ...theirs });
      }
      connection.close();
    },
    SCRIPT_TIMEOUT_MS,
  );

  test("every difference is explained under a heading of the document", () => {
    const marks = readScripts("").flatMap(({ statements }) =>
      statements.flatMap(({ differs }) => differs ?? []),
    );
    expect(marks.length).toBeGreaterThan(20);
    checkHeadings(marks);
    expect(() => checkHeadings(["No such heading"])).toThrow("no heading");
  });
});

describe("the comparison itself", () => {
  const answer = (change: Partial<Answer>): Answer => ({
    words: ["columns a:23/4/-1", "tag SELECT 2"],
    rows: ['"1"', '"2"'],
    error: null,
    status: "I",
    ...change,
  });
  const refusal = (code: string, message: string, position: string | null) =>
    answer({ words: [], rows: [], error: { code, message, position } });

  test("tells where answers part", () => {
    const turned = answer({ rows: ['"2"', '"1"'] });
    expect(compareAnswers(answer({}), answer({}), true)).toBeNull();
    expect(compareAnswers(answer({}), turned, false)).toBeNull();
    expect(compareAnswers(answer({}), turned, true)).toBe("rows");
    expect(compareAnswers(answer({}), answer({ words: ["columns b:23/4/-1"] }), true)).toBe("columns");
    expect(compareAnswers(answer({}), answer({ status: "T" }), true)).toBe("status");
    expect(compareAnswers(answer({}), refusal("42703", "no", "1"), true)).toBe("error");
    expect(compareAnswers(refusal("42703", "yes", "1"), refusal("42703", "no", "1"), true)).toBe("message");
    expect(compareAnswers(refusal("42703", "no", "2"), refusal("42703", "no", "1"), true)).toBe("position");
  });

  test("explains what the rules cover, and no more", () => {
    const statement: Statement = { text: "SELECT 1", parameters: null, origin: "", differs: null };
    const finding = (ours: Answer, theirs: Answer) => {
      const difference = compareAnswers(ours, theirs, true);
      if (difference === null) throw new Error("no difference");
      return { statement, manner: "simple" as const, difference, ours, theirs };
    };
    const used = "already exists: 01KE60000000000000000R0001";
    expect(explain(finding(refusal("23505", used, null), refusal("23505", "duplicate key", null)))).toBe(
      "Messages of refused changes",
    );
    expect(explain(finding(refusal("23505", "else", null), refusal("23505", "duplicate", null)))).toBeNull();
    expect(explain(finding(answer({ rows: ['"1.50"'] }), answer({ rows: ['"1.5"'] })))).toBe("Equal numbers");
    expect(explain(finding(answer({ rows: ['"1.50"'] }), answer({ rows: ['"1.05"'] })))).toBeNull();
    expect(explain(finding(refusal("22012", "zero", null), answer({})))).toBe("Order of evaluation");
    expect(explain(finding(refusal("42703", "no", null), answer({})))).toBeNull();
  });

  test("a seed makes the same statements again", () => {
    const statements = (seed: number) => {
      const queries = new Queries(new Random(seed));
      return Array.from({ length: 20 }, () => textOf(queries.statement()));
    };
    expect(statements(7)).toEqual(statements(7));
    expect(statements(7)).not.toEqual(statements(8));
  });

  test("what fails is made smaller as long as it fails", async () => {
    const inner = tree("int4")`length(${tree("text")`lower(${tree("text")`'needle'`})`})`;
    const whole = tree("statement")`SELECT (${tree("int4")`${inner} + ${tree("int4")`41`}`})`;
    const smallest = await shrink(whole, async (smaller) => textOf(smaller).includes("needle"));
    expect(textOf(smallest)).toBe("SELECT (length('needle'))");
  });
});
