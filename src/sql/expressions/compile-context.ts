/**
 * What compiling one statement knows and gathers: how names resolve, what parameters are, and which of the
 * literals lifted out of the text became values.
 */

import type { LiftedLiterals } from "../parse/shape.ts";
import type { LiteralCheck } from "../plan-cache.ts";
import type { Scope } from "./expression.ts";
import type { ParameterTypes } from "./parameters.ts";

/** Shared by all scopes of a statement. */
interface LiteralUse {
  readonly isValue: boolean[];
  usesLiteralValue: boolean;
  readonly checks: LiteralCheck[];
  /** Offsets of the second halves of surrogate pairs; undefined until a position is asked for. */
  secondHalves?: readonly number[];
}

export class CompileContext {
  private readonly use: LiteralUse;

  /**
   * `literals` are those lifted out of `text`, or null where nothing was lifted: constants are then compiled in.
   * `parent` is given for an inner scope of the same statement.
   */
  constructor(
    readonly scope: Scope,
    readonly parameters: ParameterTypes,
    readonly literals: LiftedLiterals | null,
    readonly text: string,
    parent?: CompileContext,
  ) {
    this.use = parent?.use ?? { isValue: [], usesLiteralValue: false, checks: [] };
  }

  /** The same statement with other names in reach. */
  withScope(scope: Scope): CompileContext {
    return new CompileContext(scope, this.parameters, this.literals, this.text, this);
  }

  /** The 1-based character position of a node's `location`. */
  position(location: number | undefined): number {
    // Asked for at every node: a scan of the text each time would make a long statement quadratic.
    const offset = location ?? 0;
    this.use.secondHalves ??= secondHalvesOf(this.text);
    return offset + 1 - lowerBound(this.use.secondHalves, offset);
  }

  /** The index of the lifted literal that begins at `offset`, or -1. */
  literalAt(offset: number): number {
    return this.literals === null ? -1 : indexOfSorted(this.literals.offsets, offset);
  }

  /** Notes that lifted literal `index` is read from the frame when the plan runs. */
  literalBecomesValue(index: number): void {
    this.use.isValue[index] = true;
  }

  /** Takes what tells whether a lifted literal of a later statement can be read. */
  readonly addLiteralCheck = (check: LiteralCheck): void => {
    this.use.checks.push(check);
  };

  get literalChecks(): readonly LiteralCheck[] {
    return this.use.checks;
  }

  /** Notes that the plan depends on the value of some constant: it is good for this very text only. */
  dependOnLiteral(): void {
    this.use.usesLiteralValue = true;
  }

  /** Whether the plan depends on the value of some constant. */
  get usesLiteralValue(): boolean {
    return this.use.usesLiteralValue;
  }

  /**
   * Whether the finished plan serves every statement of this shape: literals were lifted, each became a value
   * that is read when the plan runs, and planning looked at none of them.
   */
  isShapeSafe(): boolean {
    if (this.literals === null || this.use.usesLiteralValue) return false;
    for (let i = 0; i < this.literals.values.length; i++) if (this.use.isValue[i] !== true) return false;
    return true;
  }
}

let lastText = "";
let lastSecondHalves: readonly number[] = [];

/** The statements of a script ask about the same text, one after the other: it is scanned once for all of them. */
function secondHalvesOf(text: string): readonly number[] {
  if (text !== lastText) {
    lastSecondHalves = secondHalves(text);
    lastText = text;
  }
  return lastSecondHalves;
}

/** Where UTF-16 takes two units for one character. */
function secondHalves(text: string): number[] {
  const offsets: number[] = [];
  for (const match of text.matchAll(/[\ud800-\udbff][\udc00-\udfff]/g)) offsets.push(match.index + 1);
  return offsets;
}

function indexOfSorted(sorted: readonly number[], wanted: number): number {
  const index = lowerBound(sorted, wanted);
  return sorted[index] === wanted ? index : -1;
}

/** How many of them are below `wanted`. */
function lowerBound(sorted: readonly number[], wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
