// What the filters of both chains decided stands in one property of the stream, which an access log
// and the spans of Envoy's own tracer show, as docs/operating.md has it.

import { createServer, type Server } from "node:http";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { parse } from "yaml";
import type { Json } from "../../../envoy/config/json.js";
import { wasmFilter } from "../../../envoy/config/wasm.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { filterModule } from "../../../toolchain/compile/filter-module.js";
import { isBefore } from "../../support/version.js";
import { blockOf } from "../pages/operating-page.js";
import { startTracerEnvoy } from "../trace-headers/tracer-envoy.js";

const explainProperty = "mesh";
const LOG = parse(blockOf("yaml access_log")) as {
  access_log: [{ typed_config: { log_format: { json_format: Record<string, string> } } }];
};
const FIELDS = LOG.access_log[0].typed_config.log_format.json_format;

const TRACING = parse(blockOf("yaml tracing")) as {
  tracing: { provider: { typed_config: Json }; custom_tags: Json[] };
};

const use = (module: string, configuration: Json, name = module) => ({ name, module, configuration });

const LISTENER = [
  use("trace-headers", { explainProperty }),
  use("header-routing", {
    explainProperty,
    rules: [
      { name: "beta", match: { headers: [{ name: "x-beta", present: true }] }, destination: "v2" },
      {
        name: "rest",
        match: { path: { prefix: "/split" } },
        split: { destinations: [{ name: "v1", weight: 1 }] },
      },
    ],
  }),
  use("rate-limit", {
    explainProperty,
    rules: [
      {
        name: "user",
        key: [{ header: "x-user" }],
        missing: "skip",
        local: { limit: 2, unit: "hour" },
      },
    ],
  }),
  use("circuit-breaker", { explainProperty, rules: [{ name: "calls" }] }),
  use("fault-injection", {
    explainProperty,
    rules: [{ name: "watched", shadow: true, abort: { status: 503 } }],
  }),
];
const DRILL = {
  explainProperty,
  where: "upstream",
  rules: [{ name: "first", match: { headers: [{ name: "x-fail", present: true }] }, abort: { status: 503 } }],
};
const CLUSTER = [
  use("fault-injection", DRILL, "drill"),
  use("retry-budget", {
    explainProperty,
    budgets: [{ name: "all", ratio: { percentage: 0, minRetriesPerSecond: 0 } }],
  }),
];

let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  upstream = await startUpstream({ respond: ({ path }) => ({ status: path === "/broken" ? 503 : 200 }) });
  envoy = await startEnvoy({
    filters: LISTENER,
    upstreamFilters: CLUSTER,
    upstreams: { v1: upstream, v2: upstream },
    accessLog: FIELDS,
    routeOptions: { retryPolicy: { retryOn: ["5xx"], numRetries: 2 } },
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(envoy));

/** What the log says of the one request with that path. */
async function decisions(path: string, headers: [string, string][] = []): Promise<unknown> {
  const before = (await envoy.accessLog()).length;
  await send(`${envoy.url}${path}`, { headers });
  const entries = await envoy.accessLog(before + 1);
  return entries.at(-1)?.decisions;
}

test("filters of one chain add to it in their order", async () => {
  expect(await decisions("/", [["x-beta", "1"]])).toBe(
    "trace-headers=started:none header-routing=beta:v2 rate-limit=user:skipped circuit-breaker=calls:allowed fault-injection=watched:shadow-aborted",
  );
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  expect(await decisions("/split", [["traceparent", traceparent]])).toContain(
    "trace-headers=continued:w3c header-routing=rest:v1",
  );
});

test("a filter that refuses says so, and those behind it say nothing", async () => {
  const limited: [string, string][] = [["x-user", "a"]];
  const said = [1, 2, 3].map(() => () => decisions("/", limited));
  const outcomes: unknown[] = [];
  for (const ask of said) outcomes.push(await ask());
  expect(outcomes.at(-1)).toBe("trace-headers=started:none rate-limit=user:limited");
  expect(outcomes[0]).toContain("rate-limit=user:allowed");
});

test("filters of the clusters' chain add to the same text, at each attempt", async () => {
  expect(await decisions("/", [["x-fail", "1"]])).toContain("fault-injection=first:aborted");
  expect(await decisions("/broken")).toMatch(
    / fault-injection=watched:shadow-aborted retry-budget=all:exceeded$/,
  );
});

test("a client cannot write into it", async () => {
  expect(await decisions("/", [["mesh", "forged"]])).not.toContain("forged");
});

test("it ends with a whole item before 4,096 bytes", async () => {
  const rules = Array.from({ length: 200 }, (_, i) => ({
    name: `${"r".repeat(40)}${i}`,
    shadow: true,
    abort: { status: 503 },
  }));
  expect(await envoy.configure("fault-injection", { explainProperty, rules })).toEqual({ accepted: true });
  const said = String(await decisions("/long"));
  expect(said.length).toBeLessThanOrEqual(4096);
  expect(said.length).toBeGreaterThan(4000);
  expect(said).toMatch(/ fault-injection=r+\d+:shadow-aborted$/);
});

test.each(["request", "xds", "a b", ""])("a property cannot be called %j", async (name) => {
  const configuration = { explainProperty: name, rules: [] };
  const answer = await envoy.configure("header-routing", configuration);
  expect(answer).toMatchObject({ accepted: false, reason: expect.stringContaining("explainProperty") });
});

test.skipIf(await isBefore("1.37"))("Envoy's own spans have it as a tag", async () => {
  const spans: { tags?: Record<string, string> }[] = [];
  const collector = createServer((request, response) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    request.on("end", () => {
      spans.push(...(JSON.parse(text) as typeof spans));
      response.writeHead(202).end();
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
  const modules = await Promise.all(LISTENER.map(({ module }) => filterModule(module)));
  const traced = await startTracerEnvoy(upstream.port, {
    collectorPort: portOf(collector),
    filters: LISTENER.map((filter, i) => wasmFilter({ ...filter, module: modules[i] ?? "" })),
    readableFolders: modules.map((module) => path.dirname(module)),
    customTags: TRACING.tracing.custom_tags,
  });
  try {
    await send(traced.url, { headers: [["x-beta", "1"]] });
    await expect
      .poll(() => spans.map(({ tags }) => tags?.decisions))
      .toContainEqual(expect.stringContaining("header-routing=beta:v2"));
  } finally {
    await traced[Symbol.asyncDispose]();
    collector.close();
  }
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server does not listen");
  return address.port;
}
