// Metrics with labels through a probe filter in stock Envoy, as Prometheus reads them.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-metrics-"));
  const module = path.join(folder, "metrics.wasm");
  await compileProbe("test/probes/metrics/index.ts", module);
  upstream = await startUpstream();
  envoy = await startEnvoy({ filters: [{ name: "metrics", module }], upstreams: { upstream } });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Values that a label may have, and what Prometheus reads. */
const RULES: [string, string][] = [
  ["beta", "beta"],
  ["", ""],
  ["a;outcome=forged", "a%3Boutcome%3Dforged"],
  ["http://x.y:80/", "http%3A//x.y%3A80/"],
  ["100%", "100%25"],
  ['quoted "x" \\', 'quoted \\"x\\" \\\\'],
  ["é €", "é €"],
];

async function prometheus(): Promise<readonly string[]> {
  const response = await fetch(`${envoy.admin.url}/stats/prometheus`);
  return (await response.text()).split("\n").filter((line) => line.startsWith("probe_"));
}

test("a call returns its status, and a value can be read if there is one", async () => {
  const response = await send(envoy.url, { headers: [["x-rule", "statuses"]] });
  // A counter takes 1 and more. A histogram has no value to read, and an unknown metric is not
  // found.
  expect(response.header("x-saw")).toBe("0 2 2 0 0 0 2 7 77 78 2 1");
});

test("labels of all three types become tags, whatever their values contain", async () => {
  for (const [rule] of RULES) {
    await send(envoy.url, { headers: [["x-rule", Buffer.from(rule).toString("latin1")]] });
  }
  const lines = await prometheus();
  for (const [, shown] of RULES) {
    const labels = `{rule="${shown}",outcome="seen"}`;
    expect(lines).toContain(`probe_requests${labels} 2`);
    expect(lines).toContain(`probe_level${labels} 7`);
  }
  expect(lines.filter((line) => !line.includes(',outcome="seen"'))).toEqual([]);
});

test("a histogram is counted and summed after Envoy has gathered it from its workers", async () => {
  await send(envoy.url, { headers: [["x-rule", "gathered"]] });
  // Envoy gathers every five seconds. It keeps a value to within a tenth.
  const labels = '{rule="gathered",outcome="seen"}';
  await expect.poll(prometheus).toContain(`probe_size_count${labels} 1`);
  const sum = (await prometheus()).find((line) => line.startsWith(`probe_size_sum${labels}`));
  expect(Number(sum?.split(" ").at(-1))).toBeCloseTo(300, -2);
});
