/**
 * The types of a statement's parameters: those the client declared, and those found by where a parameter stands
 * (`id = $1` makes $1 what id is). The first context that types a parameter decides, as in PostgreSQL.
 */

import { DeltatError, SqlState } from "../../errors.ts";
import { MAX_PARAMETERS } from "../../limits.ts";
import { type PgType, TEXT, typeByOid, UNKNOWN } from "../values/types.ts";

export class ParameterTypes {
  /** By parameter, $1 first; undefined: neither declared nor mentioned so far; UNKNOWN: mentioned, not yet typed. */
  private readonly types: (PgType | undefined)[];

  /** `declaredOids` are those of Parse: 0 leaves a type to be found. Throws 42704 for an OID that is no type here. */
  constructor(
    declaredOids: readonly number[] = [],
    private readonly areAllowed = true,
  ) {
    this.types = declaredOids.map((oid) => {
      if (oid === 0 || oid === UNKNOWN.oid) return undefined;
      const type = typeByOid(oid);
      if (type === undefined) {
        throw new DeltatError(SqlState.undefinedObject, `type with OID ${oid} does not exist`);
      }
      return type;
    });
  }

  /** The type of $`number` so far, UNKNOWN if nothing has typed it; from now on it counts as mentioned. */
  mention(number: number, position: number): PgType {
    if (number < 1 || number > MAX_PARAMETERS || !this.areAllowed) {
      throw new DeltatError(SqlState.undefinedParameter, `there is no parameter $${number}`, { position });
    }
    const type = this.types[number - 1] ?? UNKNOWN;
    this.types[number - 1] = type;
    return type;
  }

  /** Types $`number`; throws 42P08 if it has another type already. */
  resolve(number: number, type: PgType, position: number): void {
    const known = this.types[number - 1] ?? UNKNOWN;
    if (known !== UNKNOWN && known !== type) {
      throw new DeltatError(
        SqlState.ambiguousParameter,
        `inconsistent types deduced for parameter $${number}`,
        { detail: `${known.name} versus ${type.name}`, position },
      );
    }
    this.types[number - 1] = type;
  }

  /**
   * The OIDs of all parameters, once the whole statement is compiled. What no context has typed is text, as in
   * `SELECT $1`. Throws 42P18 for a parameter that the statement skips and nobody declared.
   */
  finish(): number[] {
    return Array.from(this.types, (type, index) => {
      if (type !== undefined) return type === UNKNOWN ? TEXT.oid : type.oid;
      throw new DeltatError(
        SqlState.indeterminateDatatype,
        `could not determine data type of parameter $${index + 1}`,
      );
    });
  }
}
