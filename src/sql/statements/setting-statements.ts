/** SET, RESET, SHOW, DISCARD and SET TRANSACTION. */

import { DeltatError, SqlState } from "../../errors.ts";
import { controlPlan, type Execution, outputColumn, type Plan } from "../execution.ts";
import type { DiscardStmt, Node, VariableSetStmt, VariableShowStmt } from "../parse/ast.ts";
import { constantText } from "../parse/grammar-constants.ts";
import { notSupported, refuseOtherFields } from "../parse/unsupported.ts";
import { expandFormats, RowWriter } from "../rows/row-writer.ts";
import { requireSetting } from "../session/setting-definitions.ts";
import { applyModes, transactionModes } from "../session/transaction-modes.ts";
import { formatInterval, parseInterval } from "../time/interval.ts";
import { offsetZoneName } from "../time/time-zone.ts";
import { TEXT } from "../values/types.ts";

const SET_FIELDS = new Set(["kind", "name", "args", "jumble_args", "is_local", "location"]);

/** Settings that stand for what this server does not do. */
const REFUSED_SETTINGS: ReadonlyMap<string, string> = new Map([
  ["session_authorization", "SET SESSION AUTHORIZATION"],
  ["role", "SET ROLE"],
]);

/** A day: no place has more. PostgreSQL would take a week. */
const MOST_ZONE_SECONDS = 86_400;

export function planSet(node: VariableSetStmt): Plan {
  refuseOtherFields(node, SET_FIELDS);
  const name = node.name ?? "";
  const local = node.is_local === true;
  switch (node.kind) {
    case "VAR_SET_VALUE": {
      const refused = REFUSED_SETTINGS.get(name.toLowerCase());
      if (refused !== undefined && !isNoChange(node.args ?? [])) throw notSupported(refused);
      if (refused !== undefined) return controlPlan("SET", () => "SET");
      const value = settingValue(name, node.args ?? []);
      return setPlan("SET", local, (execution) => {
        execution.session.setSetting(name, value, local);
      });
    }
    case "VAR_SET_DEFAULT":
      if (REFUSED_SETTINGS.has(name.toLowerCase())) return controlPlan("SET", () => "SET");
      return setPlan("SET", local, (execution) => execution.session.settings.reset(name, local));
    case "VAR_RESET":
      if (REFUSED_SETTINGS.has(name.toLowerCase())) return controlPlan("RESET", () => "RESET");
      return setPlan("RESET", false, (execution) => execution.session.settings.reset(name, false));
    case "VAR_RESET_ALL":
      return setPlan("RESET", false, (execution) => execution.session.settings.resetAll());
    case "VAR_SET_MULTI":
      return planSetTransaction(name, node.args ?? []);
    default:
      throw notSupported("SET … FROM CURRENT");
  }
}

function setPlan(tag: string, local: boolean, change: (execution: Execution) => void): Plan {
  return controlPlan(tag, (execution) => {
    const { session } = execution;
    if (local && !session.inBlock) {
      session.warn(SqlState.noActiveSqlTransaction, "SET LOCAL can only be used in transaction blocks");
    }
    change(execution);
    return tag;
  });
}

/** SET ROLE NONE and the like ask for what is so anyway. */
function isNoChange(args: readonly Node[]): boolean {
  const [only] = args;
  return only !== undefined && ["none", "default"].includes(constantText(only).toLowerCase());
}

/** SET TIME ZONE INTERVAL '…': a fixed offset. Throws 22007, 22023. */
function zoneOfInterval(text: string): string {
  const interval = parseInterval(text);
  const refused = (detail: string): DeltatError =>
    new DeltatError(
      SqlState.invalidParameterValue,
      `invalid value for parameter "TimeZone": "INTERVAL '${formatInterval(interval)}'"`,
      { detail },
    );
  if (interval.months !== 0) throw refused("Cannot specify months in time zone interval.");
  if (interval.days !== 0) throw refused("Cannot specify days in time zone interval.");
  const seconds = Math.trunc(Number(interval.micros) / 1_000_000);
  if (Math.abs(seconds) >= MOST_ZONE_SECONDS) throw refused("UTC timezone offset is out of range.");
  return offsetZoneName(seconds);
}

