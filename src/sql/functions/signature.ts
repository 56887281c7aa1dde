/** How the tables of functions spell one function. */

import type { SessionContext } from "../session/session-context.ts";
import type { PgType } from "../values/types.ts";
import type { Value } from "../values/value.ts";

/** Types were checked when the call was compiled. `types` are those of the arguments. */
export type FunctionBody = (
  args: readonly Value[],
  session: SessionContext,
  types: readonly PgType[],
) => Value;

export interface SqlFunction {
  readonly name: string;
  readonly parameters: readonly PgType[];
  readonly result: PgType;
  /** Whether the last parameter stands for any number of arguments. */
  readonly isVariadic: boolean;
  /** Whether a NULL argument makes the result NULL without a call. */
  readonly isStrict: boolean;
  readonly body: FunctionBody;
  /** The result's type, where it follows from the arguments'; else it is `result`. */
  readonly resultOf?: (types: readonly PgType[]) => PgType;
}

export interface FunctionTraits {
  /** Default true. */
  readonly isStrict?: boolean;
  /** Default false. */
  readonly isVariadic?: boolean;
  readonly resultOf?: SqlFunction["resultOf"];
}

export function fn(
  name: string,
  parameters: readonly PgType[],
  result: PgType,
  body: FunctionBody,
  { isStrict = true, isVariadic = false, resultOf }: FunctionTraits = {},
): SqlFunction {
  const entry = { name, parameters, result, body, isStrict, isVariadic };
  return resultOf === undefined ? entry : { ...entry, resultOf };
}

export const text = (value: Value | undefined): string => String(value);
export const number = (value: Value | undefined): number => Number(value);
export const items = (value: Value | undefined): readonly Value[] => value as readonly Value[];
