/** All functions that a statement may call, by name. */

import { CATALOG_FUNCTIONS } from "../catalog/catalog-functions.ts";
import { NAME_FUNCTIONS } from "../catalog/name-functions.ts";
import { JSON_FUNCTIONS } from "../json/functions.ts";
import { TIME_FUNCTIONS } from "../time/functions.ts";
import { ANY_FUNCTIONS } from "./any-functions.ts";
import { ARRAY_FUNCTIONS } from "./arrays.ts";
import { NUMBER_FUNCTIONS } from "./numbers.ts";
import { REGEX_FUNCTIONS } from "./regex-functions.ts";
import { SERVER_FUNCTIONS } from "./server.ts";
import type { SqlFunction } from "./signature.ts";
import { TEXT_FUNCTIONS } from "./text.ts";

const byName = Map.groupBy(
  [
    ...SERVER_FUNCTIONS,
    ...TEXT_FUNCTIONS,
    ...NUMBER_FUNCTIONS,
    ...REGEX_FUNCTIONS,
    ...JSON_FUNCTIONS,
    ...TIME_FUNCTIONS,
    ...ARRAY_FUNCTIONS,
    ...ANY_FUNCTIONS,
    ...CATALOG_FUNCTIONS,
    ...NAME_FUNCTIONS,
  ],
  ({ name }) => name,
);

/** The functions of this name; empty if there is none. */
export function functionsNamed(name: string): readonly SqlFunction[] {
  return byName.get(name) ?? [];
}
