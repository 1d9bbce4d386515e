// The resource of a filter that an EnvoyFilter adds.

import { expect, test } from "vitest";
import type { Json } from "../../envoy/config/json.js";
import { catalogUse } from "../../test/support/catalog-use.js";
import { SAMPLE_DIGEST } from "../../test/support/render-istio.js";
import { addExtension } from "./extension.js";

/** A module of eight bytes: what it does is not looked at. */
const EMPTY = new WebAssembly.Module(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0));
const FAILURE = { strategy: "FAIL_RELOAD", minor: undefined } as const;
const IMAGE = {
  url: `oci://registry.example/deadline@${SAMPLE_DIGEST}`,
  digest: SAMPLE_DIGEST,
  module: EMPTY,
};

/** The `vm_id` of the filter with these settings. */
function vmIdOf(config: Json): unknown {
  const use = catalogUse("deadline", config);
  const filter = { use, config: use.config, image: IMAGE, place: "mesh.yaml:1:1" };
  const text = JSON.stringify(addExtension("shop.orders.1.deadline", filter, FAILURE));
  return /"vm_id":"([^"]*)"/.exec(text)?.[1];
}

test("a filter that shares data has the vm_id of Istio's plugins, and any other one its own", () => {
  expect(vmIdOf({ trace: "outbound" })).toBe("");
  expect(vmIdOf({})).toBe("shop.orders.1.deadline");
});
