/**
 * DECLARE, FETCH, MOVE and CLOSE. A cursor shows the state of the moment it was declared: what its rows need is
 * copied then, so that it is insensitive, as PostgreSQL's are, and can outlive its transaction (WITH HOLD).
 */

import { ByteWriter } from "../../bytes.ts";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_FETCH_DEPTH } from "../../limits.ts";
import { controlPlan, Execution, type OutputColumn, type Plan, type SessionControl } from "../execution.ts";
import type { ClosePortalStmt, DeclareCursorStmt, FetchStmt } from "../parse/ast.ts";
import { notSupported } from "../parse/unsupported.ts";
import { hasChangesInWith } from "../relational/changes-in-with.ts";
import { type RowStream, type Slice, streamOf } from "../rows/row-stream.ts";
import { Portal } from "../session/portals.ts";
import { planSelect } from "./select.ts";
import type { StatementCompiler } from "./statement-compiler.ts";

/** Bits of DeclareCursorStmt.options (nodes/parsenodes.h). */
const OPTION_BINARY = 0x01;
const OPTION_SCROLL = 0x02;
const OPTION_HOLD = 0x20;

/** What the grammar puts for ALL: the largest long of the parser's build. */
const ALL = 2_147_483_647;

const TEXT_FORMATS: readonly number[] = [];

export function planDeclare(node: DeclareCursorStmt, compiler: StatementCompiler): Plan {
  const { portalname: name = "", options = 0, query } = node;
  if ((options & OPTION_BINARY) !== 0) throw notSupported("a BINARY cursor", "Bind asks for binary columns.");
  if ((options & OPTION_SCROLL) !== 0) throw notSupported("a SCROLL cursor", "Cursors here go forward only.");
  if (query === undefined || !("SelectStmt" in query)) throw notSupported("DECLARE of anything but a SELECT");
  if (hasChangesInWith(query)) {
    throw new DeltatError(
      SqlState.featureNotSupported,
      "DECLARE CURSOR must not contain data-modifying statements in WITH",
    );
  }
  const select = planSelect(query.SelectStmt, compiler);
  const isHeld = (options & OPTION_HOLD) !== 0;
  return {
    // As PostgreSQL names what a transaction that only reads refuses.
    command: select.usage === "write" ? select.command : "DECLARE CURSOR",
    usage: select.usage,
    parameterTypes: select.parameterTypes,
    columns: null,
    run(execution) {
      declare(name, select, isHeld, execution);
      return "DECLARE CURSOR";
    },
  };
}

function declare(name: string, select: Plan, isHeld: boolean, execution: Execution): void {
  const { database, session, parameters, literals, transaction } = execution;
  if (!isHeld && !session.inBlock) {
    throw new DeltatError(
      SqlState.noActiveSqlTransaction,
      "DECLARE CURSOR can only be used in transaction blocks",
    );
  }
  const statement = { text: "", isEmpty: false, parameterTypes: [], columns: select.columns };
  const portal = new Portal(statement, parameters, TEXT_FORMATS, isHeld);
  session.portals.add(name, portal);
  const nowhere = new ByteWriter(0);
  const stream = streamOf(
    select,
    new Execution(database, session, parameters, literals, TEXT_FORMATS, nowhere, transaction),
  );
  portal.open(stream).detach();
}

/** How many portals that fetch from each other are being described. */
let described = 0;

export function planFetch(node: FetchStmt): Plan {
  const { portalname: name = "", ismove: isMove = false } = node;
  const run = (execution: Execution): RowStream => {
    const portal = openPortal(name, execution.session);
    const { skip, take } = forwardRange(node, portal.position);
    return new FetchStream(portal, skip, take, isMove, execution);
  };
  const describe = (session: SessionControl): readonly OutputColumn[] | null => {
    // A portal that fetches from itself, on whatever detours, has no columns; running it is refused.
    if (described > MAX_FETCH_DEPTH) return null;
    described++;
    try {
      return session.portals.find(name)?.statement.columns ?? null;
    } finally {
      described--;
    }
  };
  return isMove ? controlPlan("MOVE", run) : { ...controlPlan("FETCH", run), describe };
}

