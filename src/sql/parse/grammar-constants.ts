/** Constants that the grammar puts into SET, BEGIN and their like, read when the statement is planned. */

import type { Node } from "./ast.ts";
import { notSupported } from "./unsupported.ts";

/** A constant as the text that SET would store. Throws 0A000 for anything that is none. */
export function constantText(node: Node): string {
  if (!("A_Const" in node)) throw notSupported("an expression here", "Write a constant.");
  const constant = node.A_Const;
  if (constant.ival !== undefined) return String(constant.ival.ival ?? 0);
  if (constant.fval !== undefined) return constant.fval.fval ?? "0";
  if (constant.boolval !== undefined) return constant.boolval.boolval === true ? "on" : "off";
  if (constant.sval !== undefined) return constant.sval.sval ?? "";
  throw notSupported("this kind of constant here");
}
