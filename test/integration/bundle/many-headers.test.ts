// Ten thousand headers in one request, with Envoy's limits raised so that both filters see all of
// them.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";

const TIMES = 10_000;
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const TRACEPARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;

const premium: HeaderRoutingConfig["rules"] = [
  { name: "premium", match: { headers: [{ name: "x-user-type", exact: "premium" }] }, destination: "v2" },
];
/** With so many headers to test, the filter reads all headers at once instead of one by one. */
const others: HeaderRoutingConfig["rules"] = ["a", "b", "c"].map((letter) => ({
  name: letter,
  match: { headers: [{ name: `x-${letter}`, exact: letter }] },
  destination: "v1",
}));

let v1: Upstream;
let v2: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  [v1, v2] = await Promise.all([startUpstream({ name: "v1" }), startUpstream({ name: "v2" })]);
  envoy = await startEnvoy({
    filters: [
      { name: "trace-headers", module: "trace-headers", configuration: { responseHeader: "x-trace" } },
      { name: "header-routing", module: "header-routing", configuration: { rules: [] } },
    ],
    upstreams: { v1, v2 },
    listenerOptions: { maxRequestHeaders: 20_000, maxRequestHeadersKb: 8192 },
    // One VM for all requests: what one request leaves behind, the next one would see.
    workers: 1,
  });
});

afterAll(async () => {
  await Promise.all([envoy, v1, v2].map((resource) => resource?.[Symbol.asyncDispose]()));
});

interface Seen {
  readonly upstream: string;
  readonly headers: HeaderList;
}

const valuesOf = (seen: Seen, wanted: string): string[] =>
  seen.headers.filter(([name]) => name === wanted).map(([, value]) => value);

async function sendHead(head: string): Promise<Seen> {
  const request = `GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n${head}\r\n`;
  const answer = await rawHttp1(envoy.port, Buffer.from(request, "latin1"));
  expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  const { upstream, requests } = answer.includes('"upstream":"v2"')
    ? { upstream: "v2", requests: v2.requests }
    : { upstream: "v1", requests: v1.requests };
  return { upstream, headers: requests.at(-1)?.headers ?? [] };
}

function expectNewTrace(seen: Seen): void {
  const [traceparent = "", ...more] = valuesOf(seen, "traceparent");
  expect(more).toEqual([]);
  expect(traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(traceparent).not.toContain(TRACE_ID);
}

/** Nothing of the request before is visible, and no VM was replaced. */
async function expectUnaffected(): Promise<void> {
  const plain = await sendHead("");
  expect(plain.upstream).toBe("v1");
  expectNewTrace(plain);
  expect(valuesOf(plain, "tracestate")).toEqual([]);
  const response = await send(envoy.url, {
    headers: [
      ["traceparent", TRACEPARENT],
      ["x-user-type", "premium"],
    ],
  });
  expect(response.header("x-trace")).toBe(TRACE_ID);
  expect(response.body).toContain('"upstream":"v2"');
  for (const filter of ["trace-headers", "header-routing"]) {
    expect((await envoy.admin.stats("vm_reload$")).get(`wasm.${filter}.vm_reload`)).toBe(0);
  }
  expect(envoy.logs()).not.toContain("Function: proxy_on_");
}

describe.each([
  ["read one by one", premium],
  ["walked", [...premium, ...others]],
])("ten thousand headers that are %s", (_, rules) => {
  beforeEach(async () => {
    expect(await envoy.configure("header-routing", { rules } as never)).toEqual({ accepted: true });
  });

  test("pass when no filter knows them", async () => {
    const seen = await sendHead(`${"x-filler: some value\r\n".repeat(TIMES)}x-user-type: premium\r\n`);
    expect(seen.upstream).toBe("v2");
    expect(valuesOf(seen, "x-filler")).toHaveLength(TIMES);
    expectNewTrace(seen);
    await expectUnaffected();
  });

  test("are judged by all of them when a rule tests them", async () => {
    const basic = "x-user-type: basic\r\n".repeat(TIMES - 1);
    expect((await sendHead(`x-user-type: premium\r\n${basic}`)).upstream).toBe("v1");
    expect((await sendHead(`${basic}x-user-type: premium\r\n`)).upstream).toBe("v1");
    await expectUnaffected();
  });

  test("are removed when they are destinations that a client sent", async () => {
    const seen = await sendHead("x-mesh-destination: v2\r\n".repeat(TIMES));
    expect(seen.upstream).toBe("v1");
    expect(valuesOf(seen, "x-mesh-destination")).toEqual([]);
    const routed = await sendHead(`x-user-type: premium\r\n${"x-mesh-destination: v1\r\n".repeat(TIMES)}`);
    expect(routed.upstream).toBe("v2");
    expect(valuesOf(routed, "x-mesh-destination")).toEqual(["v2"]);
    await expectUnaffected();
  });

  test("are not used as a trace when they are trace headers", async () => {
    const seen = await sendHead(`traceparent: ${TRACEPARENT}\r\n`.repeat(TIMES));
    expectNewTrace(seen);
    const states = await sendHead(`traceparent: ${TRACEPARENT}\r\n${"tracestate: a=1\r\n".repeat(TIMES)}`);
    expect(valuesOf(states, "traceparent")).toEqual([expect.stringContaining(TRACE_ID)]);
    expect(valuesOf(states, "tracestate")).toEqual(["a=1"]);
    await expectUnaffected();
  });
});

test("the authority decides alike under both its names, whether it is read alone or with all headers", async () => {
  for (const name of ["host", ":authority"]) {
    for (const more of [[], others]) {
      const rule = { name: "shop", match: { headers: [{ name, exact: "shop.test" }] }, destination: "v2" };
      expect(await envoy.configure("header-routing", { rules: [rule, ...more] } as never)).toEqual({
        accepted: true,
      });
      const response = await send(envoy.url, { headers: [["host", "shop.test"]] });
      expect(response.body).toContain('"upstream":"v2"');
    }
  }
});
