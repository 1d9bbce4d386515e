// Traffic policy in Istio's resources.

import { describe, expect, test } from "vitest";
import { crdProblems } from "../../test/support/crd-schemas.js";
import { ISTIO_API_RELEASES } from "../../test/support/make-crd-schemas.js";
import { namesOf, renderMeshText, specOf } from "../../test/support/render-istio.js";
import { toManifest } from "../yaml.js";

const TWO = "{ v1: { command: [a] }, v2: { command: [b] } }";

function mesh(service: string, more = ""): string {
  return [
    "name: shop",
    "gateway: { routes: [{ prefix: /, service: orders, timeout: 4s }] }",
    "services:",
    "  web: { versions: { v1: { command: [w] } }, calls: [orders] }",
    "  orders:",
    `    versions: ${TWO}`,
    ...service.split("\n").map((line) => `    ${line}`),
    more,
  ].join("\n");
}

const policyOf = (service: string) =>
  specOf(renderMeshText(mesh(service)), "DestinationRule", "orders").trafficPolicy;

describe("a DestinationRule", () => {
  test("has outlier detection, with the mesh file's defaults in place of Istio's", () => {
    expect(policyOf("outlierDetection: {}").outlierDetection).toEqual({
      consecutive5xxErrors: 5,
      interval: "30s",
      baseEjectionTime: "30s",
      maxEjectionPercent: 50,
    });
    const own = "outlierDetection: { consecutive5xxErrors: 0, consecutiveGatewayErrors: 3, interval: 1s }";
    expect(policyOf(own).outlierDetection).toMatchObject({
      consecutive5xxErrors: 0,
      consecutiveGatewayErrors: 3,
      interval: "1s",
    });
  });

  test("has the connection pool", () => {
    const pool =
      "connectionPool: { maxConnections: 7, connectTimeout: 1s, maxPendingRequests: 3, maxRequests: 9, maxRetries: 2, maxRequestsPerConnection: 50, idleTimeout: 10m }";
    expect(policyOf(pool).connectionPool).toEqual({
      tcp: { maxConnections: 7, connectTimeout: "1s" },
      http: {
        http1MaxPendingRequests: 3,
        http2MaxRequests: 9,
        maxRetries: 2,
        maxRequestsPerConnection: 50,
        idleTimeout: "10m",
      },
    });
  });

  test.each([
    ["{ policy: leastRequest, slowStart: 10s }", { simple: "LEAST_REQUEST", warmup: { duration: "10s" } }],
    ["{ policy: random }", { simple: "RANDOM" }],
    [
      "{ policy: ringHash, hashPolicy: [{ header: x-user }], minimumRingSize: 2048 }",
      { consistentHash: { httpHeaderName: "x-user", ringHash: { minimumRingSize: 2048 } } },
    ],
    [
      "{ policy: maglev, hashPolicy: [{ cookie: { name: place, ttl: 10m, path: / } }] }",
      { consistentHash: { httpCookie: { name: "place", ttl: "600s", path: "/" }, maglev: {} } },
    ],
    [
      "{ policy: maglev, hashPolicy: [{ sourceAddress: true }] }",
      { consistentHash: { useSourceIp: true, maglev: {} } },
    ],
  ])("has the load balancer %s", (balancer, expected) => {
    expect(policyOf(`loadBalancer: ${balancer}`).loadBalancer).toEqual(expected);
  });

  test("has the shares of zones, which Istio names with their region", () => {
    const zoned = mesh(
      "outlierDetection: {}\nloadBalancer: { zones: { distribute: [{ from: eu/a, to: { eu/a: 80, eu/b: 20 } }, { to: { eu/b: 100 } }] } }",
    ).replace(TWO, "{ v1: { command: [a], instances: [{ zone: eu/a }, { zone: eu/b }] } }");
    const { loadBalancer } = specOf(renderMeshText(zoned), "DestinationRule", "orders").trafficPolicy;
    expect(loadBalancer.localityLbSetting).toEqual({
      enabled: true,
      distribute: [
        { from: "eu/a/*", to: { "eu/a/*": 80, "eu/b/*": 20 } },
        { from: "*", to: { "eu/b/*": 100 } },
      ],
    });
  });
});

describe("a VirtualService", () => {
  test("has the mirror, at the gateway and in the mesh, and the gateway's own time", () => {
    const rendered = renderMeshText(mesh("timeout: 3s\nmirror: { version: v2, percentage: 12.5 }"));
    const mirrored = {
      mirror: { host: expect.stringMatching(/^orders\./), subset: "v2" },
      mirrorPercentage: { value: 12.5 },
    };
    expect(specOf(rendered, "VirtualService", "orders").http[0]).toMatchObject({
      ...mirrored,
      timeout: "3s",
    });
    expect(specOf(rendered, "VirtualService", "gateway").http[0]).toMatchObject({
      ...mirrored,
      timeout: "4s",
    });
  });

  test("has waits and other instances from the release that has words for them", () => {
    const service = "retries: { on: [5xx], backOff: { base: 50ms }, avoidPreviousHosts: false }";
    const retries = (istio?: string) =>
      specOf(renderMeshText(mesh(service), istio === undefined ? {} : { istio }), "VirtualService", "orders")
        .http[0].retries;
    expect(retries("1.30")).toMatchObject({ backoff: "50ms", retryIgnorePreviousHosts: false });
    expect(retries()).not.toHaveProperty("backoff");
    expect(renderMeshText(mesh(service)).warnings.join("\n")).toMatch(
      /retries\.backOff\.base: is left out: .* 1\.30/,
    );
  });
});

