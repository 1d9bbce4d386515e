// An author's own filter in a mesh file: its descriptor has the same rights as the catalog's.

import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type AuthorPackage, authorPackage } from "../commands/author-package.js";
import { CliProcess } from "../commands/cli-process.js";
import { runMain } from "../commands/run-main.js";

const TEST_MS = 100_000;

/** Writes a destination to a header of its own, and counts the attempts that it sees. */
const BINDING = `
import {
  Bytes, defineMetric, FilterHeadersStatus, FilterRoot, HttpContext, incrementMetric, MetricType, metricName,
  registerRootContext, requestHeaders,
} from "meshwright/assembly";
import { ConfigNode } from "meshwright/assembly/config";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_request_headers } from "meshwright/assembly/exports/stateless";

const HEADER = Bytes.of("x-gate-to");

class GateConfig {
  readonly to: Bytes;

  constructor(root: ConfigNode) {
    root.keys(["where", "to"]);
    root.get("where").textOr(Bytes.of("downstream"), 1, 16);
    this.to = root.get("to").text(1, 64);
  }
}

class Gate extends HttpContext {
  private readonly counter: u32;

  constructor(private readonly to: Bytes) {
    super();
    this.counter = defineMetric(MetricType.Counter, metricName("my_gate.requests_total", ["gate_to", to.toString()]));
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    incrementMetric(this.counter, 1);
    requestHeaders.replace(HEADER, this.to);
    return FilterHeadersStatus.Continue;
  }
}

class GateRoot extends FilterRoot<GateConfig, Gate> {
  override parse(root: ConfigNode): GateConfig {
    return new GateConfig(root);
  }

  override accept(config: GateConfig): Gate {
    return new Gate(config.to);
  }

  override sharedContext(gate: Gate): HttpContext {
    return gate;
  }
}

registerRootContext((id: u32) => new GateRoot(id, "my-gate"));
`;

/**
 * The published package has the modules that it imports compiled; a checkout has only the source.
 */
const DESCRIPTOR = `
import { z } from "zod";
import { defineFilter, type FilterChain } from ${JSON.stringify(path.join(PACKAGE_ROOT, "filters/descriptor.js"))};

const gateSchema = z.strictObject({ where: z.enum(["downstream", "upstream"]).optional(), to: z.string() });

function chainOf({ where = "downstream" }: z.infer<typeof gateSchema>): FilterChain {
  return where;
}

export default defineFilter({
  name: "my-gate",
  summary: "sends everything to one destination",
  schema: gateSchema,
  metricLabels: ["gate_to"],
  chain: chainOf,
  destinations: ({ to }) => [{ name: to, path: ["to"] }],
  destinationHeader: () => "x-gate-to",
  restartKeys: (config) => ({ where: chainOf(config) }),
  describe: ({ to }) => ["all → " + to],
});
`;

describe("an author's own filter in a mesh file", { timeout: TEST_MS }, () => {
  let author: AuthorPackage;
  let upstreams: readonly Upstream[];
  let running: CliProcess;
  let gateway = "";
  let admin = "";

  const mesh = (gate = "{ filter: my-gate, config: { to: v2 } }") => `name: gated
gateway:
  routes: [{ prefix: /, service: app }]
  filters: [${gate}]
services:
  app:
    versions:
${upstreams.map(({ port }, i) => `      v${i + 1}: { url: "http://127.0.0.1:${port}" }\n`).join("")}
    retries: { on: [5xx], attempts: 2 }
    filters: [{ filter: my-gate, config: { where: upstream, to: v2 } }]
`;
  const write = (text: string, name = "mesh.yaml") => writeFile(path.join(author.root, name), text);
  const received = () => upstreams.map(({ requests }) => requests.length);

  beforeAll(async () => {
    author = await authorPackage();
    const respond = ({ path: asked }: { path: string }) => ({ status: asked === "/fail" ? 503 : 200 });
    upstreams = [await startUpstream({ respond }), await startUpstream({ respond })];
    await author.write("filters/my-gate/index.ts", BINDING);
    await author.write("filters/my-gate/descriptor.ts", DESCRIPTOR);
    await write(mesh());
    // Built here and not by the command, which is expected to start soon.
    expect(await runMain(["build", "my-gate"], author.root)).toMatchObject({ exitCode: 0 });
    running = new CliProcess(
      ["up", "mesh.yaml", "--engine", "process", "--port", "0", "--no-table"],
      author.root,
    );
    [, gateway = ""] = await running.until(/^ {2}gateway {2}(http:\S+)$/m);
    [, admin = ""] = await running.until(/^ +gateway +(http:\S+)$\n(?= +app_v1)/m);
    await running.until(/Ctrl-C ends it/);
  }, TEST_MS);
  afterAll(async () => {
    await running?.[Symbol.asyncDispose]();
    for (const upstream of upstreams ?? []) await upstream[Symbol.asyncDispose]();
    await author?.[Symbol.asyncDispose]();
  });

  it("is summed up as its descriptor says", () => {
    expect(running.stdout).toContain("  my-gate at gateway: all → v2\n");
    expect(running.stdout).toContain("  my-gate before app, for each attempt: all → v2\n");
  });

  it("chooses the destination, by the header that it names", async () => {
    expect((await send(gateway)).status).toBe(200);
    expect(received()).toEqual([0, 1]);
  });

  it("sees each attempt when its settings say so, and its label is a tag", async () => {
    expect((await send(gateway, { path: "/fail" })).status).toBe(503);
    expect(received()).toEqual([0, 4]);
    const metrics = await (await fetch(`${admin}/stats/prometheus`)).text();
    // Two requests at the gateway, and four attempts, which Envoy 1.36 counts for each cluster.
    const counts = [...metrics.matchAll(/^\S*my_gate_requests_total\{[^}]*gate_to="v2"\} (\d+)$/gm)];
    expect(counts.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(6);
  });

  it("applies an edit of its settings, and says which key only a restart can change", async () => {
    await write(mesh("{ filter: my-gate, config: { to: v1 } }"));
    await running.until(/applied: my-gate at gateway\/public_1_my-gate/);
    await write(mesh("{ filter: my-gate, config: { to: v1, where: upstream } }"));
    await running.until(/restart to apply: gateway\.filters\[0\]\.config\.where/);
    await write(mesh("{ filter: my-gate, config: { to: v9 } }"));
    await running.until(/gateway\.filters\[0\]\.config\.to: there is no version of a routed service "v9"/);
  });

  it("is checked by its schema, and suggested for a name that is nearly its own", async () => {
    await write(mesh("{ filter: my-gate, config: { too: v1 } }"), "key.yaml");
    await write(mesh("{ filter: my-gat, config: { to: v1 } }"), "name.yaml");
    const { exitCode, stderr } = await runMain(["validate", "key.yaml", "name.yaml"], author.root);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(
      /key\.yaml:4:\d+: gateway\.filters\[0\]\.config\.too: unknown key; did you mean "to"\?/,
    );
    expect(stderr).toMatch(
      /name\.yaml:4:\d+: gateway\.filters\[0\]\.filter: there is no "my-gat"; did you mean "my-gate"\?/,
    );
  });
});
