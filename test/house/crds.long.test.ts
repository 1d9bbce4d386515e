// The schemas of Istio's resources are those that Istio's module has.

import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { crdSchemas, downloadCrds, ISTIO_API_RELEASES, schemasFile } from "../support/make-crd-schemas.js";
import { isMissing, needs } from "../support/tools.js";

describe.skipIf(isMissing("go"))(`test/support/crds ${needs("go")}`, () => {
  test.each(ISTIO_API_RELEASES)("Istio %s", (release) => {
    const made = JSON.parse(JSON.stringify(crdSchemas(downloadCrds(release))));
    expect(JSON.parse(readFileSync(schemasFile(release), "utf8"))).toEqual(made);
  });
});
