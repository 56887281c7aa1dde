/**
 * What a client may ask: each operation is plain data, so that a list of them can be cut down, and knows its SQL and,
 * from the contract alone, what the answer has to be on a given state.
 */

import type { HoldImage, ResourceImage, RuleImage } from "../../src/engine/command.ts";
import { formatId } from "../../src/id.ts";
import { bookingStatement } from "./booking-statements.ts";
import {
  holdId,
  holdRow,
  ofResource,
  placeAssignments,
  placed,
  placeText,
  quoted,
  read,
  resourceId,
  resourceRow,
  ruleId,
  type Statement,
  sorted,
  write,
} from "./statement-parts.ts";

/** Where a booking, a hold or a rule lies: `start` counts from the instant that the run calls its base. */
export interface Place {
  readonly resource: number;
  readonly start: number;
  readonly length: number;
}

export type Operation =
  | {
      readonly kind: "createResource";
      readonly id: number;
      readonly parent: number | null;
      readonly capacity: number;
      readonly buffer: number;
      readonly enforce: boolean | null;
    }
  | { readonly kind: "resize"; readonly id: number; readonly capacity: number; readonly buffer: number }
  | { readonly kind: "adopt"; readonly id: number; readonly parent: number | null }
  | { readonly kind: "deleteResource"; readonly id: number }
  | ({ readonly kind: "addRule"; readonly id: number; readonly blocking: boolean } & Place)
  | ({ readonly kind: "moveRule"; readonly id: number } & Place)
  | { readonly kind: "removeRule"; readonly id: number }
  | {
      readonly kind: "book";
      readonly rows: readonly ({ readonly id: number } & Place)[];
      /** What becomes of an id that is used. */
      readonly onConflict: "fail" | "skip" | "replace";
    }
  | {
      readonly kind: "copyIn";
      readonly rows: readonly ({ readonly id: number } & Place)[];
      readonly fails: boolean;
    }
  | ({ readonly kind: "move"; readonly id: number } & Place)
  | { readonly kind: "cancel"; readonly id: number }
  | ({
      readonly kind: "hold";
      readonly id: number;
      readonly ttlMs: number;
      /** One that is there lives as long instead. */
      readonly extends: boolean;
    } & Place)
  | ({ readonly kind: "changeHold"; readonly id: number; readonly ttlMs: number } & Place)
  | { readonly kind: "release"; readonly id: number }
  | { readonly kind: "confirm"; readonly booking: number; readonly hold: number }
  | { readonly kind: "bookings"; readonly resource: number; readonly copied: boolean }
  | { readonly kind: "holds"; readonly resource: number }
  | { readonly kind: "resources" }
  | {
      readonly kind: "availability";
      readonly resources: readonly number[];
      readonly from: number;
      readonly length: number;
      readonly minDuration: number;
      readonly minAvailable: number | null;
      /** Each resource by itself. */
      readonly perResource: boolean;
    };

/** @param base what `start` counts from; @param now what `ttlMs` counts from */
export function statementOf(operation: Operation, base: number, now: number): Statement {
  switch (operation.kind) {
    case "createResource":
    case "resize":
    case "adopt":
    case "deleteResource":
    case "resources":
      return resourceStatement(operation);
    case "addRule":
    case "moveRule":
    case "removeRule":
      return ruleStatement(operation, base);
    case "book":
    case "copyIn":
    case "move":
    case "cancel":
    case "confirm":
    case "bookings":
      return bookingStatement(operation, base);
    case "hold":
    case "changeHold":
    case "release":
    case "holds":
      return holdStatement(operation, base, now);
    case "availability":
      return availabilityStatement(operation, base);
  }
}

/** The operations of some kinds. */
export type Of<Kind extends Operation["kind"]> = Extract<Operation, { kind: Kind }>;

function resourceStatement(
  operation: Of<"createResource" | "resize" | "adopt" | "deleteResource" | "resources">,
): Statement {
  if (operation.kind === "resources") {
    return read("SELECT id, parent_id, capacity, buffer_after FROM resources ORDER BY id", (view) =>
      sorted([...view.resources.values()].map(resourceRow)),
    );
  }
  const id = resourceId(operation.id);
  const change = (text: string, changed: (row: ResourceImage) => ResourceImage) =>
    write(text, "UPDATE", (view) => {
      const row = view.resources.get(formatId(id));
      return row === undefined ? null : { kind: "updateResource", resource: changed(row) };
    });
  switch (operation.kind) {
    case "createResource": {
      const { capacity, buffer, enforce, parent } = operation;
      const parentId = parent === null ? null : resourceId(parent);
      const resource = { id, parentId, name: null, capacity, bufferAfterMs: buffer, enforceRules: enforce };
      const parentText = parentId === null ? "NULL" : quoted(parentId);
      const text =
        "INSERT INTO resources (id, parent_id, capacity, buffer_after, enforce_rules) VALUES " +
        `(${quoted(id)}, ${parentText}, ${capacity}, ${buffer}, ${enforce === null ? "NULL" : enforce})`;
      return write(text, "INSERT 0", () => ({ kind: "createResource", resource }));
    }
    case "resize": {
      const { capacity, buffer } = operation;
      const text = `UPDATE resources SET capacity = ${capacity}, buffer_after = ${buffer} WHERE id = ${quoted(id)}`;
      return change(text, (row) => ({ ...row, capacity, bufferAfterMs: buffer }));
    }
    case "adopt": {
      const parentId = operation.parent === null ? null : resourceId(operation.parent);
      const parentText = parentId === null ? "NULL" : quoted(parentId);
      const text = `UPDATE resources SET parent_id = ${parentText} WHERE id = ${quoted(id)}`;
      return change(text, (row) => ({ ...row, parentId }));
    }
    case "deleteResource":
      return write(`DELETE FROM resources WHERE id = ${quoted(id)}`, "DELETE", (view) =>
        view.resources.has(formatId(id)) ? { kind: "deleteResource", id } : null,
      );
  }
}

