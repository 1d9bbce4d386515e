// A filter that keeps nothing per stream is not told when a plugin ends. The cost of a request must
// not depend on how often the filter was configured.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileProbe } from "../../test/support/compile-probe.js";
import { type HostedModule, loadModule } from "./load.js";

const CALLBACKS_BETWEEN_LOOKS = 256;

let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-reconfigured-"));
  file = path.join(folder, "reader.wasm");
  await compileProbe("test/probes/read-header/index.ts", file);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

function hostCallsOfOne(module: HostedModule): ReadonlyMap<string, number> {
  return module.exchange([[":path", "/"]]).hostCalls;
}

test("a request costs the same host calls after ten configurations as after one", () => {
  const module = loadModule(file);
  module.configure("");
  const once = hostCallsOfOne(module);
  for (let i = 0; i < 10; i++) module.configure("");
  for (let i = 0; i < CALLBACKS_BETWEEN_LOOKS; i++) hostCallsOfOne(module);
  expect(hostCallsOfOne(module)).toEqual(once);
});

test("two plugins in one VM stay distinct", () => {
  const module = loadModule(file);
  module.configure("", { plugin: "one" });
  module.configure("", { plugin: "two" });
  for (let i = 0; i < 3 * CALLBACKS_BETWEEN_LOOKS; i++) {
    for (const plugin of ["one", "two"]) {
      const { hostCalls } = module.exchange([[":path", "/"]], { plugin });
      expect(hostCalls.get("proxy_get_header_map_value")).toBe(1);
    }
  }
});

test("a plugin continues to serve when another configuration of it is refused", () => {
  const module = loadModule(file);
  module.configure("");
  const served = { proxy_get_header_map_value: 1 };
  expect(Object.fromEntries(hostCallsOfOne(module))).toEqual(served);
  expect(module.configure("refused").accepted).toBe(false);
  expect(Object.fromEntries(hostCallsOfOne(module))).toMatchObject(served);
});
