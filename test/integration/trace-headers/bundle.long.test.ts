// The formats of vendors and baggage in a bundle: the filter behind sees what trace-headers wrote,
// as it does in Envoy's chain.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import { inspectModule } from "../../../envoy/module/inspect.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { type BundlePart, bundlePlace } from "../../../toolchain/bundle/entry.js";
import { buildFilters, modulePath } from "../../../toolchain/compile/build.js";
import { sourceAt } from "../../../toolchain/compile/source.js";
import { compileTestBundle } from "../../support/compile-probe.js";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";
const TRACEPARENT = ["traceparent", `00-${TRACE_ID}-${SPAN_ID}-01`] as const;
const whose = (name: string, header: object): Json =>
  ({ name, match: { headers: [header] }, destination: name }) as Json;
/** In the order of the bundle. */
const CONFIGURATIONS: Readonly<Record<string, Json>> = {
  "trace-headers": {
    accept: ["w3c", "datadog", "skywalking"],
    write: ["xray", "datadog", "skywalking"],
    skywalking: { service: "edge" },
    baggage: { deny: ["user"] },
  },
  "header-routing": {
    rules: [
      whose("tenant", { name: "baggage", exact: "tenant=1" }),
      whose("agent", { name: "sw8", prefix: "1-YQ==-" }),
      whose("datadog", { name: "x-datadog-origin", exact: "rum" }),
      whose("aws", { name: "x-amzn-trace-id", prefix: `Root=1-${TRACE_ID.slice(0, 8)}-` }),
    ],
  },
};
const NAMES = Object.keys(CONFIGURATIONS);

let folder: string;
let upstreams: Readonly<Record<string, Upstream>>;
let envoys: Readonly<Record<"bundle" | "chain", TestEnvoy>>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "trace-headers-bundle-"));
  const names = ["none", "tenant", "agent", "datadog", "aws"];
  upstreams = Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await startUpstream({ name })] as const)),
  );
  await buildFilters(NAMES);
  const module = path.join(folder, "bundle.wasm");
  const parts = await Promise.all(NAMES.map(partOf));
  await compileTestBundle({ name: "bundle", base: sourceAt(bundlePlace(PACKAGE_ROOT)), parts }, module);
  const chain = NAMES.map((name) => ({ name, module: name, configuration: CONFIGURATIONS[name] ?? {} }));
  envoys = {
    bundle: await startEnvoy({
      filters: [{ name: "bundle", module, configuration: CONFIGURATIONS }],
      upstreams,
    }),
    chain: await startEnvoy({ filters: chain, upstreams }),
  };
}, 180_000);

afterAll(async () => {
  for (const envoy of Object.values(envoys ?? {})) await envoy[Symbol.asyncDispose]();
  for (const upstream of Object.values(upstreams ?? {})) await upstream[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function partOf(name: string): Promise<BundlePart> {
  const { callbacks } = inspectModule(await readFile(modulePath(name)));
  return { name, entry: path.join(PACKAGE_ROOT, "filters", name, "index.ts"), callbacks };
}

test.each<[string, HeaderList, string]>([
  ["the format of AWS, made", [TRACEPARENT], "aws"],
  [
    "baggage, of which a line and a member are dropped",
    [
      ["baggage", "user=ann, tenant=1"],
      ["baggage", "?"],
    ],
    "tenant",
  ],
  ["an sw8 that passes", [["sw8", "1-YQ==-Yg==-0----"]], "agent"],
  [
    "an origin that passes",
    [
      ["x-datadog-trace-id", "7"],
      ["x-datadog-parent-id", "8"],
      ["x-datadog-origin", "rum"],
    ],
    "datadog",
  ],
  [
    "an sw8 and an origin of another trace, which do not",
    [TRACEPARENT, ["sw8", "1-YQ==-Yg==-0----"], ["x-datadog-origin", "rum"]],
    "aws",
  ],
])("a rule sees %s", async (_, headers, destination) => {
  for (const [kind, envoy] of Object.entries(envoys)) {
    const { body } = await send(envoy.url, { headers });
    expect({ kind, body }).toEqual({ kind, body: expect.stringContaining(`"upstream":"${destination}"`) });
  }
});
