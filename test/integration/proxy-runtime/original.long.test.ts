// The same filters as in `proxy-runtime.test.ts`, on the package that they were written for. They
// must do on our runtime what they do there.

import { describe } from "vitest";
import { installSolo } from "../../bench/solo.js";
import { describeFiltersOn } from "./filters-on.js";
import { ORIGINAL } from "./modules.js";

/** The original and its compiler come from npm. */
const isAbsent = await installSolo().then(
  () => false,
  () => true,
);
const needs = isAbsent ? " (needs npm's registry, once)" : "";

describe.skipIf(isAbsent)(`filters on ${ORIGINAL} in stock Envoy${needs}`, () => describeFiltersOn(ORIGINAL));