describe("egress", () => {
  const OUTSIDE = 'egress: { allow: ["api.example.com:443", "api.example.com:80", "*.internal:80"] }';

  test("is an entry for each host, and sidecars refuse the others", () => {
    const rendered = renderMeshText(mesh("timeout: 1s", OUTSIDE));
    expect(specOf(rendered, "ServiceEntry", "egress-api-example-com")).toEqual({
      hosts: ["api.example.com"],
      location: "MESH_EXTERNAL",
      resolution: "DNS",
      ports: [
        { number: 443, name: "tls-443", protocol: "TLS" },
        { number: 80, name: "http-80", protocol: "HTTP" },
      ],
    });
    expect(namesOf(rendered, "ServiceEntry")).toHaveLength(2);
    const { outboundTrafficPolicy, egress } = specOf(rendered, "Sidecar", "web");
    expect(outboundTrafficPolicy).toEqual({ mode: "REGISTRY_ONLY" });
    expect(egress[0].hosts).toContain("./*.internal");
  });

  test("needs the Sidecars, and names of hosts", () => {
    expect(() => renderMeshText(mesh("timeout: 1s", OUTSIDE), { without: ["Sidecar"] })).toThrow(
      /mesh\.yaml:8:\d+: egress: only the Sidecars refuse/,
    );
    expect(() => renderMeshText(mesh("timeout: 1s", 'egress: { allow: ["10.0.0.7:80"] }'))).toThrow(
      /egress\.allow\[0\]: Istio knows hosts outside by their names/,
    );
  });
});

test.each(ISTIO_API_RELEASES)("everything is in the schemas of Istio %s", (release) => {
  const service = [
    "timeout: 3s",
    "retries: { on: [5xx, 429], attempts: 2, backOff: { base: 50ms } }",
    "outlierDetection: { consecutiveGatewayErrors: 2 }",
    "connectionPool: { maxConnections: 7, maxRequests: 3, connectTimeout: 1s, idleTimeout: 5m }",
    "loadBalancer: { policy: maglev, hashPolicy: [{ cookie: { name: a, ttl: 1m } }], tableSize: 1021 }",
    "mirror: { version: v2, percentage: 0.5 }",
  ].join("\n");
  const text = mesh(service, 'egress: { allow: ["api.example.com:443", "*.internal:80"] }');
  const { resources } = renderMeshText(text, { istio: release.split(".").slice(0, 2).join(".") });
  expect(crdProblems(toManifest(resources), release)).toEqual([]);
});

describe("what Istio has no word for is refused with its line", () => {
  test.each([
    [
      "retries: { on: [5xx], retriableHeaders: [{ name: x-a }] }",
      /:7:\d+: services\.orders\.retries\.retriableHeaders/,
    ],
    ["retries: { on: [5xx], perTryIdleTimeout: 1s }", /perTryIdleTimeout: Istio has perTryTimeout alone/],
    ["connectionPool: { maxConnectionsPerHost: 3 }", /maxConnectionsPerHost: Istio limits/],
    ["connectionPool: { maxPendingRequests: 0 }", /maxPendingRequests: Istio takes 0 for its default/],
    ["connectionPool: { idleTimeout: 0s }", /idleTimeout: Istio takes no idle timeout without an end/],
    ["loadBalancer: { policy: leastRequest, choiceCount: 3 }", /choiceCount: Istio has Envoy's own/],
    [
      "loadBalancer: { policy: maglev, hashPolicy: [{ header: a }, { header: b }] }",
      /hashPolicy\[1\]: Istio hashes one/,
    ],
    ["outlierDetection: { maxEjectionTime: 1m }", /maxEjectionTime: Istio has Envoy's own 5m/],
  ])("%s", (service, problem) => {
    expect(() => renderMeshText(mesh(service))).toThrow(problem);
    expect(renderMeshText(mesh(service), { leaveOut: true }).warnings.join("\n")).toMatch(problem);
  });

  test("a zone without its region", () => {
    const zoned = mesh(
      "outlierDetection: {}\nloadBalancer: { zones: { distribute: [{ to: { a: 100 } }] } }",
    ).replace(TWO, "{ v1: { command: [a], instances: [{ zone: a }] } }");
    expect(() => renderMeshText(zoned)).toThrow(/distribute\[0\]: Istio needs the region of zone "a"/);
  });

  test("several addresses outside, and health checks are the pods' own", () => {
    const urls = mesh("healthChecks: { tcp: {} }").replace(
      TWO,
      '{ v1: { urls: ["http://a.example:80", "http://b.example:80"] } }',
    );
    expect(() => renderMeshText(urls)).toThrow(/versions\.v1\.urls: several addresses outside/);
    const { warnings } = renderMeshText(mesh("healthChecks: { tcp: {} }"));
    expect(warnings.join("\n")).toMatch(/healthChecks: is not used: Kubernetes asks pods itself/);
  });
});
