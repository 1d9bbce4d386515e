import { describe, expect, test } from "vitest";
import { fileWith, problemsOf } from "./mesh-file.fixture.js";

const ZONED = "{ v1: { command: [a], instances: [{ zone: a, count: 2 }, { zone: b }] } }";
const TWO = "{ v1: { command: [a] }, v2: { command: [b] } }";

describe("a policy that means nothing, or what nobody can want, is refused with its line", () => {
  test.each<[service: string, problem: RegExp, versions?: string]>([
    ["loadBalancer: { policy: ringHash }", /:6:\d+: services\.s\.loadBalancer\.policy: needs hashPolicy/],
    [
      "loadBalancer: { policy: fastest }",
      /must be one of roundRobin, leastRequest, random, ringHash, maglev/,
    ],
    ["loadBalancer: { minimumRingSize: 4096 }", /minimumRingSize: is for ringHash; the policy is roundRobin/],
    [
      "loadBalancer: { policy: ringHash, hashPolicy: [{ header: x-a }], maximumRingSize: 8388609 }",
      /maximumRingSize: must be from 1 to 8388608/,
    ],
    [
      "loadBalancer: { policy: ringHash, hashPolicy: [{ header: x-a }], minimumRingSize: 10, maximumRingSize: 9 }",
      /maximumRingSize: must not be below the minimum, which is 10/,
    ],
    [
      "loadBalancer: { policy: ringHash, hashPolicy: [{ header: x-a }], maximumRingSize: 1023 }",
      /must not be below the minimum, which is 1024/,
    ],
    [
      "loadBalancer: { policy: maglev, hashPolicy: [{ header: x-a }], tableSize: 65536 }",
      /tableSize: must be a prime number/,
    ],
    [
      "loadBalancer: { policy: maglev, hashPolicy: [{ header: x-a, sourceAddress: true }] }",
      /hashPolicy\[0\]: needs exactly one of header, cookie, sourceAddress/,
    ],
    [
      'loadBalancer: { policy: maglev, hashPolicy: [{ cookie: { name: "a b" } }] }',
      /cookie\.name: must be the name of a cookie/,
    ],
    [
      'loadBalancer: { policy: maglev, hashPolicy: [{ cookie: { name: a, path: "/;x" } }] }',
      /cookie\.path: must be a path/,
    ],
    ["loadBalancer: { zones: {} }", /loadBalancer\.zones: needs the zone of every instance of v1: say it by/],
    [
      "loadBalancer: { zones: { distribute: [{ to: { a: 80, c: 20 } }] } }",
      /distribute\[0\]\.to\.c: no instance of s stands in this zone; did you mean "a"/,
      ZONED,
    ],
    [
      "loadBalancer: { zones: { distribute: [{ from: z, to: { a: 80, b: 20 } }] } }",
      /distribute\[0\]\.from: nothing of the mesh stands in zone "z"/,
      ZONED,
    ],
    [
      "loadBalancer: { zones: { distribute: [{ to: { a: 80, b: 19 } }] } }",
      /to: must have shares that make 100 in all/,
      ZONED,
    ],
    ["loadBalancer: { zones: { distribute: [{ to: { a: 0, b: 100 } }] } }", /must be from 1 to 100/, ZONED],
    [
      "loadBalancer: { zones: { distribute: [{ to: { a: 100 } }] } }",
      /distribute\[0\]\.to: leaves version v2 without any instance/,
      "{ v1: { command: [a], instances: [{ zone: a }] }, v2: { command: [b], instances: [{ zone: b }] } }",
    ],
    ["outlierDetection: { consecutive5xxErrors: 0 }", /outlierDetection: ejects nothing/],
    ["outlierDetection: { maxEjectionPercent: 101 }", /must be from 1 to 100/],
    ["outlierDetection: { consecutive5xxErrors: 1.5 }", /must be a whole number/],
    ["outlierDetection: { interval: 0s }", /interval: must be from 100ms to 1h/],
    ["connectionPool: { maxConnections: 0 }", /maxConnections: must be from 1 to 1000000/],
    ["connectionPool: { maxRetries: 0 }\nretries: { on: [5xx] }", /maxRetries: allows no retry/],
    ["connectionPool: { maxConnection: 1 }", /unknown key; did you mean "maxConnections"\?/],
    ["healthChecks: {}", /needs exactly one of http, grpc, tcp/],
    ["healthChecks: { http: { path: healthz } }", /path: must be a path that begins with "\/"/],
    ['healthChecks: { http: { path: "/a\\r\\nb" } }', /path: must be a path/],
    ["healthChecks: { grpc: {} }", /grpc: asks over HTTP\/2, and the service speaks HTTP\/1\.1/],
    ["healthChecks: { tcp: {}, interval: 1s, timeout: 2s }", /timeout: must not be above the interval/],
    ["mirror: { version: v1 }", /mirror\.version: is a mirror to itself: this version gets all requests/],
    ["mirror: { version: v1 }", /is a mirror to itself/, TWO],
    ["mirror: { service: s }", /mirror\.service: is a mirror to itself/],
    ["mirror: { service: othe }", /there is no service "othe"; did you mean "other"\?/],
    ["mirror: { version: v3 }", /there is no version of s "v3"; did you mean/, TWO],
    ["mirror: { version: v1, service: other }", /needs exactly one of version, service/],
    ["mirror: { service: other, percentage: 0 }", /percentage: must be from 0\.0001 to 100/],
    [
      "retries: { on: [5xx], perTryTimeout: 2s }\ntimeout: 1s",
      /perTryTimeout: must not be above the timeout/,
    ],
  ])("%s", (service, problem, versions) => {
    const problems = problemsOf(fileWith(service, versions));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(problems[0]).toMatch(/^mesh\.yaml:\d+:\d+: services\.s\./);
  });
});

