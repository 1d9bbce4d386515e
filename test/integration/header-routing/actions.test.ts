// What a rule of header-routing does beside choosing a destination, in stock Envoy: rewrites, edits
// of headers, copies, redirects and answers.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { type RoutingEnvoy, startRoutingEnvoy, upstreamOf } from "./routing-envoy.js";

const DECISIONS = "wasmcustom.meshwright.header_routing.decisions_total";

let routing: RoutingEnvoy;
let envoy: TestEnvoy;

/** One Envoy for all tests: each gives it its own configuration. */
beforeAll(async () => {
  routing = await startRoutingEnvoy({
    routeOptions: { mirrors: { v3: "v3" } },
    upstreamHeaders: [
      ["x-powered-by", "upstream"],
      ["set-cookie", "own=1"],
    ],
  });
  envoy = routing.envoy;
});

afterAll(() => routing?.[Symbol.asyncDispose]());

type Rule = HeaderRoutingConfig["rules"][number];
const configure = (...rules: Omit<Rule, "name">[]) =>
  routing.configure({ rules: rules.map((rule, i) => ({ name: `r${i}`, ...rule })) });

interface Seen {
  readonly upstream: string;
  readonly path: string;
  readonly host: string;
  /** The values of each of the upstream request's headers. */
  of(name: string): readonly string[];
}

/** What the upstream saw that answered. */
async function seen(options: SendOptions): Promise<Seen> {
  const response = await send(envoy.url, options);
  const upstream = upstreamOf(response);
  const { path, headers } = JSON.parse(response.body) as { path: string; headers: [string, string][] };
  const of = (name: string) => headers.filter(([each]) => each === name).map(([, value]) => value);
  return { upstream, path, of, host: [...of("host"), ...of(":authority")].join() };
}

describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
  test("a prefix is replaced on whole segments, and the query and the original path stay", async () => {
    await configure(
      {
        match: { path: { segments: "/api/v2" } },
        destination: "v2",
        rewrite: { prefix: "/", host: "inner.test" },
      },
      { match: { path: { exact: "/old" } }, destination: "v3", rewrite: { path: "/new" } },
    );
    const rewritten = await seen({ protocol, path: "/api/v2/orders/7?page=2&a=/api/v2" });
    expect(rewritten).toMatchObject({
      upstream: "v2",
      path: "/orders/7?page=2&a=/api/v2",
      host: "inner.test",
    });
    expect(rewritten.of("x-envoy-original-path")).toEqual(["/api/v2/orders/7?page=2&a=/api/v2"]);
    expect((await seen({ protocol, path: "/api/v2?page=2" })).path).toBe("/?page=2");
    expect(await seen({ protocol, path: "/api/v20" })).toMatchObject({ upstream: "v1", path: "/api/v20" });
    expect(await seen({ protocol, path: "/old?a" })).toMatchObject({ upstream: "v3", path: "/new?a" });
  });

  test("headers of the request and of the response are removed, set and added", async () => {
    await configure(
      {
        match: { path: { prefix: "/edit" } },
        destination: "v2",
        requestHeaders: {
          remove: ["cookie"],
          set: [{ name: "x-tenant", value: "acme" }],
          add: [{ name: "x-via", value: "mesh" }],
        },
        responseHeaders: {
          remove: ["x-powered-by"],
          set: [{ name: "cache-control", value: "no-store" }],
          add: [{ name: "set-cookie", value: "beta=1; Path=/" }],
        },
      },
      { destination: "v1" },
    );
    const headers: [string, string][] = [
      ["cookie", "a=1"],
      ["x-tenant", "forged"],
      ["x-tenant", "again"],
      ["x-via", "client"],
    ];
    const edited = await seen({ protocol, path: "/edit", headers });
    expect(edited.of("cookie")).toEqual([]);
    expect(edited.of("x-tenant")).toEqual(["acme"]);
    expect(edited.of("x-via").join()).toMatch(/^client, ?mesh$|^client,mesh$/);
    const response = await send(envoy.url, { protocol, path: "/edit" });
    expect(response.header("x-powered-by")).toBeUndefined();
    expect(response.header("cache-control")).toBe("no-store");
    const cookies = response.headers.filter(([name]) => name.toLowerCase() === "set-cookie");
    expect(cookies.map(([, value]) => value)).toEqual(["own=1", "beta=1; Path=/"]);
    const other = await send(envoy.url, { protocol, path: "/" });
    expect(other.header("x-powered-by")).toBe("upstream");
    expect(other.header("cache-control")).toBeUndefined();
  });

  test("a redirect and an answer come from the filter, and are counted", async () => {
    await configure(
      { match: { path: { segments: "/old" } }, redirect: { status: 308, prefix: "/new" } },
      {
        match: { path: { exact: "/secure" } },
        redirect: { scheme: "https", host: "shop.test", stripQuery: true },
      },
      { match: { path: { exact: "/port" } }, redirect: { port: 8443 } },
      {
        answer: {
          status: 410,
          body: "gone",
          contentType: "text/html",
          headers: [{ name: "x-reason", value: "moved" }],
        },
      },
    );
    const redirected = async (path: string) => {
      const response = await send(envoy.url, { protocol, path, headers: [["host", "shop.test:80"]] });
      return [response.status, response.header("location")];
    };
    expect(await redirected("/old/a?b=/old")).toEqual([308, "/new/a?b=/old"]);
    expect(await redirected("/secure?token=1")).toEqual([302, "https://shop.test/secure"]);
    expect((await redirected("/port?a"))[1]).toMatch(/^http:\/\/[^/]+:8443\/port\?a$/);
    const answered = await send(envoy.url, { protocol, path: "/" });
    expect([answered.status, answered.body]).toEqual([410, "gone"]);
    expect(answered.header("content-type")).toBe("text/html");
    expect(answered.header("x-reason")).toBe("moved");
    const counts = await envoy.admin.stats("decisions_total");
    expect(counts.get(`${DECISIONS};rule=r0;destination=(redirect)`)).toBeGreaterThan(0);
    expect(counts.get(`${DECISIONS};rule=r3;destination=(answer)`)).toBeGreaterThan(0);
  });

  test("the mirror gets a copy of what the rule says, and the answer is the destination's", async () => {
    await configure({
      match: { headers: [{ name: "x-copy", exact: "1" }] },
      destination: "v2",
      mirror: "v3",
      rewrite: { path: "/copied" },
    });
    const copies = () => routing.upstreams.v3.requests.filter(({ path }) => path.startsWith("/copied"));
    const before = copies().length;
    expect(await seen({ protocol, path: "/a?1", headers: [["x-copy", "1"]] })).toMatchObject({
      upstream: "v2",
      path: "/copied?1",
    });
    await expect.poll(() => copies().length).toBe(before + 1);
    const others = routing.upstreams.v3.requests.length;
    expect((await seen({ protocol })).upstream).toBe("v1");
    const forged = await seen({ protocol, headers: [["x-mesh-mirror", "v3"]] });
    expect(forged.of("x-mesh-mirror")).toEqual([]);
    // A copy that came after all would come before this one's.
    await seen({ protocol, path: "/a?2", headers: [["x-copy", "1"]] });
    await expect.poll(() => copies().length).toBe(before + 2);
    expect(routing.upstreams.v3.requests.length).toBe(others + 1);
  });
});

test("a destination of a split has what it says itself, and else what its rule says", async () => {
  await configure({
    rewrite: { path: "/of-rule" },
    requestHeaders: { set: [{ name: "x-side", value: "rule" }] },
    split: {
      key: { header: "x-user" },
      destinations: [
        { name: "v1", weight: 1 },
        { name: "v2", weight: 0, rewrite: { path: "/of-v2" } },
      ],
      pins: [{ keys: ["alice"], destination: "v2" }],
    },
  });
  const bob = await seen({ headers: [["x-user", "bob"]] });
  expect([bob.upstream, bob.path, ...bob.of("x-side")]).toEqual(["v1", "/of-rule", "rule"]);
  const alice = await seen({ headers: [["x-user", "alice"]] });
  expect([alice.upstream, alice.path, ...alice.of("x-side")]).toEqual(["v2", "/of-v2", "rule"]);
});
