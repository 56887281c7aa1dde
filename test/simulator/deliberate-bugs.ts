/**
 * Bugs that are put into the server on purpose, one at a time, to see that the simulator finds them. None of them is known
 * to the server: they stand between it and the disk, or in the place of one of its functions while a run lasts.
 */

import { Tenant } from "../../src/tenants/tenant.ts";
import type { DeliberateBug } from "./deliberate-bug.ts";

/** Puts another property in the place of one of a prototype's; returns what puts it back. */
function replaced(prototype: object, name: string, property: PropertyDescriptor): () => void {
  const before = Object.getOwnPropertyDescriptor(prototype, name);
  if (before === undefined) throw new Error(`there is no ${name} to replace`);
  Object.defineProperty(prototype, name, { ...property, configurable: true });
  return () => {
    Object.defineProperty(prototype, name, before);
  };
}

export const DELIBERATE_BUGS: readonly DeliberateBug[] = [
  {
    name: "acknowledge-before-sync",
    patch: () =>
      replaced(Tenant.prototype, "durableLsn", {
        get(this: Tenant) {
          return this.appendedLsn;
        },
      }),
  },
];
