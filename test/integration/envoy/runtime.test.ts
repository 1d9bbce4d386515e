// Stock Envoy as a process: its start and its failures, its end, its admin interface, and filters
// that change while it runs.
import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { withDiscovery } from "../../../envoy/config/discovery.js";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import type { Json } from "../../../envoy/config/json.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { directResponse, virtualHost } from "../../../envoy/config/route.js";
import { discoveredFilter, wasmFilterResource } from "../../../envoy/config/wasm.js";
import { LiveFilter } from "../../../envoy/discovery/live-filter.js";
import { DiscoveryServer } from "../../../envoy/discovery/server.js";
import { MeshwrightError } from "../../../envoy/errors.js";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { type EnvoyBinary, findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts, portState } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { buildProbeModule, PROBE_HEADER, PROBE_REFUSAL, PROBE_REFUSED } from "../../support/probe-module.js";

let binary: EnvoyBinary;
let root: string;
let module: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "meshwright-runtime-"));
  module = await buildProbeModule(root);
  binary = await findEnvoy();
}, 120_000);
afterAll(() => rm(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = () => join(root, `envoy-${++folders}`);

function configuration(port: number, adminPort: number, filters: readonly HttpFilter[] = []) {
  const routes = [directResponse({ status: 200, body: "here" })];
  return bootstrap({
    node: { id: "test", cluster: "test" },
    adminPort,
    listeners: [
      httpListener({ name: "front", port, filters, virtualHosts: [virtualHost({ name: "all", routes })] }),
    ],
    clusters: [],
  });
}

/** Envoy has no field `bogus`. */
const withUnknownField = (port: number, adminPort: number) => ({
  ...configuration(port, adminPort),
  bogus: true,
});

async function failure(of: Promise<unknown>): Promise<MeshwrightError> {
  const error = await of.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(MeshwrightError);
  return error as MeshwrightError;
}

/** Processes whose command line contains a text. */
function processesWith(text: string): string[] {
  const lines = spawnSync("ps", ["-eo", "pid,stat,args"], { encoding: "utf8" }).stdout.split("\n");
  return lines.filter((line) => line.includes(text) && !/^\s*\d+\s+Z/.test(line));
}

describe("startEnvoyProcess", () => {
  test("serves, answers on its admin interface, keeps its log and leaves nothing", async () => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const directory = newFolder();
    {
      await using envoy = await startEnvoyProcess({
        binary,
        bootstrap: configuration(port, adminPort),
        directory,
        name: "front",
      });
      expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe("here");
      expect(await envoy.admin.ready()).toBe(true);
      const info = await envoy.admin.serverInfo();
      expect(info.state).toBe("LIVE");
      expect(info.version).toContain(`/${binary.version}/`);
      const stats = await envoy.admin.stats("^server\\.(live|concurrency)$");
      expect([...stats].sort()).toEqual([
        ["server.concurrency", 1],
        ["server.live", 1],
      ]);
      expect(await envoy.admin.prometheus()).toContain("envoy_server_live{} 1");
      expect(await envoy.admin.configDump()).toHaveProperty("configs");
      expect(await envoy.admin.post("/logging?wasm=debug")).toContain("wasm: debug");
      await expect(envoy.admin.post("/nothing")).rejects.toThrow(/answers 404/);
      expect(envoy.logs()).toContain("starting workers");
      expect(processesWith(directory)).toHaveLength(1);
    }
    expect(processesWith(directory)).toEqual([]);
    expect(await portState(port)).toBe("free");
    expect((await readdir(directory)).sort()).toEqual(["front.json", "front.log"]);
    expect(await readFile(join(directory, "front.log"), "utf8")).toContain("starting workers");
    expect((await stat(join(directory, "front.json"))).mode & 0o777).toBe(0o644);
  });

  test("says why Envoy refused its configuration", async () => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const directory = newFolder();
    const error = await failure(
      startEnvoyProcess({ binary, bootstrap: withUnknownField(port, adminPort), directory }),
    );
    expect(error.code).toBe("envoy-failed");
    expect(error.message).toMatch(
      /^Envoy "envoy" ended with code 1 before it served: .*no such field: 'bogus'/,
    );
    expect(error.details.length).toBeGreaterThan(0);
    expect(processesWith(directory)).toEqual([]);
  });

  test("names the port that is taken, also by another Envoy, and what it was for", async () => {
    const [port = 0, adminPort = 0, otherAdminPort = 0] = await freePorts(3);
    await using _first = await startEnvoyProcess({
      binary,
      bootstrap: configuration(port, adminPort),
      directory: newFolder(),
    });
    const second = await failure(
      startEnvoyProcess({ binary, bootstrap: configuration(port, otherAdminPort), directory: newFolder() }),
    );
    expect(second.code).toBe("port-taken");
    expect(second.message).toContain(`127.0.0.1:${port}, wanted by listener "front"`);
    const third = await failure(
      startEnvoyProcess({
        binary,
        bootstrap: configuration(otherAdminPort, adminPort),
        directory: newFolder(),
      }),
    );
    expect(third.message).toContain(`127.0.0.1:${adminPort}, wanted by the admin interface`);
  });

  test("recognizes a taken port by Envoy's own words", async () => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const server = createServer();
    // An address that is not checked before the start.
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.2", () => resolve()));
    const taken = JSON.parse(
      JSON.stringify(configuration(port, adminPort)).replace(
        `"127.0.0.1","port_value":${port}`,
        `"127.0.0.2","port_value":${port}`,
      ),
    );
    const error = await failure(startEnvoyProcess({ binary, bootstrap: taken, directory: newFolder() }));
    expect(error.code).toBe("port-taken");
    expect(error.message).toContain(`127.0.0.2:${port}`);
    await new Promise((resolve) => server.close(resolve));
  });

  test("ends Envoy when its signal is aborted", async () => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const controller = new AbortController();
    const directory = newFolder();
    const envoy = await startEnvoyProcess({
      binary,
      bootstrap: configuration(port, adminPort),
      directory,
      signal: controller.signal,
    });
    controller.abort();
    await envoy.exited;
    expect(processesWith(directory)).toEqual([]);
    expect(await new AdminClient(envoy.admin.url).ready()).toBe(false);
  });

  test("ends Envoy when its signal is aborted while the start is prepared", async () => {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const controller = new AbortController();
    const directory = newFolder();
    const bootstrap = configuration(port, adminPort);
    const starting = startEnvoyProcess({ binary, bootstrap, directory, signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(starting).rejects.toThrow("no longer wanted");
    expect(processesWith(directory)).toEqual([]);
  });

  test("requires an admin address", async () => {
    const error = await failure(startEnvoyProcess({ binary, bootstrap: {}, directory: newFolder() }));
    expect(error.code).toBe("configuration");
  });
});

