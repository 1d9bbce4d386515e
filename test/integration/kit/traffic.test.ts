// What the harness offers on both sides of Envoy: TLS with client certificates, trailers, faults,
// several Envoys, filters of the upstream chain.

import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Authority, makeAuthority } from "../../../kit/envoy/certificates.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy as startEither } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { EnvoyOptions } from "../../../kit/envoy/options.js";
import { whyNoContainer } from "../../../kit/envoy/runtime.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { buildProbeModule, PROBE_HEADER } from "../../support/probe-module.js";
import { isMissing, needs } from "../../support/tools.js";

let folder: string;
let module: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "meshwright-traffic-"));
  module = await buildProbeModule(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const runtime of ["process", "container"] as const) {
  const problem = runtime === "container" ? await whyNoContainer() : undefined;
  const startEnvoy = (options: EnvoyOptions) => startEither({ ...options, runtime });

  describe.skipIf(problem !== undefined)(
    `as a ${runtime}${problem === undefined ? "" : `: ${problem}`}`,
    () => {
      test("trailers and pieces pass over HTTP/2", async () => {
        await using upstream = await startUpstream({
          protocol: "http2",
          respond: () => ({ body: ["one", "two"], trailers: [["x-sum", "2"]] }),
        });
        await using envoy = await startEnvoy({ upstreams: { upstream } });
        showLogsOnFailure(envoy);
        const response = await send(envoy.url, {
          protocol: "http2",
          body: ["a", "b"],
          trailers: [["x-count", "2"]],
        });
        expect(response).toMatchObject({ status: 200, body: "onetwo", end: "whole" });
        expect(response.trailers).toEqual([["x-sum", "2"]]);
        expect(upstream.requests).toMatchObject([
          { method: "POST", body: "ab", trailers: [["x-count", "2"]] },
        ]);
      });

      test("faults of an upstream are what Envoy sees", async () => {
        let answer: UpstreamResponse = {};
        await using upstream = await startUpstream({ respond: () => answer });
        await using envoy = await startEnvoy({
          upstreams: { upstream },
          routeOptions: { timeoutSeconds: 0.3 },
        });
        showLogsOnFailure(envoy);
        let requests = 0;
        const flags = async (fault: UpstreamResponse) => {
          answer = fault;
          requests += 1;
          const { status, end } = await send(envoy.url);
          return { status, end, flags: (await envoy.accessLog(requests)).at(-1)?.flags };
        };
        expect(await flags({ fault: "reset" })).toEqual({ status: 503, end: "whole", flags: "UC" });
        expect(await flags({ fault: "never" })).toEqual({ status: 504, end: "whole", flags: "UT" });
        expect(await flags({ delayMs: 600 })).toEqual({ status: 504, end: "whole", flags: "UT" });
        expect(await flags({ fault: "reset-in-body", body: ["half"] })).toMatchObject({
          status: 200,
          end: "reset",
        });
        await upstream.stop();
        expect(await flags({})).toEqual({ status: 503, end: "whole", flags: "UF" });
        await upstream.start();
        expect(await flags({})).toEqual({ status: 200, end: "whole", flags: "-" });
      });

      test.each(["http1", "http2"] as const)(
        "a body that an HTTP/2 upstream breaks off is broken off for a client of %s",
        async (protocol) => {
          const respond = (): UpstreamResponse => ({ fault: "reset-in-body", body: ["half"] });
          await using upstream = await startUpstream({ protocol: "http2", respond });
          await using envoy = await startEnvoy({ upstreams: { upstream } });
          showLogsOnFailure(envoy);
          expect(await send(envoy.url, { protocol })).toMatchObject({ status: 200, end: "reset" });
          expect(await envoy.accessLog(1)).toMatchObject([
            { details: "upstream_reset_after_response_started{remote_reset}" },
          ]);
        },
      );

      test("an Envoy can be the upstream of another", async () => {
        await using upstream = await startUpstream();
        await using inner = await startEnvoy({
          upstreams: { upstream },
          filters: [{ name: "probe", module, configuration: 1 }],
        });
        await using outer = await startEnvoy({ upstreams: { inner } });
        showLogsOnFailure(outer);
        expect((await send(outer.url)).header(PROBE_HEADER)).toBe("1");
        expect(await inner.accessLog(1)).toHaveLength(1);
      });

      test("a filter of the upstream chain sees every attempt, and changes while Envoy runs", async () => {
        let attempts = 0;
        await using upstream = await startUpstream({
          respond: () => ({ status: ++attempts % 2 === 1 ? 503 : 200 }),
        });
        await using envoy = await startEnvoy({
          upstreams: { upstream },
          upstreamFilters: [{ name: "probe", module, configuration: "one" }],
          routeOptions: { retryPolicy: { retryOn: ["5xx"] } },
        });
        showLogsOnFailure(envoy);
        expect((await send(envoy.url)).header(PROBE_HEADER)).toBe('"one"');
        expect(await envoy.configure("probe", "two")).toEqual({ accepted: true });
        expect((await send(envoy.url)).header(PROBE_HEADER)).toBe('"two"');
        const counted = [...(await envoy.admin.stats("probe_requests")).values()];
        expect(counted).toEqual([4]);
      });

      test("a filter's name need not be a valid folder name", async () => {
        const name = "../../up-and-away";
        {
          await using upstream = await startUpstream();
          await using envoy = await startEnvoy({
            upstreams: { upstream },
            filters: [{ name, module, configuration: 1 }],
          });
          expect(await envoy.configure(name, 2)).toEqual({ accepted: true });
          expect((await send(envoy.url)).header(PROBE_HEADER)).toBe("2");
        }
        expect(existsSync(join(tmpdir(), "up-and-away"))).toBe(false);
      });

      test("two filters with one name are refused, in either chain", async () => {
        await using upstream = await startUpstream();
        const filters = [{ name: "probe", module }];
        await expect(
          startEnvoy({ upstreams: { upstream }, filters, upstreamFilters: filters }),
        ).rejects.toThrow(/two filters are named "probe"/);
      });

      describe.skipIf(isMissing("openssl"))(`TLS ${needs("openssl")}`, () => {
        let authority: Authority;
        beforeAll(() => {
          authority = makeAuthority(folder);
        });

        test.each(["http1", "http2"] as const)(
          "shows certificates on both sides over %s",
          async (protocol) => {
            const [server, sidecar, phone] = await Promise.all([
              authority.issue("shop", "DNS:shop.example"),
              authority.issue("sidecar", "DNS:sidecar,IP:127.0.0.1"),
              authority.issue("phone", "DNS:phone"),
            ]);
            const { ca, caFile } = authority;
            await using upstream = await startUpstream({ protocol, tls: { ...server, clientCa: ca } });
            await using envoy = await startEnvoy({
              upstreams: { upstream },
              upstreamTls: { upstream: { serverName: "shop.example", caFile, ...sidecar } },
              listenerOptions: { tls: { ...sidecar, clientCaFile: caFile } },
            });
            showLogsOnFailure(envoy);
            const shown = { ca, cert: phone.cert, key: phone.key };
            expect((await send(envoy.url, { protocol, tls: shown })).status).toBe(200);
            expect(upstream.requests).toMatchObject([{ clientCertificate: "sidecar" }]);
            const anonymous = send(envoy.url, { protocol, tls: { ca } }).then(
              ({ end }) => end,
              () => "refused",
            );
            expect(["reset", "refused"]).toContain(await anonymous);
            expect(upstream.requests).toHaveLength(1);
          },
        );

        test("an upstream with another identity than expected gets no request", async () => {
          const server = await authority.issue("bank", "DNS:bank.example");
          await using upstream = await startUpstream({ tls: server });
          const tls = { serverName: "shop.example", caFile: authority.caFile };
          await using envoy = await startEnvoy({ upstreams: { upstream }, upstreamTls: { upstream: tls } });
          showLogsOnFailure(envoy);
          expect(await send(envoy.url)).toMatchObject({ status: 503 });
          expect(upstream.requests).toEqual([]);
        });

        test("TLS that only one side expects is refused before Envoy starts", async () => {
          const server = await authority.issue("half", "DNS:half.example");
          await using secure = await startUpstream({ tls: server });
          await expect(startEnvoy({ upstreams: { secure } })).rejects.toThrow(/upstream "secure" speaks TLS/);
          await using plain = await startUpstream();
          const upstreamTls = { plain: { serverName: "a", caFile: authority.caFile } };
          await expect(startEnvoy({ upstreams: { plain }, upstreamTls })).rejects.toThrow(
            /does not speak TLS/,
          );
        });
      });
    },
  );
}
