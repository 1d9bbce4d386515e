// `meshwright render istio`: from files to resources that Istio's CRDs take, and what is refused.

import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments, stringify } from "yaml";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { crdProblems } from "../../support/crd-schemas.js";
import { DEMO_MESH as DEMO, DEMO_FILTERS } from "../../support/demo-filters.js";
import { ISTIO_API_RELEASES } from "../../support/make-crd-schemas.js";
import { type AuthorPackage, authorPackage } from "./author-package.js";
import { runMain } from "./run-main.js";

const CLI = path.join(PACKAGE_ROOT, "cli/meshwright.js");
const DIGEST = `sha256:${"cd".repeat(32)}`;
const imageOf = (name: string) => ["--image", `${name}=oci://registry.example/mesh/${name}@${DIGEST}`];
const IMAGES = DEMO_FILTERS.flatMap(imageOf);
/** Everything that a person may ask for beside the rest. */
const ALL = ["--with", "PeerAuthentication", "AuthorizationPolicy", "Telemetry", "outlierDetection"];

let folder: string;
let demo: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "render-istio-")));
  const { exitCode, stdout, stderr } = await render(DEMO, ...IMAGES);
  expect({ exitCode, refused: stderr.includes("meshwright:") }).toEqual({ exitCode: 0, refused: false });
  demo = stdout;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const render = (...args: readonly string[]) => runMain(["render", "istio", ...args]);

async function file(name: string, content: string | object): Promise<string> {
  await writeFile(at(name), typeof content === "string" ? content : stringify(content));
  return at(name);
}

/** The documents of an output. */
const documents = (text: string) => parseAllDocuments(text).map((each) => each.toJS());

/** One line of failure, and the exit code. */
async function failureOf(...args: readonly string[]) {
  const { exitCode, stdout, stderr } = await render(...args);
  expect(stdout).toBe("");
  const [line = ""] = stderr.split("\n").filter((each) => each.startsWith("meshwright: "));
  return { exitCode, line };
}

