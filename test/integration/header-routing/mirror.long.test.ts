// Copies by the header that a rule writes: in an Envoy of one's own, with the routes of the page of
// the filter, and in `meshwright run`.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { parse } from "yaml";
import { describeEvent } from "../../../compose/events.js";
import { parseFilterFiles, parseUpstreams } from "../../../compose/front/arguments.js";
import { startFront } from "../../../compose/front/start.js";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { cluster } from "../../../envoy/config/cluster.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { type Route, virtualHost } from "../../../envoy/config/route.js";
import { wasmFilter } from "../../../envoy/config/wasm.js";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { send } from "../../../kit/envoy/client.js";
import { addressesOf, chooseRuntime, launch } from "../../../kit/envoy/runtime.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { buildFilters } from "../../../toolchain/compile/build.js";
import { upgrade } from "../../support/upgrades.js";
import { upstreamOf } from "./routing-envoy.js";

const WAIT = { timeout: 60_000, interval: 50 };
const MIRRORING = (mirror: string) => ({
  rules: [
    { name: "copied", match: { path: { segments: "/copied" } }, destination: "v2", mirror },
    { name: "rest", match: { path: { segments: "/rest" } }, destination: "v2" },
    {
      name: "inner",
      match: { path: { segments: "/outer" } },
      destination: "v1",
      rewrite: { prefix: "/inner" },
    },
  ],
});

/** A route by path, which a rewrite leads to. */
const INNER: Route = {
  match: { prefix: "/inner" },
  direct_response: { status: 418, body: { inline_string: "inner" } },
};

let folder: string;
let module: string;
let upstreams: Record<"v1" | "v2" | "v3", Upstream>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-mirror-"));
  const [built] = await buildFilters(["header-routing"]);
  if (built === undefined) throw new Error("header-routing was not built");
  module = built.path;
  const named = (name: string) => startUpstream({ name });
  const [v1, v2, v3] = await Promise.all([named("v1"), named("v2"), named("v3")]);
  upstreams = { v1, v2, v3 };
});

afterAll(async () => {
  await Promise.all(Object.values(upstreams ?? {}).map((each) => each[Symbol.asyncDispose]()));
  await rm(folder, { recursive: true, force: true });
});

/** The paths that the mirror has seen, once a copy with that path has come. */
async function pathsAtMirror(last: string): Promise<readonly string[]> {
  const paths = () => upstreams.v3.requests.map((request) => request.path);
  await expect.poll(paths).toContain(last);
  return paths();
}

/** Sends the same requests to any Envoy: what is copied, and who answers. */
async function expectCopies(url: string): Promise<void> {
  const seen = upstreams.v3.requests.length;
  expect(upstreamOf(await send(url, { path: "/copied/1" }))).toBe("v2");
  expect(upstreamOf(await send(url, { path: "/rest/1" }))).toBe("v2");
  const forged: [string, string][] = [["x-mesh-mirror", "v3"]];
  expect(upstreamOf(await send(url, { path: "/rest/2", headers: forged }))).toBe("v2");
  expect(upstreamOf(await send(url, { path: "/", headers: forged }))).toBe("v1");
  const body = { method: "POST", body: "x".repeat(100_000) };
  expect(upstreamOf(await send(url, { path: "/copied/2", ...body }))).toBe("v2");
  expect((await pathsAtMirror("/copied/2")).slice(seen)).toEqual(["/copied/1", "/copied/2"]);
  expect(upstreams.v3.requests.at(-1)?.body).toBe(body.body);
}

/** The routes of the page that copy by a header. */
async function routesOfPage(): Promise<readonly Route[]> {
  const page = await readFile(path.join(PACKAGE_ROOT, "filters/header-routing/README.md"), "utf8");
  const blocks = [...page.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, text]) => text ?? "");
  const block = blocks.find((text) => text.includes("cluster_header"));
  return (parse(block ?? "") as { routes: readonly Route[] }).routes;
}

test("an Envoy of one's own copies to the cluster that the header names", { timeout: 60_000 }, async () => {
  const runtime = await chooseRuntime({});
  const { listen, host } = addressesOf(runtime);
  const [port = 0, adminPort = 0] = await freePorts(2);
  const clusterAt = (name: string, { port: at }: Upstream) =>
    cluster({ name, endpoints: [{ address: host, port: at }] });
  const directory = await mkdtemp(path.join(folder, "own-"));
  const envoy = await launch(runtime, {
    bootstrap: bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      adminAddress: listen,
      listeners: [
        httpListener({
          name: "test",
          address: listen,
          port,
          filters: [
            wasmFilter({ name: "header-routing", module, vmId: "r", configuration: MIRRORING("orders-v3") }),
          ],
          virtualHosts: [virtualHost({ name: "test", routes: [INNER, ...(await routesOfPage())] })],
        }),
      ],
      clusters: [
        clusterAt("orders-v1", upstreams.v1),
        clusterAt("orders-v2", upstreams.v2),
        clusterAt("orders-v3", upstreams.v3),
      ],
    }),
    directory,
    workers: 1,
    ports: [port, adminPort],
    readableFolders: [path.dirname(module)],
  });
  try {
    await expectCopies(`http://127.0.0.1:${port}`);
    const copy = upstreams.v3.requests.at(-1);
    expect(copy?.header("host")).toContain("-shadow");
    // Routes see the rewritten path.
    expect((await send(`http://127.0.0.1:${port}`, { path: "/outer/x" })).status).toBe(418);
  } finally {
    await envoy.stop();
  }
});

describe("run", { timeout: 100_000 }, () => {
  test("copies to the destination that the settings name, and says that another one needs a restart", async () => {
    const file = path.join(folder, "routing.yaml");
    const write = (mirror: string) => writeFile(file, JSON.stringify(MIRRORING(mirror)));
    await write("v3");
    const told: string[] = [];
    await using front = await startFront({
      port: 0,
      cwd: folder,
      filters: parseFilterFiles([`header-routing=${file}`]),
      upstreams: parseUpstreams([
        `http://127.0.0.1:${upstreams.v1.port}`,
        ...(["v2", "v3"] as const).map((name) => `${name}=http://127.0.0.1:${upstreams[name].port}`),
      ]),
      onEvent: (event) => told.push(...describeEvent(event)),
    });
    await expectCopies(front.url);
    await upgrade(`${front.url}/copied/ws`, "websocket");
    expect(upstreamOf(await send(front.url, { path: "/rest/3" }))).toBe("v2");
    await write("v2");
    await vi.waitFor(
      () => expect(told.join("\n")).toMatch(/restart to apply: mirror of .*routing\.yaml/),
      WAIT,
    );
  });

  test("refuses a mirror that is no upstream", async () => {
    const file = path.join(folder, "wrong.yaml");
    await writeFile(file, JSON.stringify(MIRRORING("v9")));
    const starting = startFront({
      port: 0,
      cwd: folder,
      filters: parseFilterFiles([`header-routing=${file}`]),
      upstreams: parseUpstreams([
        `http://127.0.0.1:${upstreams.v1.port}`,
        `v2=http://127.0.0.1:${upstreams.v2.port}`,
      ]),
    });
    await expect(starting).rejects.toThrow(/v9/);
  });
});
