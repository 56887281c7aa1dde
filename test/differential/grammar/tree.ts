/**
 * Generated statements as trees, so that one which fails can be made smaller: a part is replaced by something simpler of
 * its kind, as long as the answers still part in the same way.
 */

/** What a part is: the type of an expression, or the role of a clause. */
export type Kind = string;

export interface Tree {
  readonly kind: Kind;
  readonly parts: readonly (string | Tree)[];
}

/** Parts that may be left out are of this kind. */
const OPTIONAL = "optional";

/** A tree from a template: `tree("int4")`${a} + ${b}``. */
export function tree(
  kind: Kind,
): (texts: TemplateStringsArray, ...parts: readonly (string | Tree)[]) => Tree {
  return (texts, ...parts) => {
    const all: (string | Tree)[] = [];
    for (const [at, text] of texts.entries()) {
      if (text !== "") all.push(text);
      const part = parts[at];
      if (part !== undefined) all.push(part);
    }
    return { kind, parts: all };
  };
}

export const optional = tree(OPTIONAL);

/** Parts with a separator between them, none of which may be left out. */
export function listed(parts: readonly Tree[], separator: string): Tree {
  return { kind: "list", parts: parts.flatMap((part, at) => (at === 0 ? [part] : [separator, part])) };
}

/** Parts with a separator between them; each but the first goes with the separator before it. */
export function separated(parts: readonly Tree[], separator: string): Tree {
  return {
    kind: "list",
    parts: parts.map((part, at) => (at === 0 ? part : optional`${separator}${part}`)),
  };
}

export function textOf(part: string | Tree): string {
  return typeof part === "string" ? part : part.parts.map(textOf).join("");
}

/** The simplest expression of a type. */
const SIMPLEST: Readonly<Record<Kind, string>> = {
  int4: "1",
  int8: "1::int8",
  numeric: "1.5",
  float8: "1.5::float8",
  text: "'a'::text",
  bool: "true",
  [OPTIONAL]: "",
};

/** How many smaller trees are tried for one statement. */
const MAX_ATTEMPTS = 400;

/** The smallest tree found for which `fails` still holds. */
export async function shrink(start: Tree, fails: (smaller: Tree) => Promise<boolean>): Promise<Tree> {
  let smallest = start;
  let attempts = 0;
  for (let improved = true; improved; ) {
    improved = false;
    for (const candidate of simpler(smallest)) {
      if (++attempts > MAX_ATTEMPTS) return smallest;
      if (!(await fails(candidate))) continue;
      smallest = candidate;
      improved = true;
      break;
    }
  }
  return smallest;
}

/** Trees with one part made simpler, those that lose most first. */
function* simpler(whole: Tree): Generator<Tree> {
  for (const instead of replacements(whole)) yield instead;
  for (const [at, part] of whole.parts.entries()) {
    if (typeof part === "string") continue;
    for (const smaller of simpler(part)) {
      yield { kind: whole.kind, parts: whole.parts.with(at, smaller) };
    }
  }
}

function* replacements(part: Tree): Generator<Tree> {
  const simplest = SIMPLEST[part.kind];
  if (simplest !== undefined && textOf(part) !== simplest) yield { kind: part.kind, parts: [simplest] };
  yield* inside(part, part.kind);
}

/** Parts of the same kind further down. */
function* inside(part: Tree, kind: Kind): Generator<Tree> {
  if (kind === OPTIONAL || kind === "list") return;
  for (const inner of part.parts) {
    if (typeof inner === "string") continue;
    if (inner.kind === kind) yield inner;
    else yield* inside(inner, kind);
  }
}