function ruleStatement(operation: Of<"addRule" | "moveRule" | "removeRule">, base: number): Statement {
  const id = ruleId(operation.id);
  if (operation.kind === "removeRule") {
    return write(`DELETE FROM rules WHERE id = ${quoted(id)}`, "DELETE", (view) =>
      view.rules.has(formatId(id)) ? { kind: "removeRule", id } : null,
    );
  }
  const place = placed(operation, base);
  if (operation.kind === "addRule") {
    const { blocking } = operation;
    const rule: RuleImage = { id, blocking, ...place };
    const text =
      'INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ' +
      `(${quoted(id)}, ${placeText(place)}, ${blocking})`;
    return write(text, "INSERT 0", () => ({ kind: "addRule", rule }));
  }
  const text = `UPDATE rules SET ${placeAssignments(place)} WHERE id = ${quoted(id)}`;
  return write(text, "UPDATE", (view) => {
    const row = view.rules.get(formatId(id));
    return row === undefined ? null : { kind: "updateRule", rule: { ...row, ...place } };
  });
}

function holdStatement(
  operation: Of<"hold" | "changeHold" | "release" | "holds">,
  base: number,
  now: number,
): Statement {
  if (operation.kind === "holds") {
    const resource = formatId(resourceId(operation.resource));
    return read(
      `SELECT id, start, "end", expires_at FROM holds WHERE resource_id = '${resource}' ORDER BY id`,
      (view) => sorted(ofResource(view.holds.values(), resource).map(holdRow)),
    );
  }
  const id = holdId(operation.id);
  if (operation.kind === "release") {
    return write(`DELETE FROM holds WHERE id = ${quoted(id)}`, "DELETE", (view) =>
      view.holds.has(formatId(id)) ? { kind: "releaseHold", id } : null,
    );
  }
  const place = placed(operation, base);
  const expiresAt = now + operation.ttlMs;
  if (operation.kind === "hold") {
    const hold: HoldImage = { id, expiresAt, ...place };
    const conflict = operation.extends
      ? " ON CONFLICT (id) DO UPDATE SET expires_at = EXCLUDED.expires_at"
      : "";
    const text =
      'INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ' +
      `(${quoted(id)}, ${placeText(place)}, ${expiresAt})${conflict}`;
    return write(text, "INSERT 0", (view) => {
      const row = operation.extends ? view.holds.get(formatId(id)) : undefined;
      return row === undefined
        ? { kind: "placeHold", hold }
        : { kind: "changeHold", hold: { ...row, expiresAt } };
    });
  }
  const text = `UPDATE holds SET ${placeAssignments(place)}, expires_at = ${expiresAt} WHERE id = ${quoted(id)}`;
  return write(text, "UPDATE", (view) => {
    const row = view.holds.get(formatId(id));
    return row === undefined ? null : { kind: "changeHold", hold: { ...row, ...place, expiresAt } };
  });
}

function availabilityStatement(operation: Of<"availability">, base: number): Statement {
  const { minDuration, minAvailable, perResource } = operation;
  const ids = [...new Set(operation.resources)].map(resourceId);
  const only = ids.length === 1 && minAvailable === null ? (ids[0] ?? null) : null;
  const from = base + operation.from;
  const to = from + operation.length;
  const filters = [
    only === null ? `resource_id IN (${ids.map(quoted).join(", ")})` : `resource_id = ${quoted(only)}`,
    `start >= ${from}`,
    `"end" <= ${to}`,
    ...(minDuration > 0 ? [`min_duration = ${minDuration}`] : []),
    ...(perResource ? ["per_resource = true"] : []),
    ...(perResource || minAvailable === null ? [] : [`min_available = ${minAvailable}`]),
  ];
  const text = `SELECT resource_id, start, "end" FROM availability WHERE ${filters.join(" AND ")}`;
  if (!perResource) {
    return read(text, (view) =>
      view
        .availability(ids, from, to, minDuration, minAvailable ?? ids.length)
        .map((run) => `${only === null ? "" : formatId(only)}|${run.start}|${run.end}`),
    );
  }
  return read(`${text} ORDER BY resource_id, start`, (view) =>
    ids
      .map((id) => ({ id, shown: formatId(id) }))
      .sort((a, b) => (a.shown < b.shown ? -1 : 1))
      .flatMap(({ id, shown }) =>
        view.availability([id], from, to, minDuration, 1).map((run) => `${shown}|${run.start}|${run.end}`),
      ),
  );
}
