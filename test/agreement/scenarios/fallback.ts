// The kept answers of the filter fallback: which are kept, and in place of what one is served.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario, type ScenarioFilter } from "../scenario.js";

const BAD: UpstreamResponse = { status: 503, headers: [["x-bad", "1"]], body: "bad" };
const GOOD: UpstreamResponse = {
  headers: [
    ["content-type", "application/json"],
    ["x-good", "1"],
    ["x-good", "2"],
  ],
  body: "[1]",
};

const good = (...headers: HeaderList): UpstreamResponse => ({ ...GOOD, headers });
const times = (count: number, request: ClientRequest = {}) => new Array<ClientRequest>(count).fill(request);
const get = (path: string, ...headers: HeaderList): ClientRequest => ({ path, headers });

/** A good answer, and then what the upstream answers. */
function kept(
  name: string,
  fields: object,
  answers: readonly UpstreamResponse[],
  more: Partial<Scenario> & { readonly behind?: readonly ScenarioFilter[]; readonly before?: object } = {},
): Scenario {
  const { behind = [], before, ...rest } = more;
  const rules = [...(before === undefined ? [] : [before]), fields];
  const named = rules.map((rule, i) => ({ name: `f${i}{id}`, ...rule }));
  const configuration = { explainHeader: "x-fallback", rules: named } as unknown as Json;
  return {
    name: `fallback: ${name}`,
    filters: [
      probe("first"),
      { name: "kept", module: "fallback", vmId: "kept", configuration },
      ...behind,
      probe("last"),
    ],
    answers: { upstream: answers },
    requests: times(2),
    ...rest,
  };
}

const circuit: ScenarioFilter = {
  name: "behind",
  module: "circuit-breaker",
  configuration: {
    rules: [{ name: "c{id}", match: { headers: [{ name: "x-open", present: true }] }, force: "open" }],
  },
};

export const FALLBACK: readonly Scenario[] = [
  kept("an upstream that fails", {}, [GOOD, BAD]),
  kept("an upstream that fails at once", {}, [BAD]),
  kept("a reset", {}, [GOOD, { fault: "reset" }]),
  kept("a timeout", {}, [GOOD, { fault: "never" }], { routeOptions: { timeoutSeconds: 0.3 } }),
  kept("a body in pieces", {}, [{ ...GOOD, body: ["[1,", "2,", "3]"] }, BAD]),
  kept("no body", {}, [{ headers: [["x-good", "1"]] }, BAD]),
  kept("half a body", {}, [{ ...GOOD, body: ["[1,", "2]"], fault: "reset-in-body" }, BAD]),
  kept("trailers", {}, [{ ...GOOD, trailers: [["x-end", "1"]] }, BAD]),
  kept("a body that is too large", { keep: { maxBody: 2 } }, [GOOD, BAD]),
  kept("a body as large as allowed", { keep: { maxBody: 3 } }, [GOOD, BAD]),
  kept("a cookie in the answer", {}, [good(["set-cookie", "a=1"]), BAD]),
  kept("a cookie in the answer, despite", { keep: { despite: ["setCookie"] } }, [
    good(["set-cookie", "a=1"]),
    BAD,
  ]),
  kept("no-store", {}, [good(["cache-control", "no-store"]), BAD]),
  kept("an age that is too high", {}, [
    good(["cache-control", "max-age=5, stale-if-error=5"], ["age", "11"]),
    BAD,
  ]),
  kept(
    "another language",
    { key: [{ header: "accept-language" }] },
    [good(["vary", "Accept-Language"]), BAD],
    {
      requests: [
        get("/", ["accept-language", "de"]),
        get("/", ["accept-language", "de"]),
        get("/", ["accept-language", "fr"]),
      ],
    },
  ),
  kept("an encoding", {}, [good(["content-encoding", "x-none"]), BAD], {
    requests: [get("/", ["accept-encoding", "x-none"]), get("/", ["accept-encoding", "x-none"]), get("/")],
  }),
  kept("parameters that count, and others", { key: [{ query: "page" }] }, [GOOD, BAD], {
    requests: [get("/?page=1&session=a"), get("/?session=b&page=%31"), get("/?page=2")],
  }),
  kept("a whole query", {}, [GOOD, BAD], { requests: [get("/?a"), get("/?b"), get("/?a")] }),
  kept("requests of other kinds", {}, [GOOD, BAD], {
    requests: [
      {},
      { method: "HEAD" },
      { method: "POST", body: "x" },
      get("/", ["cookie", "a=1"]),
      get("/", ["range", "bytes=0-1"]),
      get("/", ["cache-control", "no-store"]),
    ],
  }),
  kept("an open circuit", {}, [GOOD], {
    behind: [circuit],
    requests: [{}, get("/", ["x-open", "1"]), get("/other", ["x-open", "1"])],
  }),
  kept("statuses that are named", { keep: { statuses: [404] }, serve: { statuses: [429] } }, [
    { status: 404, body: "none" },
    { status: 429 },
  ]),
  kept("a shadow", { shadow: true }, [GOOD, BAD]),
  kept("a shadow before a rule", {}, [GOOD, BAD], { before: { shadow: true } }),
];