/** Several values only mean something to a setting that is a list. */
function settingValue(name: string, args: readonly Node[]): string {
  const texts = args.map((arg) => {
    if (!("TypeCast" in arg)) return constantText(arg);
    const { arg: interval } = arg.TypeCast;
    if (interval === undefined || name.toLowerCase() !== "timezone") {
      throw notSupported(`SET ${name} to an interval`);
    }
    return zoneOfInterval(constantText(interval));
  });
  if (texts.length > 1 && !["search_path", "datestyle"].includes(name.toLowerCase())) {
    throw new DeltatError(SqlState.invalidParameterValue, `SET ${name} takes only one argument`);
  }
  return texts.join(", ");
}

/** SET TRANSACTION … and SET SESSION CHARACTERISTICS AS TRANSACTION …. */
function planSetTransaction(name: string, args: readonly Node[]): Plan {
  if (name === "TRANSACTION SNAPSHOT") throw notSupported("SET TRANSACTION SNAPSHOT");
  const modes = transactionModes(args);
  if (name === "SESSION CHARACTERISTICS") {
    return controlPlan("SET", ({ session }) => {
      applyModes(session.settings, modes, "session");
      return "SET";
    });
  }
  return controlPlan("SET", ({ session }) => {
    if (!session.inBlock) {
      session.warn(SqlState.noActiveSqlTransaction, "SET TRANSACTION can only be used in transaction blocks");
    }
    session.setTransactionModes(modes);
    return "SET";
  });
}

export function planShow(node: VariableShowStmt): Plan {
  const name = node.name ?? "";
  if (name.toLowerCase() === "all") return planShowAll();
  const shown = SHOWN_AS.get(name.toLowerCase()) ?? requireSetting(name).name;
  return {
    ...controlPlan("SHOW", (execution) => {
      const out = textRows(execution, 1);
      out.beginRow(1);
      out.text(execution.session.settings.get(shown));
      out.endRow();
      return "SHOW";
    }),
    columns: [outputColumn(shown, TEXT)],
  };
}

/** What the grammar lets SHOW call by other words. */
const SHOWN_AS: ReadonlyMap<string, string> = new Map([
  ["timezone", "TimeZone"],
  ["transaction_isolation", "transaction_isolation"],
]);

function planShowAll(): Plan {
  return {
    ...controlPlan("SHOW", (execution) => {
      const out = textRows(execution, 3);
      for (const fields of execution.session.settings.all()) {
        out.beginRow(3);
        for (const field of fields) out.text(field);
        out.endRow();
      }
      return "SHOW";
    }),
    columns: ["name", "setting", "description"].map((column) => outputColumn(column, TEXT)),
  };
}

function textRows(execution: Execution, columnCount: number): RowWriter {
  const types = new Array(columnCount).fill(TEXT);
  return new RowWriter(execution.out, types, expandFormats(execution.formats, columnCount));
}

export function planDiscard(node: DiscardStmt): Plan {
  if (node.target !== "DISCARD_ALL") {
    // Nothing of the kind exists: no plans that belong to a session, no sequences, no temporary tables.
    const tag = `DISCARD ${(node.target ?? "").replace("DISCARD_", "")}`;
    return controlPlan(tag, () => tag);
  }
  return controlPlan("DISCARD ALL", ({ session }) => {
    if (session.inBlock) {
      throw new DeltatError(
        SqlState.activeSqlTransaction,
        "DISCARD ALL cannot run inside a transaction block",
      );
    }
    session.settings.resetAll();
    session.unlisten(null);
    session.prepared.clear();
    session.portals.closeAll();
    return "DISCARD ALL";
  });
}