describe("the demo mesh", () => {
  test("twice the same, with standard output for kubectl alone", async () => {
    const { stdout, stderr } = await render(DEMO, ...IMAGES);
    expect(stdout).toBe(demo);
    expect(stdout).toMatch(/^---\n/);
    expect(stderr).toMatch(/^warning: Deployments and Services are yours/);
  });

  test.each(ISTIO_API_RELEASES)("without --istio it is right for Istio %s", (release) => {
    expect(crdProblems(demo, release)).toEqual([]);
  });

  test.each(ISTIO_API_RELEASES)("with all that may be asked for, for Istio %s itself", async (release) => {
    const { stdout } = await render(DEMO, ...IMAGES, "--istio", release, ...ALL);
    expect(crdProblems(stdout, release)).toEqual([]);
    const kinds = new Set(documents(stdout).map(({ kind }) => kind));
    expect(kinds.has("TrafficExtension")).toBe(release !== "1.24.2");
    expect(kinds.has("WasmPlugin")).toBe(release === "1.24.2");
  });

  test("the CRDs do find what a release does not have", () => {
    expect(crdProblems(demo.replaceAll("FAIL_CLOSE\n", "FAIL_RELOAD\n"), "1.24.2")).toContainEqual(
      expect.stringContaining("/spec/failStrategy must be equal to one of the allowed values"),
    );
    expect(crdProblems(demo.replaceAll("retryOn:", "retryon:"), "1.32.0")).toContainEqual(
      expect.stringContaining('"additionalProperty":"retryon"'),
    );
  });

  test("no two resources of a kind have one name", () => {
    const keys = documents(demo).map(
      ({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("nothing names a filter of Istio's", () => {
    expect(demo).not.toMatch(/istio-translated|extensions\.istio\.io\/(wasmplugin|trafficextension)\//);
  });
});

describe("images", () => {
  test("come from what pack wrote, by its digest, and pack is called where there is none", async () => {
    const author = await authorPackage();
    try {
      await author.writeFilter("mine");
      await author.write("mine.yaml", "{}");
      const args = ["render", "istio", "mine.yaml", "--for", "orders", "--registry", "localhost:5000/mesh"];
      const { exitCode, stdout } = await runMain(args, author.root);
      expect(exitCode).toBe(0);
      const index = await readFile(path.join(author.root, "build/mine.oci/index.json"), "utf8");
      const [{ digest }] = JSON.parse(index).manifests;
      const [plugin] = documents(stdout);
      expect(plugin.spec.url).toBe(`oci://localhost:5000/mesh/mine@${digest}`);
      await bundleOf(author);
    } finally {
      await author[Symbol.asyncDispose]();
    }
  });

  /** A bundle is one plugin, with the settings of each of its filters. */
  async function bundleOf(author: AuthorPackage) {
    await runMain(["build", "--bundle", "edge", "trace-headers", "mine"], author.root);
    await author.write("edge.yaml", "{ trace-headers: { responseHeader: x-trace-id }, mine: {} }");
    const { exitCode, stdout, stderr } = await runMain(
      [
        "render",
        "istio",
        "edge.yaml",
        "--gateway",
        "front",
        "--registry",
        "localhost:5000",
        "--istio",
        "1.31",
      ],
      author.root,
    );
    expect({ exitCode, failed: stderr.includes("meshwright:") }).toEqual({ exitCode: 0, failed: false });
    const plugins = documents(stdout).filter(({ kind }) => kind === "TrafficExtension");
    expect(plugins.map(({ spec }) => [spec.selector.matchLabels, spec.wasm.pluginConfig])).toEqual([
      [{ istio: "front" }, { "trace-headers": { responseHeader: "x-trace-id" }, mine: {} }],
    ]);
    expect(plugins[0].spec.wasm.url).toMatch(/^oci:\/\/localhost:5000\/edge@sha256:[0-9a-f]{64}$/);
    expect(crdProblems(stdout, "1.30.8")).toEqual([]);
  }

  test("without a registry a placeholder stands for it, which is told", async () => {
    const { stderr } = await render(await file("trace-headers.yaml", "{}"), "--for", "web");
    expect(stderr).toContain("warning: registry.example/meshwright stands for your registry");
  });

  test("a tag alone is refused, with the reason", async () => {
    expect(await failureOf(DEMO, "--image", "rate-limit=oci://registry.example/rate-limit:1")).toEqual({
      exitCode: 2,
      line: expect.stringContaining('has the tag "1" and no digest; a tag can move'),
    });
  });
});

describe("filters' files", () => {
  const routing = {
    rules: [{ name: "premium", match: { headers: [{ name: "x-user", exact: "p" }] }, destination: "v2" }],
  };

  test("where a service is called: the plugin, and routes that follow it", async () => {
    const name = await file("header-routing.yaml", routing);
    const { stdout, stderr, exitCode } = await render(
      ...[name, ...imageOf("header-routing"), "--for", "orders", "--namespace", "shop"],
      ...["--caller", "web", "--default", "v1", "--port", "orders=81", "--without", "ConfigMap"],
    );
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining("--default")]);
    const [routes, versions, plugin, ...others] = documents(stdout);
    expect(others).toEqual([]);
    expect(routes.spec.http.map(({ route }: { route: unknown }) => route)).toEqual([
      [{ destination: { host: "orders.shop.svc.cluster.local", subset: "v2" } }],
      [{ destination: { host: "orders.shop.svc.cluster.local", subset: "v1" } }],
      [{ destination: { host: "orders.shop.svc.cluster.local", subset: "v1" } }],
    ]);
    expect(routes.spec.http[0]).not.toHaveProperty("retries");
    expect(versions.spec.subsets).toHaveLength(2);
    expect(plugin.spec).toMatchObject({
      selector: { matchLabels: { app: "web" } },
      match: [{ mode: "CLIENT", ports: [{ number: 81 }] }],
    });
    expect(crdProblems(stdout, "1.24.2")).toEqual([]);
  });

  test("before an app, and where every workload calls it", async () => {
    const name = await file("trace-headers.yaml", "{}");
    const specs = async (...args: readonly string[]) => {
      const { stdout } = await render(name, ...imageOf("trace-headers"), "--for", "orders", ...args);
      return documents(stdout).find(({ kind }) => kind === "WasmPlugin");
    };
    const inbound = await specs("--at", "inbound", "--port", "80:9000");
    expect(inbound.spec).toMatchObject({
      selector: { matchLabels: { app: "orders" } },
      match: [{ mode: "SERVER", ports: [{ number: 9000 }] }],
    });
    const everywhere = await specs();
    expect(everywhere.metadata.name).toBe("callers-orders-trace-headers");
    expect(everywhere.spec).not.toHaveProperty("selector");
    expect(everywhere.spec.match).toEqual([{ mode: "CLIENT", ports: [{ number: 8080 }] }]);
  });

  test("of the upstream chain: an EnvoyFilter, and what the routes must remove", async () => {
    const name = await file("retry-budget.yaml", "{}");
    const args = [name, ...imageOf("retry-budget"), "--for", "orders", "--protocol", "grpc"];
    const { stdout, stderr } = await render(...args, "--without", "ConfigMap");
    expect(documents(stdout).map(({ kind, metadata }) => [kind, metadata.name])).toEqual([
      ["EnvoyFilter", "orders-attempts"],
    ]);
    expect(stdout).toContain("http2_protocol_options: {}");
    expect(stderr).toContain("remove: [x-envoy-ratelimited]");
    const gateway = await render(...args, "--gateway", "front", "--without", "ConfigMap");
    expect(documents(gateway.stdout).map(({ metadata }) => metadata.name)).toEqual(["gateway-attempts"]);
  });

  test("several, in the order of the words", async () => {
    const files = [await file("trace-headers.yaml", "{}"), await file("header-routing.yaml", routing)];
    const { stdout } = await render(
      ...files,
      ...imageOf("trace-headers"),
      ...imageOf("header-routing"),
      "--for",
      "orders",
    );
    const plugins = documents(stdout).filter(({ kind }) => kind === "WasmPlugin");
    expect(plugins.map(({ metadata, spec }) => [metadata.name, spec.priority])).toEqual([
      ["callers-orders-trace-headers", 1000],
      ["callers-orders-header-routing", 990],
    ]);
  });

  test.each([
    [[], /say what the filters stand before: --for SERVICE, or --gateway NAME/],
    [["--for", "Orders"], /--for: "Orders" cannot be a name in Kubernetes/],
    [["--for", "orders", "--at", "inbound"], /header-routing has nothing to choose at "inbound"/],
    [["--for", "orders", "--at", "inbound", "--caller", "web"], /--caller names who calls/],
    [["--for", "orders", "--port", "70000"], /a port is from 1 to 65535/],
    [["--for", "orders", "--port", "81", "--port", "82"], /given twice/],
    [["--for", "orders", "--host", "a b"], /Kubernetes does not take this name/],
  ])("with %j is refused", async (args, message) => {
    const name = await file("header-routing.yaml", routing);
    expect(await failureOf(name, ...imageOf("header-routing"), ...args)).toEqual({
      exitCode: 2,
      line: expect.stringMatching(message),
    });
  });

  test("a mesh file has its filters in it", async () => {
    const name = await file("trace-headers.yaml", "{}");
    expect((await failureOf(DEMO, name)).line).toContain("is a mesh file, which has its filters in it");
    expect((await failureOf(DEMO, ...IMAGES, "--for", "orders")).line).toContain("--for");
  });

  test("a service that a filter calls must be named", async () => {
    const limited = {
      service: { cluster: "limits", domain: "d" },
      rules: [{ name: "a", key: [{ header: "x-user" }], global: {} }],
    };
    const name = await file("rate-limit.yaml", limited);
    const args = [name, ...imageOf("rate-limit"), "--for", "orders", "--at", "inbound"];
    expect((await failureOf(...args)).line).toMatch(
      /rate-limit\.yaml:2:3: service\.cluster: .*--grpc-service limits=/,
    );
    const { stdout } = await render(...args, "--grpc-service", "limits=http://limits.infra.svc:8081");
    expect(stdout).toContain("cluster: outbound|8081||limits.infra.svc.cluster.local");
  });
});

describe("what would go wrong in the cluster is refused with file and line", () => {
  test("a number that a cluster changes", async () => {
    const name = await file(
      "header-routing.yaml",
      "rules:\n  - name: n\n    destination: v1\n    match:\n      headers:\n        - name: x-n\n          range:\n            from: 1\n            to: 123456789012345678\n",
    );
    const { exitCode, line } = await failureOf(name, ...imageOf("header-routing"), "--for", "orders");
    expect(exitCode).toBe(1);
    expect(line).toMatch(/header-routing\.yaml:9:13: rules\[0\]\.match\.headers\[0\]\.range\.to: /);
  });

  test("settings that a schema refuses, a file of several documents, and aliases that grow", async () => {
    for (const [text, message] of [
      ["rules: [{ name: a }]", /header-routing\.yaml:1:9: /],
      ["rules: []\n---\nrules: []\n", /header-routing\.yaml:2:\d: a second document begins here/],
      [
        `a: &a [x,x]\n${[..."bcdefgh"].map((key, i) => `${key}: &${key} [*${"abcdefg"[i]},*${"abcdefg"[i]}]`).join("\n")}`,
        /alias/,
      ],
      ["", /the file is empty/],
      ["rules: [", /header-routing\.yaml:1:/],
    ] as const) {
      const name = await file("header-routing.yaml", text);
      const { exitCode, line } = await failureOf(name, ...imageOf("header-routing"), "--for", "orders");
      expect([exitCode, line]).toEqual([1, expect.stringMatching(message)]);
    }
  });
});

describe("--output", () => {
  test("writes a file for each resource, in place of those of an earlier run", async () => {
    const first = await render(DEMO, ...IMAGES, "--output", at("out"));
    expect(first.exitCode).toBe(0);
    expect(first.stdout.split("\n")).toContain(`${at("out")}/wasmplugin-gateway-rate-limit.yaml`);
    const text = (
      await Promise.all((await yamlIn("out")).map((name) => readFile(at(`out/${name}`), "utf8")))
    ).join("---\n");
    expect(documents(text)).toHaveLength(documents(demo).length);
    await render(DEMO, ...IMAGES, "--output", at("out"), "--istio", "1.31");
    expect((await yamlIn("out")).filter((name) => name.startsWith("wasmplugin"))).toEqual([]);
    await render(DEMO, ...IMAGES, "--output", at("out"), "--gateway-namespace", "edge");
    expect(await yamlIn("out/edge")).toContain("wasmplugin-gateway-rate-limit.yaml");
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });

  const yamlIn = async (name: string) =>
    (await readdir(at(name))).filter((each) => each.endsWith(".yaml")).sort();

  test("a folder of something else stays as it is", async () => {
    await mkdir(at("mine"));
    await writeFile(at("mine/thesis.txt"), "years");
    expect(await failureOf(DEMO, ...IMAGES, "--output", at("mine"))).toEqual({
      exitCode: 11,
      line: `meshwright: cannot write ${at("mine")}: it exists and is no output of render; remove it, or choose another folder with --output`,
    });
    expect(await readdir(at("mine"))).toEqual(["thesis.txt"]);
  });

  test("a folder that cannot be made is told, and leaves nothing", async () => {
    await writeFile(at("a-file"), "");
    const { exitCode, line } = await failureOf(DEMO, ...IMAGES, "--output", at("a-file/out"));
    expect([exitCode, line]).toEqual([
      11,
      expect.stringMatching(/cannot write .*a-file\/out \(\w+\): make room/),
    ]);
    expect((await readdir(folder)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});

test.runIf(existsSync("/dev/full"))("a full disk behind standard output is told", async () => {
  const full = openSync("/dev/full", "w");
  try {
    const child = spawnSync(process.execPath, [CLI, "render", "istio", DEMO, ...IMAGES], {
      stdio: ["ignore", full, "pipe"],
      encoding: "utf8",
    });
    expect(child.status).toBe(11);
    expect(child.stderr).toContain(
      "meshwright: standard output does not have all resources (ENOSPC): make room",
    );
  } finally {
    closeSync(full);
  }
});

describe("--diff", () => {
  const diff = (...args: readonly string[]) => render(DEMO, ...IMAGES, "--diff", ...args);

  test("nothing, where the cluster has what was rendered, in any form", async () => {
    const live = documents(demo).map((each) => ({
      ...each,
      metadata: { ...each.metadata, uid: "1", managedFields: [{}], resourceVersion: "2" },
      status: {},
    }));
    const list = await file("live.yaml", { apiVersion: "v1", kind: "List", items: live.toReversed() });
    expect(await diff(list)).toMatchObject({ exitCode: 0, stdout: "" });
    await mkdir(at("applied/sub"), { recursive: true });
    await writeFile(at("applied/sub/all.yml"), demo);
    await writeFile(at("applied/notes.txt"), "not: [yaml");
    expect(await diff(at("applied"))).toMatchObject({ exitCode: 0, stdout: "" });
  });

  test("a changed field, a new resource, and one in another namespace", async () => {
    const changed = demo
      .replace("timeout: 3s", "timeout: 4s")
      .replace(
        "name: stock-trace-headers\n  namespace: default",
        "name: stock-trace-headers\n  namespace: shop",
      );
    const { exitCode, stdout, stderr } = await diff(await file("changed.yaml", changed));
    expect(exitCode).toBe(13);
    expect(stdout).toContain("-      timeout: 4s\n+      timeout: 3s\n");
    expect(stderr).toContain("\nchanged: VirtualService default/orders\n");
    expect(stderr).toContain(
      "\nnew: WasmPlugin default/stock-trace-headers; one of this name is in namespace shop\n",
    );
    expect(stderr).toContain("not rendered, and not compared: WasmPlugin shop/stock-trace-headers\n");
  });

  test("what is no YAML is refused with file and line; unknown kinds are not", async () => {
    const broken = await file("broken.yaml", "kind: List\nitems:\n  - a: [\n");
    const { exitCode, stderr } = await diff(broken);
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringMatching(/existing resources refused: .*broken\.yaml:\d+:\d+: /),
    ]);
    const odd = await file(
      "odd.yaml",
      "apiVersion: x/v9\nkind: Unknown\nmetadata: { name: a }\n---\n- 1\n---\n",
    );
    expect((await diff(odd)).exitCode).toBe(13);
    expect((await diff(at("nowhere"))).stderr).toContain("there is no such file or folder");
  });

  test("and --output do not go together", async () => {
    expect((await failureOf(DEMO, ...IMAGES, "--diff", "x", "--output", "y")).exitCode).toBe(2);
  });
});

test("--cluster gives the settings that an EnvoyFilter would replace", async () => {
  const rule = {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "orders", namespace: "default" },
    spec: { host: "orders", trafficPolicy: { connectionPool: { http: { idleTimeout: "9s" } } } },
  };
  const { stdout } = await render(DEMO, ...IMAGES, "--cluster", await file("cluster.yaml", rule));
  expect(stdout).toContain("idle_timeout: 9s");
});
