// Filters that were written for `@solo-io/proxy-runtime`, on our runtime in stock Envoy.
// `original.long.test.ts` shows that they do the same on the original.

import { describe } from "vitest";
import { describeFiltersOn } from "./filters-on.js";
import { OURS } from "./modules.js";

describe(`filters on ${OURS} in stock Envoy`, () => describeFiltersOn(OURS));
