// `meshwright run` before HTTP servers of other makers: routing, edits of the filter's file while
// it runs, and its end.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { parseUpstreams } from "../../../compose/front/arguments.js";
import { planFront } from "../../../compose/front/plan.js";
import { type EnvoyPlan, startPlannedEnvoy } from "../../../compose/planned-envoy.js";
import type { Json } from "../../../envoy/config/json.js";
import { DiscoveryServer } from "../../../envoy/discovery/server.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts, portState } from "../../../envoy/runtime/ports.js";
import { validateBootstrap } from "../../../envoy/runtime/validate.js";
import { buildFilters, modulePath } from "../../../toolchain/compile/build.js";
import { catalogUse } from "../../support/catalog-use.js";
import { isMissing, needs } from "../../support/tools.js";
import { CliProcess, processesNaming } from "./cli-process.js";
import { runMain } from "./run-main.js";

/** One or two whole starts, on a machine that is busy with other tests. */
const TEST_MS = 100_000;

let folder: string;
let routes: string;
let plain: PythonServer;
let beta: PythonServer;

/** Python's own file server, for one folder with one file in it. */
interface PythonServer extends AsyncDisposable {
  readonly url: string;
}

async function servePython(name: string): Promise<PythonServer> {
  const root = path.join(folder, name);
  await mkdir(root);
  await writeFile(path.join(root, "who"), name);
  const [port = 0] = await freePorts(1);
  const child = spawn(
    "python3",
    ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", root],
    {
      stdio: "ignore",
    },
  );
  const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  await vi.waitFor(async () => expect((await fetch(`${url}/who`)).status).toBe(200), 60_000);
  return {
    url,
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

const toBeta = (group: string) =>
  `rules:\n  - name: beta\n    match: { headers: [{ name: x-user-group, exact: ${group} }] }\n    destination: beta\n`;

beforeAll(async () => {
  folder = await realpath(await mkdtemp(path.join(tmpdir(), "run-")));
  routes = path.join(folder, "routes.yaml");
  await writeFile(routes, toBeta("beta"));
  if (isMissing("python3")) return;
  [plain, beta] = await Promise.all([servePython("plain"), servePython("beta")]);
});
afterAll(async () => {
  await plain?.[Symbol.asyncDispose]();
  await beta?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe.skipIf(isMissing("python3"))(
  `meshwright run before python3 -m http.server ${needs("python3")}`,
  { timeout: TEST_MS },
  () => {
    let command: CliProcess;
    let url: string;

    beforeAll(async () => {
      const upstreams = ["--upstream", plain.url, "--upstream", `beta=${beta.url}`];
      command = new CliProcess(
        ["run", ...upstreams, "--filter", "header-routing=routes.yaml", "--port", "0"],
        folder,
      );
      url = (await command.until(/listens on (http:\S+),/))[1] ?? "";
    });
    afterAll(() => command?.[Symbol.asyncDispose]());

    const who = async (group: string) =>
      (await fetch(`${url}/who`, { headers: { "x-user-group": group } })).text();

    it("routes by the rules of the file", async () => {
      expect(await who("beta")).toBe("beta");
      expect(await who("other")).toBe("plain");
    });

    it("applies an edit at once, also from an editor that renames", async () => {
      await writeFile(routes, toBeta("gamma"));
      await command.until(/applied: header-routing at routes\.yaml/);
      await expect.poll(() => who("gamma")).toBe("beta");
      expect(await who("beta")).toBe("plain");
      await writeFile(`${routes}.new`, toBeta("delta"));
      await rename(`${routes}.new`, routes);
      await command.until(/(?:applied: .*\n[\s\S]*){2}/);
      await expect.poll(() => who("delta")).toBe("beta");
    });

    it("says what is wrong with an edit, and keeps the last good settings", async () => {
      await writeFile(routes, toBeta("delta").replace("destination: beta", "destination: [beta]"));
      await command.until(
        /refused: routes\.yaml:4:\d+: rules\[0\]\.destination: .*the last good settings stay/,
      );
      expect(await who("delta")).toBe("beta");
      await writeFile(routes, toBeta("delta").replace("rules:", "destinationHeader: x-to\nrules:"));
      await command.until(/restart to apply: destinationHeader of routes\.yaml/);
      expect(await who("delta")).toBe("beta");
    });

    it("ends on Ctrl-C and leaves nothing", async () => {
      command.kill("SIGINT");
      expect(await command.exited).toBe(0);
      expect(command.stderr).toBe("");
      expect(await portState(Number(new URL(url).port))).toBe("free");
      expect(existsSync(path.join(folder, ".meshwright"))).toBe(false);
      expect(processesNaming(path.join(folder, ".meshwright"))).toEqual([]);
    });
  },
);

describe.skipIf(isMissing("python3"))("a configuration that only the filter itself can refuse", () => {
  const WRONG: Json = { rules: [{ name: "a", destination: 7 }] };
  const RIGHT: Json = { rules: [{ name: "a", destination: "beta" }] };
  const plan = (config: Json, port: number, adminPort: number): EnvoyPlan =>
    planFront({
      port,
      adminPort,
      upstreams: parseUpstreams([plain.url, `beta=${beta.url}`]),
      filters: [catalogUse("header-routing", config)],
      modulePath: ({ filter }) => modulePath(filter),
    });
  let discovery: DiscoveryServer;
  beforeEach(async () => {
    discovery = await DiscoveryServer.start();
  });
  afterEach(() => discovery[Symbol.asyncDispose]());

  const start = async (config: Json) => {
    await buildFilters(["header-routing"]);
    const [port = 0, adminPort = 0] = await freePorts(2);
    const directory = path.join(folder, "planned");
    return startPlannedEnvoy(plan(config, port, adminPort), {
      binary: await findEnvoy(),
      discovery,
      directory,
    });
  };

  it("ends the start with the filter's own reason", async () => {
    await expect(start(WRONG)).rejects.toMatchObject({
      code: "configuration",
      message: expect.stringMatching(
        /^Envoy "envoy" refuses the filter header-routing: .*rules\[0\]\.destination/,
      ),
    });
  });

  it("leaves a running Envoy with the last good settings", async () => {
    await using envoy = await start(RIGHT);
    const [wrong] = plan(WRONG, 1, 2).filters;
    const [right] = plan(RIGHT, 1, 2).filters;
    if (wrong === undefined || right === undefined) throw new Error("no filter was planned");
    expect(await envoy.apply(wrong)).toEqual({
      accepted: false,
      reason: expect.stringMatching(/rules\[0\]\.destination/),
    });
    const { port_value } = envoy.plan.bootstrap.static_resources.listeners[0]?.address.socket_address ?? {};
    expect(await (await fetch(`http://127.0.0.1:${port_value}/who`)).text()).toBe("beta");
    expect(await envoy.apply(right)).toEqual({ accepted: true });
  });
});

describe.skipIf(isMissing("python3"))("meshwright run", { timeout: TEST_MS }, () => {
  it("prints a configuration that stock Envoy accepts unchanged", async () => {
    await writeFile(path.join(folder, "good.yaml"), toBeta("beta"));
    const words = ["run", "--upstream", plain.url, "--upstream", `beta=${beta.url}`, "--print-config"];
    const { exitCode, stdout } = await runMain([...words, "--filter", "header-routing=good.yaml"], folder);
    expect(exitCode).toBe(0);
    await validateBootstrap(await findEnvoy(), parse(stdout));
  });

  it("refuses a wrong file before anything starts", async () => {
    await writeFile(path.join(folder, "bad.yaml"), "rules: [{ name: a }]\nrule: 1\n");
    const { exitCode, stderr, stdout } = await runMain(
      ["run", "--upstream", plain.url, "--filter", "header-routing=bad.yaml", "--port", "0"],
      folder,
    );
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^meshwright: header-routing configuration refused: bad\.yaml:1:9: rules\[0\]: /);
    expect(stderr).toContain('bad.yaml:2:1: rule: unknown key; did you mean "rules"?');
    expect(stdout).toBe("");
  });

  it("says which port is taken", async () => {
    const port = new URL(plain.url).port;
    const { exitCode, stderr } = await runMain(["run", "--upstream", plain.url, "--port", port], folder);
    expect(exitCode).toBe(7);
    expect(stderr).toMatch(new RegExp(`^meshwright: port ${port} is taken: .*--port N\n$`));
  });

  it("reaches a service on localhost at every request, whichever address family it listens on", async () => {
    const { port } = new URL(plain.url);
    const words = ["run", "--upstream", `http://localhost:${port}`, "--port", "0"];
    await using command = new CliProcess(words, folder);
    const [, front = ""] = await command.until(/listens on (http:[^,]+),/);
    const statuses = new Set<number>();
    for (let i = 0; i < 6; i++) statuses.add((await fetch(`${front}/who`)).status);
    expect(statuses).toEqual(new Set([200]));
  });

  it("says which destinations no upstream serves", async () => {
    await writeFile(path.join(folder, "good.yaml"), toBeta("beta"));
    await using command = new CliProcess(
      ["run", "--upstream", plain.url, "--filter", "header-routing=good.yaml", "--port", "0"],
      folder,
    );
    await command.until(
      /note: no --upstream NAME=URL for beta; their requests go to the upstream without a name/,
    );
    command.kill("SIGTERM");
    expect(await command.exited).toBe(0);
  });
});
