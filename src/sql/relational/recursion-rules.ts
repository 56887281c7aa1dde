/** Where a query in WITH RECURSIVE may name itself (checkWellFormedRecursion in parser/parse_cte.c). */

import { DeltatError, SqlState } from "../../errors.ts";
import { type Node, nodeLocation, type SelectStmt } from "../parse/ast.ts";
import { firstAggregate } from "./aggregate-calls.ts";

/** Where a reference stands that may not be there, in PostgreSQL's words. */
type Place = "its non-recursive term" | "a subquery" | "an outer join" | "INTERSECT" | "EXCEPT";

interface Reference {
  readonly location: number;
  /** null: where it may be. */
  readonly place: Place | null;
}

/**
 * Whether a query called `name` refers to itself. Throws 42P19 where it does so in another way than once in the second
 * part of a UNION; `location` is that of the whole query in WITH.
 */
export function refersToItself(
  select: SelectStmt,
  name: string,
  location: number,
  position: (location: number) => number,
): boolean {
  const isUnion = select.op === "SETOP_UNION";
  const first = isUnion ? referencesIn({ SelectStmt: select.larg ?? {} }, name, null) : [];
  const rest = referencesIn(isUnion ? { SelectStmt: select.rarg ?? {} } : { SelectStmt: select }, name, null);
  if (first.length === 0 && rest.length === 0) return false;
  const refuse = (message: string, at: number): DeltatError =>
    new DeltatError(SqlState.invalidRecursion, message, { position: position(at) });
  const to = `recursive reference to query "${name}"`;
  if (!isUnion) {
    const form = "non-recursive-term UNION [ALL] recursive-term";
    throw refuse(`recursive query "${name}" does not have the form ${form}`, location);
  }
  const [early] = first;
  if (early !== undefined) {
    throw refuse(`${to} must not appear within its non-recursive term`, early.location);
  }
  const misplaced = rest.find(({ place }) => place !== null);
  if (misplaced !== undefined) {
    throw refuse(`${to} must not appear within ${misplaced.place}`, misplaced.location);
  }
  const [, second] = rest;
  if (second !== undefined) throw refuse(`${to} must not appear more than once`, second.location);
  const aggregate = firstAggregate(select.rarg?.targetList);
  if (aggregate !== null) {
    const message = "aggregate functions are not allowed in a recursive query's recursive term";
    throw refuse(message, nodeLocation(aggregate));
  }
  return true;
}

function referencesIn(tree: unknown, name: string, place: Place | null): Reference[] {
  if (Array.isArray(tree)) return tree.flatMap((inner) => referencesIn(inner, name, place));
  if (typeof tree !== "object" || tree === null) return [];
  const node = tree as Node;
  if ("RangeVar" in node) {
    const { relname, schemaname, location = 0 } = node.RangeVar;
    return relname === name && schemaname === undefined ? [{ location, place }] : [];
  }
  if ("JoinExpr" in node) {
    const { jointype, larg, rarg, quals } = node.JoinExpr;
    const isOuter = (...types: readonly string[]) =>
      types.includes(jointype ?? "") ? "an outer join" : place;
    return [
      ...referencesIn(larg, name, isOuter("JOIN_RIGHT", "JOIN_FULL")),
      ...referencesIn(rarg, name, isOuter("JOIN_LEFT", "JOIN_FULL")),
      ...referencesIn(quals, name, place),
    ];
  }
  if ("SelectStmt" in node && isShadowed(node.SelectStmt, name)) return [];
  if ("SubLink" in node) return referencesIn(Object.values(node), name, "a subquery");
  if ("SelectStmt" in node) {
    const { op, larg, rarg } = node.SelectStmt;
    if (op === "SETOP_INTERSECT" || op === "SETOP_EXCEPT") {
      const within = op === "SETOP_INTERSECT" ? "INTERSECT" : "EXCEPT";
      return [larg, rarg].flatMap((side) => referencesIn({ SelectStmt: side ?? {} }, name, within));
    }
  }
  // The sides of a UNION are no nodes of their own in the tree.
  return Object.entries(tree).flatMap(([key, inner]) =>
    referencesIn(key === "larg" || key === "rarg" ? { SelectStmt: inner } : inner, name, place),
  );
}

/** Whether a query has another of this name in its own WITH. */
function isShadowed({ withClause }: SelectStmt, name: string): boolean {
  const ctes = withClause?.ctes ?? [];
  return ctes.some((cte) => "CommonTableExpr" in cte && cte.CommonTableExpr.ctename === name);
}
