import { expect, test } from "vitest";
import type { Mesh } from "../shape.js";
import { fileWith, read } from "./mesh-file.fixture.js";
import { meshWarnings } from "./warnings.js";

const warningsOf = (text: string) => meshWarnings(read(text));

/** Services in a row, each of which calls the next. */
function chain(...services: readonly string[]): string {
  const names = ["a", "b", "c", "d", "e"];
  return [
    "name: shop",
    "gateway: { routes: [{ prefix: /, service: a }] }",
    "services:",
    ...services.flatMap((service, i) => [
      `  ${names[i]}:`,
      "    versions: { v1: { command: [x] } }",
      ...(i + 1 < services.length ? [`    calls: [${names[i + 1]}]`] : []),
      ...(service === "" ? [] : [`    ${service}`]),
    ]),
  ].join("\n");
}

const RETRIES = "retries: { on: [5xx], attempts: 2 }";

test("a mesh in which each layer has less than the one above it is warned of nothing", () => {
  expect(warningsOf(chain("timeout: 3s", "timeout: 2s", "timeout: 1s"))).toEqual([]);
  expect(warningsOf(chain("", RETRIES, ""))).toEqual([]);
  expect(warningsOf(fileWith("timeout: 1s"))).toEqual([]);
});

test("a callee that may take as long as its caller is named with it, and the line of its timeout", () => {
  expect(warningsOf(chain("timeout: 2s", "timeout: 2s"))).toEqual([
    "mesh.yaml:10:5: services.b.timeout: b may take 2s, and a, which calls it, has 2s for a call of a itself: give b less",
  ]);
});

test("a callee without a limit is named, and the time for an attempt counts where it is shorter", () => {
  const caller = "{ timeout: 5s, retries: { on: [5xx], perTryTimeout: 1s } }";
  const text = [
    "name: shop",
    "gateway: { routes: [{ prefix: /, service: a }] }",
    "services:",
    "  a:",
    "    versions: { v1: { command: [x] } }",
    "    calls: [b]",
    ...caller
      .slice(2, -2)
      .split(/, (?=retries)/)
      .map((line) => `    ${line}`),
    "  b: { versions: { v1: { command: [x] } } }",
  ].join("\n");
  expect(warningsOf(text)).toEqual([
    "mesh.yaml:9:3: services.b: b has no timeout, and a, which calls it, has 1s for an attempt at a itself: give b less",
  ]);
});

test("a route of the gateway that ends before its service does names both", () => {
  const route = (service: string) =>
    fileWith(service).replace("{ prefix: /, service: s }", "{ prefix: /, service: s, timeout: 1s }");
  expect(warningsOf(route("timeout: 1500ms"))).toEqual([
    "mesh.yaml:2:46: gateway.routes[0].timeout: gives up after 1s, and its service s may take 1500ms: the gateway's route / ends first, retries of s included",
  ]);
  expect(warningsOf(route("mirror: { service: other }"))[0]).toMatch(/its service s has no timeout/);
  expect(warningsOf(route("timeout: 1s"))).toEqual([]);
});

test("attempts that do not fit into the timeout are counted with their waits", () => {
  const retries = "retries: { on: [5xx], attempts: 2, perTryTimeout: 400ms }\ntimeout: 1s";
  expect(warningsOf(fileWith(retries))).toEqual([
    "mesh.yaml:7:5: services.s.timeout: 3 attempts of 400ms each, with the waits between them, may take 1300ms, and the timeout of s ends them after 1s",
  ]);
  expect(warningsOf(fileWith(retries.replace("1s", "1300ms")))).toEqual([]);
});

test("retries that multiply over four layers are told with the figure", () => {
  expect(warningsOf(chain(RETRIES, RETRIES, RETRIES, RETRIES))).toEqual([
    "mesh.yaml:18:5: services.d.retries: retries multiply over a, b, c, d: one request may become 3 x 3 x 3 x 3 = 81 attempts at d; let one layer retry, or give d a budget of retries",
  ]);
});

test("a layer without retries between two with them multiplies nothing, and hides nothing", () => {
  expect(warningsOf(chain(RETRIES, "", "retries: { on: [5xx] }", ""))[0]).toMatch(
    /over a, c: one request may become 3 x 2 = 6 attempts at c/,
  );
});

test("services that call each other, and thousands in a row, end", () => {
  const ring = chain(RETRIES, RETRIES).replace(/ {2}b:\n/, "  b:\n    calls: [a]\n");
  expect(warningsOf(ring)[0]).toMatch(/3 x 3 = 9/);
  const many = 20_000;
  const version = { v1: { command: ["x"] } };
  const services = Array.from({ length: many }, (_, i) => {
    const last = { versions: version, retries: { on: ["5xx" as const] } };
    return [`s${i}`, i + 1 < many ? { versions: version, calls: [`s${i + 1}`] } : last] as const;
  });
  const gateway = { routes: [{ prefix: "/", service: "s0" }] };
  const value: Mesh = { name: "shop", gateway, services: Object.fromEntries(services) };
  expect(meshWarnings({ value, placeOf: () => "mesh.yaml:1:1" })).toEqual([]);
});

test("a filter that marks slow instances where nothing ejects them is told", () => {
  const filter = "filters: [{ filter: circuit-breaker, config: { where: upstream, rules: [{ name: r }] } }]";
  expect(warningsOf(fileWith(filter))[0]).toMatch(
    /services\.s\.filters\[0\]: marks instances of s for outlier detection, and s has none: add/,
  );
  expect(warningsOf(fileWith(`outlierDetection: {}\n${filter}`))).toEqual([]);
});

test("zones whose end nothing notices are told", () => {
  const versions = "{ v1: { command: [a], instances: [{ zone: a }, { zone: b }] } }";
  expect(warningsOf(fileWith("loadBalancer: { zones: {} }", versions))[0]).toMatch(
    /^mesh\.yaml:6:21: services\.s\.loadBalancer\.zones: nothing notices that a zone of s is down/,
  );
  const noticed = "outlierDetection: {}\nloadBalancer: { zones: {} }";
  expect(warningsOf(fileWith(noticed, versions))).toEqual([]);
});
