/**
 * Text to syntax trees, by PostgreSQL's own parser (libpg-query, compiled to WASM). What comes out has been
 * checked for depth, without recursion, so that everything behind may walk it recursively; and its locations,
 * which the parser counts in UTF-8 bytes, have become offsets into the JavaScript string.
 */

import { hasSqlDetails, loadModule, type ParseResult, parseSync } from "libpg-query";
import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_EXPRESSION_DEPTH, MAX_STATEMENT_BYTES } from "../../limits.ts";
import type { Node } from "./ast.ts";
import { depthExceeded, guardParser } from "./parse-guard.ts";

/** One statement of a text. */
export interface ParsedStatement {
  readonly node: Node;
  /** The whole text that was parsed: locations in `node` are offsets into it. */
  readonly text: string;
}

/** Loads the WASM module: once, before the first `parse`. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/**
 * The statements of `text`, none if it holds only blanks, comments and semicolons.
 * Throws DeltatError 42601 with a position, 22021 (NUL in the text) or 54000 (too long, too deep).
 */
export function parse(text: string): ParsedStatement[] {
  if (text.length > MAX_STATEMENT_BYTES / 4 && Buffer.byteLength(text) > MAX_STATEMENT_BYTES) {
    throw new DeltatError(SqlState.programLimitExceeded, "limit exceeded: statement length", {
      detail: `A statement may have ${MAX_STATEMENT_BYTES} bytes.`,
    });
  }
  if (text.includes("\0")) {
    throw new DeltatError(
      SqlState.characterNotInRepertoire,
      'invalid byte sequence for encoding "UTF8": 0x00',
    );
  }
  guardParser(text);
  const statements: ParsedStatement[] = [];
  for (const raw of runParser(text).stmts ?? []) {
    if (raw.stmt !== undefined) statements.push({ node: raw.stmt, text });
  }
  checkDepthAndPlace(
    statements.map((statement) => statement.node),
    text,
  );
  return statements;
}

function runParser(text: string): ParseResult {
  if (text === "") return {};
  try {
    return parseSync(text);
  } catch (error) {
    throw asDeltatError(error, text);
  }
}

function asDeltatError(error: unknown, text: string): unknown {
  // The tree's JSON nests deeper than JavaScript's own parser goes.
  if (error instanceof RangeError) return depthExceeded();
  if (!hasSqlDetails(error)) return error;
  if (error.message.startsWith("memory exhausted")) return depthExceeded();
  const characters = error.sqlDetails?.cursorPosition ?? 0;
  const state = syntaxErrorState(error.message, text);
  // The scanner does not tell where a string it refuses stands.
  const placed = state !== SqlState.characterNotInRepertoire;
  return new DeltatError(
    state,
    error.message,
    placed ? { position: Math.min(characters, text.length) + 1 } : {},
  );
}

/** The scanner's and grammar's few complaints that PostgreSQL does not call a syntax error. */
function syntaxErrorState(message: string, text: string): SqlState {
  if (message.includes("out of range")) return SqlState.numericValueOutOfRange;
  if (message.startsWith("invalid byte sequence")) return SqlState.characterNotInRepertoire;
  if (/not (yet )?(implemented|supported)/.test(message)) return SqlState.featureNotSupported;
  if (/^frame (start|end)/.test(message)) return SqlState.windowingError;
  if (message === "invalid Unicode escape" && !/\bU&['"]/i.test(text)) return SqlState.invalidEscapeSequence;
  return SqlState.syntaxError;
}

/**
 * Walks the trees with a stack of its own, counts nested nodes and translates locations. Throws 54000 for a tree
 * deeper than MAX_EXPRESSION_DEPTH nodes.
 */
function checkDepthAndPlace(roots: readonly Node[], text: string): void {
  const offsets = utf16Offsets(text);
  const pending: object[] = [...roots];
  const depths: number[] = roots.map(() => 0);
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    const depth = depths.pop() as number;
    if (depth > MAX_EXPRESSION_DEPTH) throw depthExceeded();
    // A list is not a level, nor is its kind's wrapper: only a node is.
    const isList = Array.isArray(value);
    const fields = value as Record<string, unknown>;
    for (const key in fields) {
      const inner = fields[key];
      if (typeof inner === "object" && inner !== null) {
        pending.push(inner);
        depths.push(!isList && isNodeKind(key) ? depth + 1 : depth);
      } else if (offsets !== null && key === "location" && typeof inner === "number" && inner >= 0) {
        fields[key] = offsets[inner];
      }
    }
  }
}

/** Kinds of node begin with a capital, fields with a small letter; the sides of a set operation are bare nodes. */
function isNodeKind(key: string): boolean {
  const code = key.charCodeAt(0);
  return (code >= 65 && code <= 90) || key === "larg" || key === "rarg";
}

/** For each UTF-8 byte of `text` the UTF-16 offset of its character; null if the text is ASCII, where both agree. */
function utf16Offsets(text: string): Int32Array | null {
  const byteLength = Buffer.byteLength(text);
  if (byteLength === text.length) return null;
  const offsets = new Int32Array(byteLength + 1);
  let byte = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.codePointAt(at) as number;
    const bytes = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    offsets.fill(at, byte, byte + bytes);
    byte += bytes;
    at += code < 0x10000 ? 1 : 2;
  }
  offsets[byte] = text.length;
  return offsets;
}

/** The 1-based character (code point) position of a UTF-16 offset, as error reports count. */
export function characterPosition(text: string, offset: number): number {
  let position = 1;
  for (let at = 0; at < offset && at < text.length; position++) {
    at += (text.codePointAt(at) as number) < 0x10000 ? 1 : 2;
  }
  return position;
}
