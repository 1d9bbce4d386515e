// The circuits of the filter circuit-breaker: what trips them, and what an open one does.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario } from "../scenario.js";

const BAD: UpstreamResponse = { status: 503, headers: [["x-bad", "1"]], body: "bad" };
const GOOD: UpstreamResponse = { headers: [["x-good", "1"]], body: "good" };
/** A circuit that stays open until the scenario ends; chance does not change the answer. */
const STAYS = { trip: { consecutive: 2 }, open: { sleep: "1h", maxSleep: "1h", jitter: 0 } };

const times = (count: number, request: ClientRequest = {}) => new Array<ClientRequest>(count).fill(request);
const tenant = (name: string): ClientRequest => ({ headers: [["x-tenant", name]] });
const grpc: ClientRequest = {
  method: "POST",
  headers: [
    ["content-type", "application/grpc"],
    ["te", "trailers"],
  ],
  body: "\0\0\0\0\0",
};

interface Circuit extends Partial<Scenario> {
  readonly rules?: readonly object[];
  readonly options?: object;
}

function circuit(name: string, fields: object, answers: readonly UpstreamResponse[], more: Circuit = {}) {
  const { rules = [{}], options, ...rest } = more;
  const named = rules.map((rule, i) => ({ name: `r${i}{id}`, ...STAYS, ...fields, ...rule }));
  const configuration = { explainHeader: "x-circuit", ...options, rules: named } as unknown as Json;
  const scenario: Scenario = {
    name: `circuit-breaker: ${name}`,
    filters: [
      probe("first"),
      { name: "circuits", module: "circuit-breaker", vmId: "circuits", configuration },
      probe("last"),
    ],
    answers: { upstream: answers },
    requests: times(4),
    ...rest,
  };
  return scenario;
}

/** An answer whose time to come back depends on when it is given has none. */
const ANSWERS_200 = { answer: { status: 200, body: "[]", contentType: "application/json" } };

export const CIRCUIT_BREAKER: readonly Scenario[] = [
  circuit("no rules", {}, [BAD], { rules: [] }),
  circuit("two failures", ANSWERS_200, [BAD]),
  circuit("a success in between", ANSWERS_200, [BAD, GOOD, BAD, BAD, GOOD], { requests: times(6) }),
  circuit("evidence", { trip: { evidence: {} }, ...ANSWERS_200 }, [BAD], { requests: times(8) }),
  circuit("a rate", { trip: { rate: { minRequests: 3 } }, ...ANSWERS_200 }, [GOOD, BAD, BAD], {
    requests: times(5),
  }),
  circuit("statuses that do not count", ANSWERS_200, [{ status: 429 }, { status: 404 }]),
  circuit("a status that is named", { failures: { statuses: [404] }, ...ANSWERS_200 }, [{ status: 404 }]),
  circuit("a reset", ANSWERS_200, [{ fault: "reset" }]),
  circuit("each tenant", { key: [{ header: "x-tenant" }], ...ANSWERS_200 }, [BAD, BAD, GOOD], {
    requests: [tenant("a"), tenant("a"), tenant("a"), tenant("b"), {}],
  }),
  circuit("nobody is skipped", { key: [{ header: "x-tenant" }], missing: "skip" }, [BAD]),
  circuit("another destination", { destination: "other" }, [BAD], {
    answers: { upstream: [BAD], other: [GOOD] },
  }),
  circuit("a shadow", { shadow: true }, [BAD]),
  circuit("a shadow before a rule", ANSWERS_200, [BAD], {
    rules: [{ shadow: true, trip: { consecutive: 1 } }, {}],
  }),
  circuit("forced open", { force: "open" }, [GOOD], { requests: [{}, grpc, { method: "HEAD" }] }),
  circuit("forced closed", { force: "closed" }, [BAD]),
  circuit("calls", ANSWERS_200, [{ headers: [["grpc-status", "14"]] }], {
    requests: times(3, grpc),
  }),
];
