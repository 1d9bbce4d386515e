// What an API server writes into a resource where a person wrote nothing. Sources: the `default:`
// lines of the CRDs of Gateway API 1.6; Istio's CRDs from 1.24 to 1.32 have none.

import type { Json } from "../../envoy/config/json.js";

type Defaults = Readonly<Record<string, Json>>;

const PARENT: Defaults = {
  "spec.parentRefs[].group": "gateway.networking.k8s.io",
  "spec.parentRefs[].kind": "Gateway",
};
const BACKEND: Defaults = {
  "spec.rules[].backendRefs[].group": "",
  "spec.rules[].backendRefs[].kind": "Service",
  "spec.rules[].backendRefs[].weight": 1,
};

/** By kind, then by the path of the key, with `[]` for every item of a list. */
export const DEFAULTS: Readonly<Record<string, Defaults>> = {
  HTTPRoute: {
    ...PARENT,
    ...BACKEND,
    "spec.rules[].matches[].headers[].type": "Exact",
    "spec.rules[].matches[].queryParams[].type": "Exact",
  },
  GRPCRoute: { ...PARENT, ...BACKEND, "spec.rules[].matches[].headers[].type": "Exact" },
};
