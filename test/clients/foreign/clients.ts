/** The clients that `bun run test:clients` knows, in the order in which they run. */

import type { ForeignClient } from "./foreign-client.ts";
import { go } from "./go.ts";
import { java } from "./java.ts";
import { javascript } from "./javascript.ts";
import { pgbouncer } from "./pgbouncer.ts";
import { python } from "./python.ts";
import { rust } from "./rust.ts";

export const CLIENTS: readonly ForeignClient[] = [python, javascript, go, java, rust, pgbouncer];
