/** What the simulator throws when the server has broken its contract. */

class ContractViolation extends Error {}

/** Throws a ContractViolation unless `holds`. */
export function check(holds: boolean, what: string | (() => string)): asserts holds {
  if (!holds) throw new ContractViolation(typeof what === "string" ? what : what());
}
