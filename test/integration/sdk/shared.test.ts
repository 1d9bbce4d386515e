// Shared data and shared queues through a probe filter on two workers of stock Envoy.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-shared-"));
  const module = path.join(folder, "shared.wasm");
  await compileProbe("test/probes/shared/index.ts", module);
  upstream = await startUpstream();
  envoy = await startEnvoy({
    filters: [{ name: "shared", module }],
    upstreams: { upstream },
    workers: 2,
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function saw(command: string, key: string): Promise<string | undefined> {
  const response = await send(envoy.url, {
    headers: [
      ["x-do", command],
      ["x-key", key],
    ],
  });
  expect(response.status).toBe(200);
  return response.header("x-saw");
}

/** A connection for each request: the kernel spreads them over the workers. */
function together(times: number, command: string, key: string): Promise<(string | undefined)[]> {
  return Promise.all(Array.from({ length: times }, () => saw(command, key)));
}

describe("shared data", () => {
  test("tells an absent value from an empty one", async () => {
    expect(await saw("get", "absent")).toBe("null");
    expect(await saw("set-empty", "empty")).toBe('0 ""');
    expect(await saw("get", "empty")).toBe('""');
    expect(await saw("set-large", "large")).toBe("0 1000000");
  });

  test("compare-and-set knows whether another write came first, also when there was no value", async () => {
    expect(await saw("compare", "compared")).toBe('null null 0 8 "one" 0 8 ""');
  });

  test("an update can keep a value, tries no more often than its limit, and says when it gives up", async () => {
    expect(await saw("leave", "left")).toBe("1 null");
    expect(await saw("no-attempts", "left")).toBe("2 null");
    expect(await saw("hindered", "hindered")).toBe('2 3 "one"');
  });

  test("no increment is lost between workers", async () => {
    expect(new Set(await together(200, "add-often", "counter"))).toEqual(new Set(["0"]));
    expect(await saw("number", "counter")).toBe("10000");
  });

  test("nor is the first increment, when two workers find no value", async () => {
    for (let i = 0; i < 60; i++) {
      await together(4, "add", `first-${i}`);
      expect(await saw("number", `first-${i}`)).toBe("4");
    }
  });
});

describe("shared queues", () => {
  test("have a number for their name and VM, keep the order, and do no harm when empty or unknown", async () => {
    expect(await saw("queues", "")).toBe('true 0 0 1 null null "one" "" null');
  });

  test("hand each entry to a worker once, whichever worker added it", async () => {
    expect(new Set(await together(200, "enqueue", "entry"))).toEqual(new Set(["0"]));
    await expect.poll(() => saw("taken", "")).toBe("200");
  });
});
