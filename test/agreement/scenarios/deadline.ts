// What the filter deadline tells and refuses, in a listener's chain and in a cluster's.

import type { Json } from "../../../envoy/config/json.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { probe, type Scenario, type ScenarioFilter } from "../scenario.js";

const GOOD: UpstreamResponse = { headers: [["x-good", "1"]], body: "good" };
const BAD: UpstreamResponse = { status: 503, body: "bad" };
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

function filter(name: string, fields: object, more: object = {}): ScenarioFilter {
  const configuration = {
    header: { trusted: true },
    explainHeader: `x-${name}`,
    rules: [{ name: "d{id}", ...fields }],
    ...more,
  } as unknown as Json;
  return { name, module: "deadline", vmId: "deadline", configuration };
}

function scenario(
  name: string,
  fields: object,
  requests: readonly ClientRequest[] = [{}],
  more: Partial<Scenario> & { readonly options?: object } = {},
): Scenario {
  const { options, ...rest } = more;
  return {
    name: `deadline: ${name}`,
    filters: [probe("first"), filter("deadline", fields, options), probe("last")],
    upstreamFilters: [probe("up", { qh: "get 0 x-request-timeout-ms" })],
    answers: { upstream: [GOOD] },
    requests,
    ...rest,
  };
}

/** In the cluster's chain alone: what a request brings is counted from its start there. */
const upstream = (name: string, fields: object, requests: readonly ClientRequest[], answers = [GOOD]) =>
  scenario(`upstream, ${name}`, {}, requests, {
    filters: [probe("down")],
    upstreamFilters: [probe("first"), filter("attempt", fields, { where: "upstream" }), probe("last")],
    answers: { upstream: answers },
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 1 } },
  });

const brings = (...headers: HeaderList): ClientRequest => ({ headers });
const left = (value: string): ClientRequest => brings(["x-request-timeout-ms", value]);
const grpc = (...headers: HeaderList): ClientRequest => ({
  method: "POST",
  headers: [["content-type", "application/grpc"], ["te", "trailers"], ...headers],
  body: "\0\0\0\0\0",
});
const POST: ClientRequest = { ...left("0"), method: "POST", body: ["one", "two"] };

export const DEADLINE: readonly Scenario[] = [
  scenario("none", {}, [{}, left("soon"), left("-1"), brings(["grpc-timeout", "123456789m"])]),
  scenario("as it is brought", {}, [left("9000"), grpc(["grpc-timeout", "9S"])]),
  scenario("the rule's", { default: "9s" }, [{}, grpc(), left("8000")]),
  scenario("shortened", { max: "8s", margin: "5ms", perTry: "2s" }, [left("9000"), left("100")]),
  scenario("too late", { margin: "1s" }, [left("0"), left("1000"), POST, grpc(["grpc-timeout", "1S"])]),
  scenario("a shadow", { shadow: true, default: "9s" }, [{}, left("0")]),
  scenario("not trusted", { default: "9s" }, [left("1")], { options: { header: {} } }),
  scenario("not trusted, and none", {}, [left("1")], { options: { header: {} } }),
  scenario("somebody else's explanation", {}, [{}], {
    answers: { upstream: [{ ...GOOD, headers: [["x-deadline", "forged"]] }] },
  }),
  scenario("what another filter has told the router", { default: "9s" }, [{}], {
    filters: [probe("first", { qh: "add 0 x-envoy-upstream-rq-timeout-ms 5000" }), filter("deadline", {})],
  }),
  scenario("two in one chain", { max: "5s" }, [left("9000")], {
    filters: [filter("deadline", { max: "5s" }), filter("second", { max: "2s" }), probe("last")],
  }),
  scenario("the router gives up", { max: "100ms" }, [left("9000")], {
    answers: { upstream: [{ fault: "never" }] },
  }),
  scenario("a trace, answered", {}, [brings(["traceparent", TRACE], ["x-request-timeout-ms", "9000"])], {
    options: { trace: "inbound" },
  }),
  scenario("a trace that nobody knows", { default: "8s" }, [brings(["traceparent", TRACE])], {
    options: { trace: "outbound" },
  }),
  upstream("the rule's", { default: "9s" }, [{}, grpc()]),
  upstream("none", {}, [{}, left("soon")]),
  upstream("too late", {}, [left("0"), POST, grpc(["grpc-timeout", "0m"])]),
  upstream("a shadow", { shadow: true, default: "9s" }, [{}, left("0")], [BAD, GOOD]),
];
