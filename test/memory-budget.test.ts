/** The budget of all clients: who asks is refused in time, who cannot ask is counted. */

import { describe, expect, test } from "bun:test";
import { ByteWriter } from "../src/bytes.ts";
import {
  FREE_CLIENT_BYTES,
  GARBAGE_SHARE,
  STAGED_CHANGE_BYTES,
  STATEMENT_MEMORY_SHARE,
} from "../src/limits.ts";
import { MemoryBudget } from "../src/memory-budget.ts";
import { StatementMemory } from "../src/sql/session/statement-memory.ts";
import { SqlSession } from "../src/sql/session.ts";
import { TestDatabase } from "./sql/sql-fixture.ts";

const BUDGET = 100 * FREE_CLIENT_BYTES;
const MOST = BUDGET * STATEMENT_MEMORY_SHARE;

describe("statements", () => {
  test("take up to their share, and beyond it nothing is taken and 53200 told", () => {
    const budget = new MemoryBudget(BUDGET);
    budget.take(MOST);
    expect(() => budget.take(1)).toThrow(expect.objectContaining({ sqlState: "53200" }));
    expect(budget.heldBytes).toBe(MOST);
    budget.giveBack(1);
    budget.take(1);
  });

  test("of one session count beyond what each may hold, and small ones never fail for others", () => {
    const budget = new MemoryBudget(BUDGET);
    const greedy = new StatementMemory(Number.POSITIVE_INFINITY, budget);
    const modest = new StatementMemory(Number.POSITIVE_INFINITY, budget);
    greedy.take(FREE_CLIENT_BYTES);
    expect(budget.heldBytes).toBe(0);
    greedy.take(MOST);
    expect(budget.heldBytes).toBe(MOST);
    modest.take(FREE_CLIENT_BYTES);
    expect(() => modest.take(1)).toThrow(expect.objectContaining({ sqlState: "53200" }));
    expect(modest.bytes).toBe(FREE_CLIENT_BYTES);
    greedy.giveBack(1);
    modest.take(1);
    greedy.close();
    modest.close();
    expect(budget.heldBytes).toBe(0);
  });

  test("what a transaction has staged counts until it ends", () => {
    const budget = new MemoryBudget(BUDGET);
    const memory = new StatementMemory(0, budget);
    memory.stage(FREE_CLIENT_BYTES + MOST);
    memory.stage(1000);
    expect(budget.heldBytes).toBe(MOST);
    expect(() => memory.stage(FREE_CLIENT_BYTES + MOST + 1)).toThrow(
      expect.objectContaining({ sqlState: "53200" }),
    );
    memory.endTransaction();
    expect(budget.heldBytes).toBe(0);
  });
});

test("what is there already is counted, and told when it is too much", () => {
  const budget = new MemoryBudget(BUDGET);
  let told = 0;
  budget.whenOverdrawn = () => void told++;
  budget.add(BUDGET);
  expect([budget.isOverdrawn, told]).toEqual([false, 0]);
  budget.add(1);
  expect([budget.isOverdrawn, told]).toEqual([true, 1]);
  budget.giveBack(1);
  expect(budget.isOverdrawn).toBe(false);
});

test("the collector is asked to begin when GARBAGE_SHARE has been given back, and then again", () => {
  let asked = 0;
  const budget = new MemoryBudget(BUDGET, () => void asked++);
  for (let n = 1; n <= 3; n++) {
    budget.add(BUDGET);
    budget.giveBack(BUDGET * GARBAGE_SHARE - 1);
    expect(asked).toBe(n - 1);
    budget.giveBack(1);
    expect(asked).toBe(n);
    budget.add(-budget.heldBytes);
  }
});

test("each change that a transaction has staged counts STAGED_CHANGE_BYTES", () => {
  const budget = new MemoryBudget(BUDGET);
  const listener = { notify: () => undefined, disconnect: () => undefined };
  const client = { user: "u", processId: 1, startupOptions: new Map() };
  const session = new SqlSession(new TestDatabase().tenant, client, listener, BUDGET, budget);
  const run = (text: string) => session.execute(session.prepare(text, []), [], [], new ByteWriter());
  const freeRows = FREE_CLIENT_BYTES / STAGED_CHANGE_BYTES;
  // What is staged counts from the next statement on.
  const insert = (rows: number) => {
    run(`INSERT INTO resources (name) VALUES ${Array(rows).fill("('x')").join(",")}`);
    run("SELECT count(*) FROM rules");
  };
  run("BEGIN");
  insert(freeRows);
  expect(budget.heldBytes).toBe(0);
  insert(10);
  expect(budget.heldBytes).toBe(10 * STAGED_CHANGE_BYTES);
  run("ROLLBACK");
  expect(budget.heldBytes).toBe(0);
});
