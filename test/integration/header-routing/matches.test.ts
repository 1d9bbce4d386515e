// What a match of header-routing can say, in stock Envoy: regular expressions beside Envoy's own,
// the client's address, the route, filter state, and matches within a match.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FALLBACK_ROUTE } from "../../../envoy/config/route.js";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import type { SendOptions } from "../../../kit/envoy/client.js";
import { type RoutingEnvoy, startRoutingEnvoy } from "./routing-envoy.js";

type Match = NonNullable<HeaderRoutingConfig["rules"][number]["match"]>;

let routing: RoutingEnvoy;

beforeAll(async () => {
  routing = await startRoutingEnvoy({
    before: [
      {
        name: "envoy.filters.http.set_filter_state",
        typed_config: typedConfig("envoy.extensions.filters.http.set_filter_state.v3.Config", {
          on_request_headers: [
            {
              object_key: "demo.tenant",
              factory_key: "envoy.string",
              format_string: { text_format_source: { inline_string: "acme" } },
            },
          ],
        }),
      },
      {
        name: "first",
        module: "header-routing",
        configuration: {
          destinationHeader: "x-first",
          explainProperty: "decision",
          rules: [{ name: "all", destination: "one" }],
        },
      },
    ],
    listenerOptions: { useRemoteAddress: true, xffTrustedHops: 1 },
  });
});
afterAll(() => routing?.[Symbol.asyncDispose]());

/** For each request, whether it matches. */
async function matching(match: Match, ...requests: SendOptions[]): Promise<boolean[]> {
  await routing.configure({ rules: [{ name: "r", match, destination: "v2" }] });
  const reached: boolean[] = [];
  for (const request of requests) reached.push((await routing.reached(request)) === "v2");
  return reached;
}

const from = (address: string): SendOptions => ({ headers: [["x-forwarded-for", address]] });
const header = (value: string): SendOptions => ({ headers: [["x-a", value]] });
const at = (path: string): SendOptions => ({ path });

test("a regular expression tests the whole value of a header, path, query parameter and cookie", async () => {
  const versions = [header("v12"), header("v12x"), header("av12"), {}];
  expect(await matching({ headers: [{ name: "x-a", regex: "v[0-9]+" }] }, ...versions)).toEqual([
    true,
    false,
    false,
    false,
  ]);
  const paths = [at("/users/7/orders?x=1"), at("/users/7/8/orders"), at("/USERS/7/orders")];
  expect(await matching({ path: { regex: "/users/[^/]+/orders" } }, ...paths)).toEqual([true, false, false]);
  expect(await matching({ query: [{ name: "q", regex: "a b+" }] }, at("/?q=a%20bb"), at("/?q=a"))).toEqual([
    true,
    false,
  ]);
  const cookie = (value: string): SendOptions => ({ headers: [["cookie", `group=${value}`]] });
  expect(
    await matching({ cookies: [{ name: "group", regex: "(?i)beta" }] }, cookie("BETA"), cookie("b")),
  ).toEqual([true, false]);
});

test("a text of 60 KB is decided at once, whatever the pattern", async () => {
  const long = header("a".repeat(60_000));
  expect(await matching({ headers: [{ name: "x-a", regex: "(a+)+" }] }, long)).toEqual([true]);
  expect(await matching({ headers: [{ name: "x-a", regex: "(a|aa)+(a*)*b" }] }, long)).toEqual([false]);
});

test("upper and lower case are the same where a test says so", async () => {
  const beta = [header("BeTa"), header("gamma")];
  expect(await matching({ headers: [{ name: "x-a", exact: "beta", ignoreCase: true }] }, ...beta)).toEqual([
    true,
    false,
  ]);
  expect(await matching({ headers: [{ name: "x-a", exact: "beta" }] }, ...beta)).toEqual([false, false]);
  expect(await matching({ path: { segments: "/api", ignoreCase: true } }, at("/API/x"), at("/apix"))).toEqual(
    [true, false],
  );
});

describe("the client's address", () => {
  test("is the one that the last trusted proxy has seen, in IPv4 and IPv6", async () => {
    const office: Match = { clientAddress: ["203.0.113.0/24", "2001:db8::/32", "198.51.100.7"] };
    const clients = ["203.0.113.9", "203.0.114.9", "2001:db8:1::1", "2001:db9::1", "198.51.100.7"];
    expect(await matching(office, ...clients.map(from))).toEqual([true, false, true, false, true]);
  });

  test("is not what a client writes before it", async () => {
    const office: Match = { clientAddress: ["203.0.113.0/24"] };
    expect(await matching(office, from("203.0.113.9, 192.0.2.1"), from("192.0.2.1, 203.0.113.9"))).toEqual([
      false,
      true,
    ]);
  });
});

test("the route is that of the request as it came in", async () => {
  expect(await matching({ route: { exact: FALLBACK_ROUTE } }, {})).toEqual([true]);
  expect(await matching({ route: { oneOf: ["x", FALLBACK_ROUTE] } }, {})).toEqual([true]);
  expect(await matching({ route: { prefix: "none" } }, {})).toEqual([false]);
  expect(await matching({ route: { absent: true } }, {})).toEqual([false]);
});

test("filter state is what Envoy's own filters and Wasm filters have set", async () => {
  const state = (key: string, test: object): Match => ({ filterState: [{ key, ...test }] });
  expect(await matching(state("demo.tenant", { exact: "acme" }), {})).toEqual([true]);
  expect(await matching(state("demo.tenant", { regex: "a.*" }), {})).toEqual([true]);
  expect(await matching(state("demo.tenant", { exact: "other" }), {})).toEqual([false]);
  expect(await matching(state("demo.none", { absent: true }), {})).toEqual([true]);
  expect(await matching(state("wasm.decision", { exact: "header-routing=all:one" }), {})).toEqual([true]);
  expect(await matching(state("wasm.none", { present: true }), {})).toEqual([false]);
});

test("anyOf and not", async () => {
  const match: Match = {
    path: { segments: "/api" },
    anyOf: [{ headers: [{ name: "x-a", exact: "beta" }] }, { clientAddress: ["203.0.113.0/24"] }],
    not: { path: { suffix: ".css" } },
  };
  const requests: SendOptions[] = [
    { path: "/api/x", ...header("beta") },
    { path: "/api/x", ...header("gamma") },
    { path: "/api/x", ...from("203.0.113.1") },
    { path: "/x", ...header("beta") },
    { path: "/api/x.css", ...header("beta") },
  ];
  expect(await matching(match, ...requests)).toEqual([true, false, true, false, false]);
});
