// Answers that are served before the upstream is asked, and the calls for newer ones, in the
// in-process host.

import { beforeAll, expect, test } from "vitest";
import { hostProxy } from "../../kit/index.js";
import type { HeaderList, UpstreamRequest, UpstreamResponse } from "../../kit/traffic.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import type { FallbackConfig } from "./schema.js";

type Rule = FallbackConfig["rules"][number];

const SECOND = 1000;
/** Until the call for a newer answer was sent, and answered. */
const SOON = 50;
const MEANWHILE: HeaderList = [["cache-control", "max-age=10, stale-while-revalidate=20"]];

let module: string;

beforeAll(async () => {
  module = await filterModule("fallback");
}, 120_000);

function start(fields: Omit<Rule, "name"> = { revalidate: {} }, workers = 1) {
  const rules = [{ name: "one", ...fields }];
  const state = { answer: { headers: MEANWHILE, body: "first" } as UpstreamResponse };
  const saw: UpstreamRequest[] = [];
  const configuration = JSON.parse(JSON.stringify({ explainHeader: "x-why", rules }));
  const proxy = hostProxy({
    filters: [{ name: "kept", module, vmId: "kept", configuration }],
    upstreams: {
      upstream: (request) => {
        saw.push(request);
        return state.answer;
      },
    },
    workers,
  });
  const ask = (headers: HeaderList = [], path = "/") => {
    const { response } = proxy.request({ path, headers });
    if (response === undefined) throw new Error("there was no response");
    return response;
  };
  const outcome = (headers: HeaderList = []) => {
    const response = ask(headers);
    return [response.header("x-why")?.replace("one;outcome=", ""), response.body] as const;
  };
  return { proxy, state, saw, ask, outcome };
}

const countOf = (proxy: ReturnType<typeof start>["proxy"], outcome: string) =>
  proxy.metrics.get(`meshwright.fallback.answers_total;rule=one;outcome=${outcome}`) ?? 0;

test("a fresh answer is served without asking, a stale one while a newer one is asked for", () => {
  const { proxy, state, saw, ask, outcome } = start();
  expect(outcome()).toEqual(["passed", "first"]);
  proxy.advance(5 * SECOND);
  const fresh = ask();
  expect(fresh.header("x-why")).toBe("one;outcome=served-fresh");
  expect(fresh.header("age")).toBe("5");
  expect(fresh.header("cache-status")).toBe("fallback; hit; ttl=5");
  expect(saw).toHaveLength(1);
  proxy.advance(10 * SECOND);
  state.answer = { headers: MEANWHILE, body: "second" };
  const stale = ask();
  expect([stale.body, stale.header("x-why")]).toEqual(["first", "one;outcome=served-meanwhile"]);
  expect(stale.header("cache-status")).toBe('fallback; hit; ttl=-5; detail="stale-while-revalidate"');
  proxy.advance(SOON);
  expect(saw).toHaveLength(2);
  expect(countOf(proxy, "kept")).toBe(2);
  expect(outcome()).toEqual(["served-fresh", "second"]);
});

test("the call has what belongs to the key, and nothing of the client's beside", () => {
  const { proxy, saw, ask } = start({ revalidate: {}, key: [{ header: "x-tenant" }, { query: "page" }] });
  const sent: HeaderList = [
    ["host", "shop.test"],
    ["x-tenant", "acme"],
    ["accept-encoding", "br"],
    ["x-user-id", "user-7"],
  ];
  ask(sent, "/tea?page=1&session=5");
  proxy.advance(15 * SECOND);
  ask(sent, "/tea?page=1&session=6");
  proxy.advance(SOON);
  const [, call] = saw;
  expect([call?.method, call?.path]).toEqual(["GET", "/tea?page=1&session=6"]);
  expect(["host", "x-tenant", "accept-encoding"].map((name) => call?.header(name))).toEqual([
    "shop.test",
    "acme",
    "br",
  ]);
  expect(call?.header("x-user-id")).toBeUndefined();
});

test("one call at a time is made for a key, over all workers", () => {
  const { proxy, saw, outcome } = start({ revalidate: { timeout: "10s" } }, 4);
  outcome();
  proxy.advance(15 * SECOND);
  for (let i = 0; i < 40; i++) expect(outcome()[0]).toBe("served-meanwhile");
  proxy.advance(SOON);
  expect(saw).toHaveLength(2);
});

test("a call that fails changes nothing, and the next one waits for its time", () => {
  const { proxy, state, saw, outcome } = start({ revalidate: { timeout: "2s" } });
  outcome();
  proxy.advance(12 * SECOND);
  state.answer = { status: 503 };
  expect(outcome()).toEqual(["served-meanwhile", "first"]);
  proxy.advance(SOON);
  expect(countOf(proxy, "failed")).toBe(1);
  expect(outcome()).toEqual(["served-meanwhile", "first"]);
  proxy.advance(SOON);
  expect(saw).toHaveLength(2);
  proxy.advance(2 * SECOND);
  state.answer = { fault: "never" };
  expect(outcome()[0]).toBe("served-meanwhile");
  proxy.advance(3 * SECOND);
  expect(countOf(proxy, "failed")).toBe(2);
  proxy.advance(15 * SECOND);
  state.answer = { status: 503, body: "bad" };
  expect(outcome()).toEqual(["served-status", "first"]);
});

test("an answer that must not be kept is not, also from a call", () => {
  const { proxy, state, outcome } = start();
  outcome();
  proxy.advance(15 * SECOND);
  state.answer = { headers: [...MEANWHILE, ["set-cookie", "a=1"]], body: "yours" };
  outcome();
  proxy.advance(SOON);
  expect(countOf(proxy, "forbidden")).toBe(1);
  expect(outcome()).toEqual(["served-meanwhile", "first"]);
});

test.each<[string, Omit<Rule, "name">, HeaderList]>([
  ["the rule does not say so", {}, MEANWHILE],
  ["the answer does not say so", { revalidate: {} }, [["cache-control", "max-age=60"]]],
  ["the answer says nothing", { revalidate: {} }, []],
  [
    "the answer must be revalidated",
    { revalidate: {} },
    [["cache-control", "must-revalidate, stale-while-revalidate=60"]],
  ],
  ["the rule is in shadow mode", { revalidate: {}, shadow: true }, MEANWHILE],
])("nothing is served before the upstream is asked where %s", (_, fields, headers) => {
  const { proxy, state, saw, outcome } = start(fields);
  state.answer = { headers, body: "first" };
  outcome();
  outcome();
  proxy.advance(5 * SECOND);
  state.answer = { headers, body: "second" };
  expect(outcome()[1]).toBe("second");
  expect(saw).toHaveLength(3);
});
