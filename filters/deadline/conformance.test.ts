// The suite that every filter passes, run on deadline.

import { describeFilter } from "../../kit/conformance/filter.js";

/** A configuration with one rule, which believes the header. */
const one = (fields: object = {}, more: object = {}) => ({
  header: { trusted: true },
  rules: [{ name: "one", ...fields }],
  ...more,
});
const upstream = (fields: object = {}) => ({ where: "upstream", ...one(fields) });

const RULE = "rules[0]";
const TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const left = (value: string): readonly [string, string] => ["x-request-timeout-ms", value];
const GRPC: readonly [string, string] = ["content-type", "application/grpc"];
/** A moment that has passed, and one that is far away. */
const PAST = 1;
const FAR = Number.MAX_SAFE_INTEGER;
const MOMENT = "meshwright.deadline.1";

describeFilter("deadline", {
  accepted: [
    {},
    { where: "downstream" },
    { where: "upstream", explainHeader: "x-deadline" },
    { header: {} },
    { header: { name: "x-budget", trusted: true } },
    { header: { name: "x-envoy-expected-rq-timeout-ms", trusted: false } },
    { trace: "inbound", explainProperty: "mesh" },
    { trace: "outbound", explainHeader: "x-deadline", ...one({ default: "1s" }) },
    one({ default: "1ms", max: "1ms", margin: "0ms", perTry: "1ms" }),
    one({ default: "1h", max: "1h", margin: "10s", perTry: "1h" }),
    one({ default: "1h" }),
    one({ match: { path: { prefix: "/pricing" } }, share: { percentage: 50, key: { traceId: true } } }),
    one({ shadow: true, max: "1.5s" }),
    upstream({ default: "2s", max: "3s", margin: "5ms" }),
    {
      rules: [
        { name: "shadow", shadow: true, default: "10ms" },
        { name: "vip", match: { headers: [{ name: "x-user-group", exact: "vip" }] }, max: "50ms" },
        { name: "rest" },
      ],
    },
  ],
  refused: [
    [null, "configuration"],
    [[], "configuration"],
    [{ rule: [] }, "rule"],
    [{ where: "both" }, "where"],
    [{ where: null }, "where"],
    [{ header: "x-budget" }, "header"],
    [{ header: { name: "X-Budget" } }, "header.name"],
    [{ header: { name: "content-length" } }, "header.name"],
    [{ header: { name: "grpc-timeout" } }, "header.name"],
    [{ header: { name: "x-envoy-upstream-rq-timeout-ms" } }, "header.name"],
    [{ header: { name: "x-envoy-upstream-rq-per-try-timeout-ms" } }, "header.name"],
    [{ header: { name: "" } }, "header.name"],
    [{ header: { trusted: "yes" } }, "header.trusted"],
    [{ header: { trust: true } }, "header.trust"],
    [{ trace: true }, "trace"],
    [{ trace: "both" }, "trace"],
    [{ where: "upstream", trace: "inbound" }, "trace"],
    [{ explainHeader: "a\r\nb" }, "explainHeader"],
    [{ explainHeader: "content-length" }, "explainHeader"],
    [{ explainProperty: "request" }, "explainProperty"],
    [{ rules: [] }, "rules"],
    [{ rules: {} }, "rules"],
    [{ rules: Array.from({ length: 101 }, (_, i) => ({ name: `r${i}` })) }, "rules"],
    [{ rules: [{ name: "a" }, { name: "a" }] }, "rules"],
    [{ rules: [{}] }, `${RULE}.name`],
    [one({ match: null }), `${RULE}.match`],
    [one({ share: { percentage: 101 } }), `${RULE}.share.percentage`],
    [one({ shadow: 1 }), `${RULE}.shadow`],
    [one({ timeout: "1s" }), `${RULE}.timeout`],
    [one({ default: "0ms" }), `${RULE}.default`],
    [one({ default: "61m" }), `${RULE}.default`],
    [one({ default: 1000 }), `${RULE}.default`],
    [one({ default: "-1s" }), `${RULE}.default`],
    [one({ default: "1.0005s" }), `${RULE}.default`],
    [one({ max: "2h" }), `${RULE}.max`],
    [one({ max: "0s" }), `${RULE}.max`],
    [one({ default: "2s", max: "1s" }), RULE],
    [one({ margin: "11s" }), `${RULE}.margin`],
    [one({ margin: "soon" }), `${RULE}.margin`],
    [one({ perTry: "0ms" }), `${RULE}.perTry`],
    [upstream({ perTry: "1s" }), `${RULE}.perTry`],
  ],
  requests: [
    {},
    { headers: [left("500")] },
    { headers: [left("500")], configuration: one() },
    { headers: [left("0")], configuration: one() },
    { headers: [left("500")], configuration: one({ max: "100ms", perTry: "50ms" }) },
    { headers: [left("-1"), left("7")], configuration: one({ default: "1s" }) },
    { headers: [left("500")], configuration: one({ shadow: true }) },
    { headers: [GRPC, ["grpc-timeout", "3S"]] },
    { headers: [GRPC, ["grpc-timeout", "0n"]] },
    { headers: [GRPC, ["grpc-timeout", "123456789m"]], configuration: one({ default: "1s" }) },
    { headers: [["x-envoy-upstream-rq-timeout-ms", "5"]], configuration: one({ default: "1s" }) },
    { headers: [left("500")], properties: { [MOMENT]: PAST }, configuration: one() },
    { headers: [left("500")], properties: { [MOMENT]: FAR }, configuration: upstream() },
    { properties: { [MOMENT]: PAST }, configuration: upstream() },
    { properties: { [MOMENT]: "abc" }, configuration: upstream({ default: "1s" }) },
    { headers: [left("500")], properties: { "request.time": 1 }, configuration: upstream() },
    { headers: [["x-envoy-expected-rq-timeout-ms", "15000"], left("50")], configuration: upstream() },
    {
      headers: [GRPC, ["grpc-timeout", "300m"], ["x-envoy-expected-rq-timeout-ms", "300"]],
      configuration: upstream({ margin: "5ms" }),
    },
    {
      headers: [["traceparent", TRACE], left("500")],
      configuration: one({}, { trace: "inbound", explainHeader: "x-deadline" }),
    },
    { headers: [["traceparent", TRACE]], configuration: one({}, { trace: "inbound" }) },
    { headers: [["traceparent", TRACE]], configuration: one({}, { trace: "outbound" }) },
    { headers: [["b3", "80f198ee56343ba8-e457b5a2e4d86bd1-1"]], configuration: { trace: "outbound" } },
  ],
  remembers: "a trace's requests have a deadline together",
});
