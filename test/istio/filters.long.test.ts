// Each filter under Istio without Kubernetes.

import { describe } from "vitest";
import { isMissing, needs } from "../support/tools.js";
import { testFilters } from "./support/filter-tests.js";
import { startShop } from "./support/shop.js";

describe.skipIf(isMissing("istio"))(`filters under Istio ${needs("istio")}`, () =>
  testFilters(() => startShop()),
);
