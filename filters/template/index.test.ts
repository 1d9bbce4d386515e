// The binding, in the in-process host: what happens to a request, and what it costs.

import { beforeAll, beforeEach, expect, test } from "vitest";
import { filterModule, type HeaderList, type HostedModule, loadModule } from "../../kit/index.js";

const FORBIDDEN = 403;

let path: string;
let module: HostedModule;

beforeAll(async () => {
  path = await filterModule("template");
});
beforeEach(() => {
  module = loadModule(path);
});

function configure(configuration: object): void {
  expect(module.configure(JSON.stringify(configuration))).toEqual({ accepted: true, logs: [] });
}

const exchange = (...headers: HeaderList) =>
  module.exchange([[":method", "GET"], [":path", "/"], [":authority", "shop.test"], ...headers]);

const counted = (outcome: string) => module.metrics.get(`template.requests_total;outcome=${outcome}`);

test("a request with one of the values passes", () => {
  configure({ values: ["one", "two"] });
  expect(exchange(["x-api-key", "two"]).localReply).toBeUndefined();
  expect(counted("allowed")).toBe(1);
});

test.each([
  ["without the header", [], "missing"],
  ["with another value", [["x-api-key", "three"]], "unknown"],
] as const)("a request %s is answered with 403", (_, headers, outcome) => {
  configure({ values: ["one", "two"] });
  expect(exchange(...headers).localReply).toMatchObject({
    status: FORBIDDEN,
    details: `template_${outcome}`,
  });
  expect(counted(outcome)).toBe(1);
});

test("another header can be tested, and in shadow mode every request passes", () => {
  configure({ header: "x-tenant", values: ["a"], shadow: true });
  expect(exchange(["x-tenant", "b"]).localReply).toBeUndefined();
  expect(counted("unknown")).toBe(1);
});

test("a request that passes costs two host calls", () => {
  configure({ values: ["one"] });
  expect(Object.fromEntries(exchange(["x-api-key", "one"]).hostCalls)).toEqual({
    proxy_get_property: 1,
    proxy_increment_metric: 1,
  });
});