function openPortal(name: string, session: SessionControl): Portal {
  const portal = session.portals.find(name);
  if (portal === undefined) throw noSuchCursor(name);
  if (portal.state === "ready") {
    throw new DeltatError(
      SqlState.objectNotInPrerequisiteState,
      `portal "${name}" has not been executed yet`,
    );
  }
  return portal;
}

/** How many rows to pass by, and then to take. Throws 55000 for what would go back. */
function forwardRange(node: FetchStmt, position: number): { skip: number; take: number } {
  const count = Number(node.howMany ?? 0);
  const isAll = count >= ALL;
  switch (node.direction) {
    case "FETCH_ABSOLUTE":
      if (count > position) return { skip: count - position - 1, take: 1 };
      break;
    case "FETCH_RELATIVE":
      if (count > 0) return { skip: count - 1, take: 1 };
      break;
    case "FETCH_BACKWARD":
      if (count < 0) return { skip: 0, take: -count };
      break;
    default:
      if (count > 0) return { skip: 0, take: isAll ? Number.POSITIVE_INFINITY : count };
  }
  throw new DeltatError(SqlState.objectNotInPrerequisiteState, "cursor can only scan forward", {
    hint: "Declare it again, with an ORDER BY that goes the other way.",
  });
}

/** Part of a cursor's rows; the cursor itself stays open behind it. */
class FetchStream implements RowStream {
  /** How many cursors in a row are fetched from. */
  private readonly depth: number;
  /** Where rows go that are passed by. */
  private readonly discarded = new ByteWriter(1024);
  private out: ByteWriter;

  constructor(
    private readonly portal: Portal,
    private toSkip: number,
    private toTake: number,
    private readonly isMove: boolean,
    private readonly execution: Execution,
  ) {
    this.out = execution.out;
    this.depth = portal.stream instanceof FetchStream ? portal.stream.depth + 1 : 1;
    if (this.depth > MAX_FETCH_DEPTH) {
      throw new DeltatError(
        SqlState.statementTooComplex,
        `limit exceeded: cursors that fetch from each other, at most ${MAX_FETCH_DEPTH} in a row`,
      );
    }
  }

  sendTo(out: ByteWriter, formats: readonly number[]): void {
    this.out = out;
    this.execution.formats = formats;
  }

  next(slice: Slice): boolean {
    if (this.toSkip > 0) {
      const before = slice.rows;
      const isEnd = this.take(slice, this.toSkip, this.discarded);
      this.toSkip -= slice.rows - before;
      slice.rows = before;
      if (isEnd) return true;
      if (this.toSkip > 0) return false;
    }
    const before = slice.rows;
    const isEnd = this.take(slice, this.toTake, this.isMove ? this.discarded : this.out);
    this.toTake -= slice.rows - before;
    return isEnd || this.toTake <= 0;
  }

  detach(): void {}

  tag(rows: number): string {
    return `${this.isMove ? "MOVE" : "FETCH"} ${rows}`;
  }

  close(): void {}

  /** Takes up to `count` rows of the cursor; whether it has no more. */
  private take(slice: Slice, count: number, out: ByteWriter): boolean {
    const { portal, discarded, execution } = this;
    const { stream } = portal;
    if (stream === null) return true;
    stream.sendTo(out, execution.formats);
    const before = slice.rows;
    const isEnd = slice.within(count, () => stream.next(slice));
    portal.position += slice.rows - before;
    discarded.clear();
    if (isEnd) portal.finish("SELECT 0");
    return isEnd;
  }
}

export function planClose(node: ClosePortalStmt): Plan {
  const name = node.portalname;
  if (name === undefined) {
    return controlPlan("CLOSE CURSOR ALL", ({ session }) => {
      session.portals.closeAll();
      return "CLOSE CURSOR ALL";
    });
  }
  return controlPlan("CLOSE CURSOR", ({ session }) => {
    if (!session.portals.close(name)) throw noSuchCursor(name);
    return "CLOSE CURSOR";
  });
}

function noSuchCursor(name: string): DeltatError {
  return new DeltatError(SqlState.invalidCursorName, `cursor "${name}" does not exist`);
}