describe("validateBootstrap", () => {
  test("accepts a good bootstrap, and quotes Envoy for a bad one", async () => {
    await validateBootstrap(binary, configuration(20_001, 20_002));
    const error = await failure(validateBootstrap(binary, withUnknownField(20_001, 20_002)));
    expect(error.code).toBe("configuration");
    expect(error.message).toMatch(/^Envoy [\d.]+ refuses the configuration: .*no such field: 'bogus'/);
  });
});

describe("LiveFilter", () => {
  const resource = (configuration: Json) => wasmFilterResource({ name: "probe", module, configuration });

  interface Running extends AsyncDisposable {
    readonly envoy: EnvoyProcess;
    readonly live: LiveFilter;
    /** The configuration that serves requests. */
    served(): Promise<string | null>;
  }

  async function run(initial: Json): Promise<Running> {
    const [port = 0, adminPort = 0] = await freePorts(2);
    const directory = newFolder();
    const discovery = await DiscoveryServer.start();
    const source = discovery.source("test");
    source.keep(resource(initial));
    const envoy = await startEnvoyProcess({
      binary,
      directory,
      workers: 2,
      bootstrap: withDiscovery(configuration(port, adminPort, [discoveredFilter("probe")]), discovery.at),
    });
    return {
      envoy,
      live: new LiveFilter({ admin: envoy.admin, logs: () => envoy.logs(), name: "probe", source }),
      served: async () => (await fetch(`http://127.0.0.1:${port}/`)).headers.get(PROBE_HEADER),
      [Symbol.asyncDispose]: async () => {
        await envoy.stop();
        await discovery[Symbol.asyncDispose]();
      },
    };
  }

  const accepted = { accepted: true };
  const refused = { accepted: false, reason: PROBE_REFUSAL };

  test("changes the configuration, and a refused one leaves the last good one in force", async () => {
    await using running = await run("one");
    expect(await running.served()).toBe('"one"');
    expect(await running.live.apply(resource("two"))).toEqual(accepted);
    expect(await running.served()).toBe('"two"');
    expect(await running.live.apply(resource(PROBE_REFUSED))).toEqual(refused);
    for (let request = 0; request < 20; request++) expect(await running.served()).toBe('"two"');
    expect(await running.live.apply(resource("three"))).toEqual(accepted);
    expect(await running.served()).toBe('"three"');
  });

  test("gives the same answer for the same content, although Envoy counts it as a success", async () => {
    await using running = await run("one");
    expect(await running.live.apply(resource("one"))).toEqual(accepted);
    expect(await running.live.apply(resource(PROBE_REFUSED))).toEqual(refused);
    expect(await running.live.apply(resource(PROBE_REFUSED))).toEqual(refused);
    expect(await running.live.apply(resource("one"))).toEqual(accepted);
    expect(await running.live.apply(resource("one"))).toEqual(accepted);
  });

  test("makes Envoy decide again on what it refused at its start", async () => {
    await using running = await run(PROBE_REFUSED);
    expect(await running.live.apply(resource(PROBE_REFUSED))).toEqual(refused);
    expect(await running.live.apply(resource("one"))).toEqual(accepted);
    expect(await running.served()).toBe('"one"');
  });

  test("passes on Envoy's own reason", async () => {
    await using running = await run("one");
    const { name, typed_config } = resource("two");
    expect(await running.live.apply({ name, typed_config: { ...typed_config, config: 1 } })).toEqual({
      accepted: false,
      reason: expect.stringContaining("config"),
    });
    expect(await running.live.apply(resource("one"))).toEqual(accepted);
    expect(await running.served()).toBe('"one"');
  });

  test("makes calls in their order", async () => {
    await using running = await run("zero");
    const calls = ["a", PROBE_REFUSED, "b", PROBE_REFUSED, "c"].map((each) =>
      running.live.apply(resource(each)),
    );
    expect(await Promise.all(calls)).toEqual([accepted, refused, accepted, refused, accepted]);
    expect(await running.served()).toBe('"c"');
  });

  test("says that Envoy has ended", async () => {
    await using running = await run("one");
    await running.envoy.stop();
    expect((await failure(running.live.apply(resource("two")))).code).toBe("envoy-failed");
  });
});
