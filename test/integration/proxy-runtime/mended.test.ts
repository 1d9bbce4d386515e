// What `meshwright/proxy-runtime` does better than the original, and a check that it has every name
// of the original.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { loadModule } from "../../../kit/host/load.js";
import { hostProxy } from "../../../kit/host/proxy.js";
import { amount } from "../../support/amount.js";
import { authorPackage, compileFilter, exampleSource, originalNames, probeSource } from "./modules.js";

/** Names that only the original's `exports` file uses. */
const PLUMBING = ["ensureRootContext", "ensureContext", "deleteContext"];

describe("meshwright/proxy-runtime", () => {
  let upstream: Upstream;
  let folder: string;

  beforeAll(async () => {
    folder = await authorPackage(await mkdtemp(path.join(tmpdir(), "meshwright-proxy-runtime-")));
    upstream = await startUpstream();
  });

  afterAll(async () => {
    await upstream?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const compile = async (name: string, source: string) =>
    compileFilter("meshwright/proxy-runtime", source, name, folder);

  test("what later releases and other forks have", async () => {
    const module = await compile("later", await probeSource("later"));
    const proxy = hostProxy({
      workers: 1,
      filters: [{ name: "later", module, rootId: "probe" }],
      upstreams: {
        upstream: () => ({ headers: [["content-type", "text/plain"]], body: "theirs" }),
        judge: () => ({}),
      },
    });
    const ask = (act: string) => proxy.request({ headers: [["x-do", act]] }).response;
    for (const how of ["base", "context", "arrow"]) {
      expect(ask(how)?.status).toBe(200);
      expect(proxy.upstreamSaw("upstream").at(-1)?.headers).toContainEqual(["x-answered", `${how} true`]);
    }
    expect(ask("nothing")?.body).toBe("<mine>");
    expect(ask("refuse")).toMatchObject({ status: 418, body: "<mine>" });
    expect(ask("refuse")?.header("x-a")).toBe("1");
  });

  test("what the original cannot do", async () => {
    const module = await compile("mended", await probeSource("mended"));
    const mended = { name: "mended", module, rootId: "probe" };
    await using envoy = await startEnvoy({ filters: [mended], upstreams: { upstream }, workers: 1 });
    const { headers } = await send(envoy.url, {
      path: "/where",
      headers: [
        ["x-rewrite", "1"],
        ["x-drop-me", "1"],
        ["x-route", "1"],
        ["x-crowd", "1"],
        ["x-grpc", "1"],
      ],
    });
    expect(Object.fromEntries(headers.filter(([name]) => name.startsWith("x-")))).toMatchObject({
      "x-no-property": "0",
      "x-path": "/where",
      "x-own-property": "kept",
      "x-absent": "null",
      "x-shared": "one",
      "x-late": "mismatch",
      "x-shared-0-1-8": "0 tw",
      "x-set-0-1-8": "0",
      "x-emptied": "0",
      "x-metric": "0 2",
      "x-bad-metric": "refused",
      "x-no-function": "0",
      "x-no-body": "0",
      "x-size": "some",
      "x-time": "now",
      "x-same": "yes",
      "x-queue": "same",
      "x-no-queue": "none",
      "x-grpc-called": "0",
    });
    const sent = upstream.requests.at(-1)?.headers ?? [];
    expect(sent.map(([name]) => name)).not.toContain("x-drop-me");
    const rewritten = sent.find(([name]) => name === "x-rewritten")?.[1] ?? "";
    expect(Buffer.from(rewritten, "latin1").toString()).toBe("été");
    await expect.poll(async () => (await send(envoy.url)).header("x-grpc-closed")).toMatch(/^([1-9]\d*) \1$/);
    await expect.poll(async () => (await send(envoy.url)).header("x-queued")).toMatch(/^\++$/);
  });

  test("a root_id that the module does not know is refused, and the reason names it", async () => {
    const module = await compile("roots", await probeSource("roots"));
    const start = (rootId: string) =>
      startEnvoy({ filters: [{ name: "roots", module, rootId }], upstreams: { upstream }, workers: 1 });
    await expect(start("third")).rejects.toMatchObject({
      details: expect.arrayContaining([
        expect.stringContaining("no root context for root_id 'third', only for: first, second"),
      ]),
    });
  });

  test("a plugin without a root_id gets the only root; the memory does not grow over many streams", async () => {
    const vm = loadModule(await compile("headers", await probeSource("headers")));
    vm.configure("");
    const exchange = () =>
      vm.exchange([
        ["x-in", "given"],
        ["x-many", "a"],
      ]);
    expect(exchange().response).toContainEqual(["x-many-seen", "1"]);
    for (let i = 0; i < 1_000; i++) exchange();
    const { pages } = vm;
    for (let i = 0; i < amount(100_000, 20_000); i++) exchange();
    expect(vm.pages).toBe(pages);
  });

  test.each([
    ["index", "meshwright/proxy-runtime"],
    ["runtime", "meshwright/proxy-runtime/runtime"],
  ])("every name of the original's %s file exists", async (file, specifier) => {
    const names = (await originalNames(file)).filter((name) => !PLUMBING.includes(name));
    expect(names.length).toBeGreaterThan(20);
    const source = [
      'export * from "meshwright/proxy-runtime/proxy";',
      `import { ${names.join(", ")} } from "${specifier}";`,
      ...names
        .filter((name) => /^[a-z]/.test(name))
        .map((name) => `export const _${name} = nameof(${name});`),
    ];
    await compile(`names-${file}`, source.join("\n"));
    await expect(compile("no-name", `import { Nothing } from "${specifier}";`)).rejects.toThrow();
  });

  test("the paths of later releases lead to the same module", async () => {
    const source = (await exampleSource())
      .replace('"meshwright/proxy-runtime/proxy"', '"meshwright/proxy-runtime/assembly/proxy"')
      .replace('"meshwright/proxy-runtime"', '"meshwright/proxy-runtime/assembly"');
    const vm = loadModule(await compile("later", source));
    vm.configure("");
    expect(vm.exchange([]).response).toContainEqual(["hello", "world!"]);
  });
});
