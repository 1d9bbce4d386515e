// One module from Go's own compiler, in process and in stock Envoy: a large runtime that needs
// `_initialize`, clocks and output of WASI.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { send } from "../../../kit/envoy/client.js";
import { buildGoModule } from "../../support/go-module.js";
import { isMissing, needs } from "../../support/tools.js";
import { BothProxies } from "./both-proxies.js";
import "../../../kit/vitest.js";

let folder: string;
let both: BothProxies;

async function start(): Promise<void> {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-go-"));
  const module = await buildGoModule(path.join(PACKAGE_ROOT, "test", "probes", "go"), folder);
  both = await BothProxies.start({
    name: "go",
    module,
    configuration: "gate",
    respond: () => ({ body: "got" }),
  });
}

async function stop(): Promise<void> {
  await both?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
}

const request = (command: string) => ({
  headers: [
    ["host", "shop.test"],
    ["x-do", command],
  ] as const,
});

describe.skipIf(isMissing("go"))(`a module from Go's compiler ${isMissing("go") ? needs("go") : ""}`, () => {
  beforeAll(start, 240_000);
  afterAll(stop);

  test("says the same about its configuration, on its standard output", () => {
    expect(both.linesInEnvoy()).toContain("configured: gate");
    expect(both.linesInProcess()).toEqual(both.linesInEnvoy());
  });

  test.each(["nothing", "reply", "garbage", "time"])("does the same with %s", (command) =>
    both.agreeOn(request(command)),
  );

  test("counts the same", async () => {
    const stats = await both.envoy.admin.stats("wasmcustom.go");
    expect(both.proxy).toHaveMetric("go_requests", 4);
    expect(stats.get("wasmcustom.go_requests")).toBe(4);
  });

  test("names its functions when it panics", async () => {
    const { response } = both.inProcess(request("panic"));
    const answer = await send(both.envoy.url, request("panic"));
    expect(response).toMatchObject({ status: answer.status, body: answer.body });
    const { message = "" } = both.proxy.traps.at(-1) ?? {};
    expect(message).toMatch(/^unreachable in runtime\.abort/);
    expect(message).toContain("in main.onRequestHeaders (byte 0x");
  });
});