describe("instances", () => {
  test.each<[versions: string, problem: RegExp]>([
    ["{ v1: { command: [a], instances: 0 } }", /instances: must be from 1 to 50/],
    ["{ v1: { command: [a], instances: 51 } }", /instances: must be from 1 to 50/],
    [
      "{ v1: { command: [a], instances: [{ zone: a, count: 40 }, { zone: b, count: 40 }] } }",
      /at most 50 in all/,
    ],
    ["{ v1: { command: [a], instances: [{ zone: a }, { zone: a }] } }", /names a zone twice/],
    ["{ v1: { command: [a], instances: [{ zone: a_b }] } }", /zone: must be a zone/],
    ["{ v1: { urls: [] } }", /urls: must name at least one address/],
    ['{ v1: { urls: ["http://a:1", "http://a:1/"] } }', /urls: names an address twice/],
    ['{ v1: { urls: ["http://a:1", { url: "http://A:1", zone: b }] } }', /urls: names an address twice/],
    ['{ v1: { urls: ["http://a:1/x"] } }', /urls\[0\]: must end after the port/],
  ])("%s is refused", (versions, problem) => {
    const problems = problemsOf(fileWith("timeout: 1s", versions));
    expect(problems.join("\n")).toMatch(problem);
  });
});

test("what differs from the defaults in nothing but words is taken", () => {
  const service = [
    "outlierDetection: {}",
    "connectionPool: {}",
    "loadBalancer: {}",
    "healthChecks: { tcp: {} }",
    "mirror: { version: v2 }",
  ].join("\n");
  expect(problemsOf(fileWith(service, TWO))).toEqual([]);
  const zones =
    "loadBalancer: { zones: { distribute: [{ from: a, to: { a: 80, b: 20 } }, { to: { b: 100 } }] } }";
  expect(problemsOf(fileWith(zones, ZONED))).toEqual([]);
});

describe("egress", () => {
  test.each([
    ["https://api.example.com:443", /without a scheme, such as api\.example\.com:443/],
    ["api.example.com:443/v1", /must end after the port: a host is allowed with all of its paths/],
    ["api.example.com", /must name a port/],
    ["*:443", /would allow everything/],
    ["*", /would allow everything/],
    ["a.*.com:443", /must be HOST:PORT in lower case/],
    ["API.example.com:443", /must be HOST:PORT in lower case/],
    ["api.example.com:70000", /must be HOST:PORT/],
    ["api.example.com:0", /must be HOST:PORT/],
    ["user@api.example.com:443", /must be HOST:PORT/],
    ["a b:80", /must be HOST:PORT/],
    ["", /must name a port/],
  ])("%j is refused with its line", (host, problem) => {
    const [line = "", ...rest] = problemsOf(
      fileWith("timeout: 1s", undefined, `egress: { allow: [${JSON.stringify(host)}] }`),
    );
    expect(rest).toEqual([]);
    expect(line).toMatch(/^mesh\.yaml:8:\d+: egress\.allow\[0\]: /);
    expect(line).toMatch(problem);
  });

  test("names a host once, and over TLS with one port", () => {
    const allow = (hosts: string) =>
      problemsOf(fileWith("timeout: 1s", undefined, `egress: { allow: [${hosts}] }`));
    expect(allow('"a.b:80", "a.b:80"')[0]).toMatch(/allow\[1\]: is named twice/);
    expect(allow('"a.b:443", "a.b:8443"')[0]).toMatch(/allow\[1\]: has two ports beside 80/);
    expect(allow('"a.b:80", "a.b:443", "*.b:443", "10.0.0.7:80"')).toEqual([]);
    expect(allow("")).toEqual([]);
  });
});
