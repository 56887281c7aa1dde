/** A bug that is put into the server on purpose, to see that the simulator finds it. */

import type { Plumbing } from "./server-life.ts";

export interface DeliberateBug {
  readonly name: string;
  /** Stands between the server and the disk. */
  readonly plumb?: (plumbing: Plumbing) => Plumbing;
  /** Puts other functions in the place of the server's; what it returns puts them back. */
  readonly patch?: () => () => void;
}
