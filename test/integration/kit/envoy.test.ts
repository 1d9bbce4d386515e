// The harness itself, with Envoy as a process and as a container.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { DESTINATION_HEADER } from "../../../envoy/config/route.js";
import { localImage } from "../../../envoy/runtime/image.js";
import { makeImage } from "../../../envoy/runtime/make-image.js";
import { defaultEnvoyVersion } from "../../../envoy/runtime/releases.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy as startEither } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { whyNoContainer } from "../../../kit/envoy/runtime.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import { buildProbeModule, PROBE_HEADER, PROBE_REFUSAL, PROBE_REFUSED } from "../../support/probe-module.js";

let directory: string;
let module: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "meshwright-harness-"));
  module = await buildProbeModule(directory);
});
afterAll(() => rm(directory, { recursive: true, force: true }));
afterEach(() => vi.unstubAllEnvs());

for (const runtime of ["process", "container"] as const) {
  const problem = runtime === "container" ? await whyNoContainer() : undefined;
  const startEnvoy = (options: EnvoyOptions) => startEither({ ...options, runtime });

  describe.skipIf(problem !== undefined)(
    `as a ${runtime}${problem === undefined ? "" : `: ${problem}`}`,
    () => {
      describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
        test("a request goes to the destination that its header names, or else to the first upstream", async () => {
          await using one = await startUpstream({ name: "one", protocol });
          await using two = await startUpstream({ name: "two", protocol });
          await using envoy = await startEnvoy({ upstreams: { v1: one, v2: two } });
          showLogsOnFailure(envoy);
          const chosen = await send(`${envoy.url}/a?b=c`, {
            protocol,
            method: "POST",
            headers: [
              [DESTINATION_HEADER, "v2"],
              ["x-a", "1"],
              ["x-a", "2"],
              ["x-bytes", "\xff\xc0\xaf"],
            ],
            body: "é",
          });
          expect(chosen.status).toBe(200);
          expect(JSON.parse(chosen.body)).toMatchObject({ upstream: "two" });
          expect((await send(envoy.url, { protocol })).status).toBe(200);
          expect(one.requests).toHaveLength(1);
          const [request] = two.requests;
          expect(request).toMatchObject({ method: "POST", path: "/a?b=c", body: "é" });
          expect(request?.headers.filter(([name]) => name === "x-a")).toEqual([
            ["x-a", "1"],
            ["x-a", "2"],
          ]);
          expect(request?.headers).toContainEqual(["x-bytes", "\xff\xc0\xaf"]);
          expect(await envoy.accessLog(2)).toMatchObject([
            {
              status: 200,
              route: "v2",
              cluster: "v2",
              protocol: protocol === "http1" ? "HTTP/1.1" : "HTTP/2",
            },
            { status: 200, route: "(fallback)", cluster: "v1" },
          ]);
        });
      });

      test("a running Envoy takes a new configuration, keeps it when the next is refused, and says why", async () => {
        await using upstream = await startUpstream();
        await using envoy = await startEnvoy({
          upstreams: { v1: upstream },
          filters: [{ name: "probe", module, configuration: "one" }],
        });
        showLogsOnFailure(envoy);
        const shown = async () => (await send(envoy.url)).header(PROBE_HEADER);
        expect(await shown()).toBe('"one"');
        expect(await envoy.configure("probe", "two")).toEqual({ accepted: true });
        expect(await shown()).toBe('"two"');
        expect(await envoy.configure("probe", PROBE_REFUSED)).toEqual({
          accepted: false,
          reason: expect.stringContaining(PROBE_REFUSAL),
        });
        expect(await shown()).toBe('"two"');
        expect(await envoy.configure("probe", "three")).toEqual({ accepted: true });
        expect(await shown()).toBe('"three"');
      });

      test("two filters from one module have their own configurations", async () => {
        await using upstream = await startUpstream();
        await using envoy = await startEnvoy({
          upstreams: { v1: upstream },
          filters: [
            { name: "first", module, configuration: 1 },
            { name: "second", module, configuration: 2 },
          ],
        });
        showLogsOnFailure(envoy);
        expect(await envoy.configure("second", 3)).toEqual({ accepted: true });
        const { headers } = await send(envoy.url);
        expect(headers.filter(([name]) => name === PROBE_HEADER).map(([, value]) => value)).toEqual([
          "3",
          "1",
        ]);
      });

      test("labels in a metric's name are tags, including empty values and values with dots", async () => {
        await using upstream = await startUpstream();
        await using envoy = await startEnvoy({
          upstreams: { v1: upstream },
          filters: [{ name: "probe", module }],
        });
        showLogsOnFailure(envoy);
        await send(envoy.url);
        expect(await envoy.admin.prometheus()).toMatch(
          /^probe_requests\{rule="beta\.users",destination="",outcome="routed"\} 1$/m,
        );
      });

      test("a configuration that is refused at the start ends Envoy and its folder, with the filter's reason", async () => {
        await using upstream = await startUpstream();
        // A folder of its own, because other test files make and remove folders in the common one
        // meanwhile.
        const place = await mkdtemp(join(directory, "tmp-"));
        vi.stubEnv("TMPDIR", place);
        await expect(
          startEnvoy({
            upstreams: { v1: upstream },
            filters: [{ name: "probe", module, configuration: PROBE_REFUSED }],
          }),
        ).rejects.toMatchObject({ code: "configuration", message: expect.stringContaining(PROBE_REFUSAL) });
        expect(await readdir(place)).toEqual([]);
      });

      test("options of listener and routes reach Envoy", async () => {
        let attempts = 0;
        await using upstream = await startUpstream({
          respond: () => {
            attempts += 1;
            return { status: attempts === 1 ? 503 : 200 };
          },
        });
        await using envoy = await startEnvoy({
          upstreams: { v1: upstream },
          listenerOptions: { maxRequestHeaders: 20 },
          routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
        });
        showLogsOnFailure(envoy);
        expect((await send(envoy.url)).status).toBe(200);
        expect(attempts).toBe(2);
        expect(upstream.requests[1]?.headers).toContainEqual(["x-envoy-attempt-count", "2"]);
        const headers = Array.from({ length: 30 }, (_, i) => [`x-${i}`, "a"] as const);
        expect((await send(envoy.url, { headers })).status).toBe(431);
      });

      test("bytes that no ordinary client sends reach Envoy unchanged", async () => {
        await using upstream = await startUpstream();
        await using envoy = await startEnvoy({ upstreams: { v1: upstream } });
        showLogsOnFailure(envoy);
        const request = (value: string) =>
          rawHttp1(envoy.port, Buffer.from(`GET / HTTP/1.1\r\nhost: a\r\nx-a: ${value}\r\n\r\n`, "latin1"));
        expect(await request("\xc0\xaf")).toMatch(/^HTTP\/1\.1 200 /);
        expect(upstream.requests[0]?.headers).toContainEqual(["x-a", "\xc0\xaf"]);
        expect(await request("a\0b")).toMatch(/^HTTP\/1\.1 400 /);
        expect(upstream.requests).toHaveLength(1);
      });
    },
  );
}

