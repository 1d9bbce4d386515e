// A TLS handshake that fails in stock Envoy: a real one, with its flag, its reason and its retries.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { isMissing, needs } from "../../support/tools.js";
import { type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";

describe.skipIf(isMissing("openssl"))(`a TLS failure ${needs("openssl")}`, () => {
  let folder: string;
  let fault: FaultEnvoy;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "tls-failure-"));
    const authority = makeAuthority(folder);
    const tls = await authority.issue("shop", "DNS:shop.example");
    fault = await startFaultEnvoy({
      upstream: { tls },
      upstreamTls: { service: { serverName: "shop.example", caFile: authority.caFile } },
      routeOptions: { retryPolicy: { retryOn: ["connect-failure"], numRetries: 2 } },
      accessLog: {
        flags: "%RESPONSE_FLAGS%",
        reason: "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
        path: "%REQ(:path)%",
        attempts: "%UPSTREAM_REQUEST_ATTEMPT_COUNT%",
      },
    });
  });

  afterAll(async () => {
    await fault?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  beforeEach(() => showLogsOnFailure(fault.envoy));

  test("is Envoy's own, is retried, and concerns no other request", async () => {
    const match = { path: { exact: "/hit" } };
    await fault.rules({ name: "tls", match, tlsFailure: { expectedName: "other.invalid" } });
    for (const [url, status] of [
      ["/before", 200],
      ["/hit", 503],
      ["/after", 200],
    ] as const) {
      expect(await send(fault.envoy.url, { path: url })).toMatchObject({ status });
    }
    const [entry] = await fault.logged("/hit");
    expect(entry).toMatchObject({ attempts: 3, flags: expect.stringContaining("UF") });
    expect(String(entry?.reason)).toContain("other.invalid");
    expect(fault.upstream.requests.map(({ path: asked }) => asked)).toEqual(["/before", "/after"]);
    expect(await fault.outcomes("tls")).toEqual({ "tls-failed": 1 });
    expect(await fault.active("tls")).toBe(0);
    await fault.expectAlive();
  });

  test("that comes by turns breaks off one request in two", async () => {
    await fault.rules({ name: "half", turns: { every: 2 }, tlsFailure: {} });
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await send(fault.envoy.url)).status);
    expect(statuses).toEqual([200, 503, 200, 503]);
  });
});