const problem = await whyNoContainer();

test.skipIf(problem !== undefined)(
  `a container with its own network reaches upstreams and can be reached: ${problem ?? "published ports"}`,
  async () => {
    await using upstream = await startUpstream({ address: "0.0.0.0" });
    await using envoy = await startEither({
      upstreams: { v1: upstream },
      filters: [{ name: "probe", module, configuration: "one" }],
      runtime: "container",
      network: "published",
    });
    showLogsOnFailure(envoy);
    expect((await send(envoy.url)).header(PROBE_HEADER)).toBe('"one"');
    expect(await envoy.configure("probe", "two")).toEqual({ accepted: true });
    expect((await send(envoy.url)).header(PROBE_HEADER)).toBe('"two"');
  },
);

test.skipIf(problem !== undefined || process.platform !== "linux")(
  `an image is made from the pinned wheel, and serves: ${problem ?? "meshwright image"}`,
  async () => {
    const image = await makeImage();
    expect(image).toBe(localImage(process.env.ENVOY_VERSION || defaultEnvoyVersion));
    vi.stubEnv("ENVOY_IMAGE", image);
    await using upstream = await startUpstream();
    await using envoy = await startEither({ upstreams: { v1: upstream }, runtime: "container" });
    showLogsOnFailure(envoy);
    expect((await send(envoy.url)).status).toBe(200);
  },
);

test.skipIf(problem !== undefined)(
  `an image that is not available is an error that says so: ${problem ?? "ENVOY_IMAGE"}`,
  async () => {
    vi.stubEnv("ENVOY_IMAGE", "localhost:1/no/such:1");
    const started = startEither({ upstreams: { v1: { port: 1 } }, runtime: "container" });
    await expect(started).rejects.toMatchObject({
      code: "envoy-not-found",
      message: expect.stringMatching(/localhost:1\/no\/such:1 is not on this machine .*unset ENVOY_IMAGE/),
    });
  },
);
