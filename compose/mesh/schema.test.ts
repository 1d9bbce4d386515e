import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { checkDocument } from "../../envoy/document.js";
import { FILTERS } from "../../filters/catalog.js";
import { defineFilter } from "../../filters/descriptor.js";
import { readMesh } from "./file.js";
import { meshJsonSchema, meshSchema } from "./schema.js";

const CHOOSER = defineFilter({
  name: "chooser",
  summary: "chooses",
  schema: z.strictObject({ rules: z.array(z.string()).default([]) }),
  destinations: ({ rules }) => rules.map((name, i) => ({ name, path: ["rules", i] })),
});
const SCHEMA = meshSchema([...FILTERS, CHOOSER]);

const BASE = `
name: shop
gateway:
  routes: [{ prefix: /, service: front }]
services:
  front: { versions: { v1: { command: [node, front.js] } }, calls: [orders] }
  orders: { versions: { v1: { url: "http://127.0.0.1:9000" }, v2: { command: npm start } }, default: v1 }
`;

/** The problems of the base mesh after one text is replaced, without file and position. */
function problems(from: string, to: string): string[] {
  expect(BASE).toContain(from);
  const checked = checkDocument(BASE.replace(from, to), SCHEMA, "m");
  return checked.ok ? [] : checked.lines.map((line) => line.replace(/^m:\d+:\d+: /, ""));
}

describe("a mesh file", () => {
  it("may be as short as the base", () => {
    expect(problems("name: shop", "name: shop")).toEqual([]);
  });

  it("that comes with meshwright is valid", async () => {
    const mesh = await readMesh(new URL("../mesh.yaml", import.meta.url).pathname);
    expect(Object.keys(mesh.services)).toEqual(["storefront", "orders", "payments", "stock", "chat"]);
  });

  it("gives a filter without settings its defaults", () => {
    expect(problems("name: shop", "name: shop\nfilters: [{ filter: trace-headers, at: [inbound] }]")).toEqual(
      [],
    );
  });

  it.each([
    [
      "service: front",
      "service: frnt",
      'gateway.routes[0].service: there is no service "frnt"; did you mean "front"?',
    ],
    [
      "calls: [orders]",
      "calls: [nobody]",
      'services.front.calls[0]: there is no service "nobody"; there is front, orders',
    ],
    [
      "calls: [orders]",
      "calls: [constructor]",
      'services.front.calls[0]: there is no service "constructor"; there is front, orders',
    ],
    [
      "service: front",
      "service: constructor",
      'gateway.routes[0].service: there is no service "constructor"; there is front, orders',
    ],
    ["calls: [orders]", "calls: [orders, orders]", "services.front.calls[1]: is named twice"],
    [
      "default: v1",
      "default: v3",
      'services.orders.default: there is no version of orders "v3"; did you mean "v1"?',
    ],
    ["name: shop", "name: Shop", "name: must be 1 to 41 of a-z, 0-9 and '-', and begin with a letter"],
    ["name: shop", "name: shop\nfilter: []", 'filter: unknown key; did you mean "filters"?'],
    ["prefix: /,", "prefix: api,", 'gateway.routes[0].prefix: must begin with "/"'],
    ["gateway:", "gateway:\n  port: 70000", "gateway.port: must be from 0 to 65535"],
    [
      "http://127.0.0.1:9000",
      "ftp://127.0.0.1",
      /^services\.orders\.versions\.v1\.url: must begin with "http/,
    ],
    ["command: npm start", "command: []", "services.orders.versions.v2.command: must name a program"],
    [
      "command: npm start",
      "comand: npm start",
      'services.orders.versions.v2.comand: unknown key; did you mean "command"?',
    ],
    [
      "command: npm start",
      "command: npm start, env: { PORT: 1 }",
      /^services\.orders\.versions\.v2\.env\.PORT: .*PORT/,
    ],
    [
      "[{ prefix: /, service: front }]",
      "[{ prefix: /, service: front }, { prefix: /orders, service: orders }]",
      'gateway.routes[1].prefix: is never reached: routes[0] already takes "/"; put this one first',
    ],
    [
      "default: v1",
      "default: v1, filters: [{ filter: header-ruoting }]",
      'services.orders.filters[0].filter: there is no "header-ruoting"; did you mean "header-routing"?',
    ],
    [
      "default: v1",
      "default: v1, filters: [{ filter: header-routing, config: { rules: [{ name: a, destination: v9 }] } }]",
      'services.orders.filters[0].config.rules[0].destination: there is no version of orders "v9"; did you mean "v1"?',
    ],
    [
      "default: v1",
      "default: v1, filters: [{ filter: header-routing, config: { rules: [{ name: a, destinaton: v1 }] } }]",
      /^services\.orders\.filters\[0\]\.config\.rules\[0\]/,
    ],
    [
      "name: shop",
      "name: shop\nfilters: [{ filter: trace-headers, at: [everywhere] }]",
      /^filters\[0\]\.at\[0\]: /,
    ],
    [
      "name: shop",
      "name: shop\nfilters: [{ filter: header-routing, at: [inbound], config: { rules: [{ name: a, destination: v1 }] } }]",
      /^filters\[0\]\.at\[0\]: header-routing has nothing to choose at "inbound"/,
    ],
    ["default: v1", "default: v1, timeout: 5", /^services\.orders\.timeout: .*expected string/],
    ["default: v1", "default: v1, timeout: -1s", /^services\.orders\.timeout: must be a length of time/],
    ["default: v1", "default: v1, timeout: 25h", "services.orders.timeout: must be from 0ms to 24h"],
    [
      "default: v1",
      "default: v1, retries: { on: [5x] }",
      'services.orders.retries.on[0]: there is no condition "5x"; did you mean "5xx"?',
    ],
    [
      "default: v1",
      "default: v1, retries: { on: [200] }",
      "services.orders.retries.on[0]: must be a status from 400 to 599",
    ],
    ["default: v1", "default: v1, retries: { attempts: 3 }", "services.orders.retries.on: is required"],
    [
      "default: v1",
      "default: v1, retries: { on: [5xx], atempts: 3 }",
      'services.orders.retries.atempts: unknown key; did you mean "attempts"?',
    ],
    [
      "default: v1",
      "default: v1, timeout: 1s, retries: { on: [5xx], perTryTimeout: 2s }",
      "services.orders.retries.perTryTimeout: must not be above the timeout of the whole answer, which is 1s",
    ],
    [
      "default: v1",
      "default: v1, retries: { on: [envoy-ratelimited] }, filters: [{ filter: retry-budget }]",
      /^services\.orders\.retries\.on: cannot have "envoy-ratelimited" where retry-budget stands/,
    ],
    [
      "name: shop",
      "name: shop\ngrpcServices: { limits: { url: 127.0.0.1 } }",
      /^grpcServices\.limits\.url: must begin with "http/,
    ],
    ["name: shop", "name: shop\ngrpcServices: { limits: {} }", "grpcServices.limits.url: is required"],
    ["name: shop", 'name: shop\ngrpcServices: { "a b": { url: "http://h" } }', /^grpcServices\["a b"\]: /],
    ...["app", "outbound-orders"].map((taken): [string, string, string] => [
      "name: shop",
      `name: shop\ngrpcServices: { ${taken}: { url: "http://h" } }`,
      `grpcServices.${taken}: is the name of one of the mesh's own clusters in Envoy; choose another name`,
    ]),
    ...[
      ["name: shop", "filters: [{ filter: rate-limit, at: [gateway], config: CONFIG }]", "filters[0]"],
      ["default: v1", "filters: [{ filter: rate-limit, config: CONFIG }]", "services.orders.filters[0]"],
    ].map(([from = "", filters = "", at]): [string, string, string] => [
      from,
      `${from}${from === "name: shop" ? "\n" : ", "}${filters.replace("CONFIG", "{ rules: [], service: { cluster: limits, domain: a } }")}`,
      `${at}.config.service.cluster: there is no gRPC service "limits"; say where it is: grpcServices: { limits: { url: "http://HOST:PORT" } }`,
    ]),
  ])("with %j as %j is refused", (from, to, problem) => {
    expect(problems(from, to)).toContainEqual(
      typeof problem === "string" ? problem : expect.stringMatching(problem),
    );
  });

  it("may name services that its filters call, and set timeouts and retries for a service", () => {
    const text = `${BASE}grpcServices: { limits: { url: "http://127.0.0.1:8081" } }
filters:
  - { filter: rate-limit, at: [gateway], config: { rules: [], service: { cluster: limits, domain: shop } } }
`.replace("default: v1", "timeout: 0s, retries: { on: [5xx, 429], attempts: 2, perTryTimeout: 1m }");
    expect(checkDocument(text, SCHEMA, "m")).toMatchObject({ ok: true });
  });

  it.each([
    [["chooser", "chooser"], "have chooser twice; put the rules into one"],
    [
      ["chooser", "header-routing"],
      "have chooser and header-routing, which both choose a destination; keep one of them",
    ],
    [["header-routing", "header-routing"], "have header-routing twice; put the rules into one"],
  ])("may not choose a version twice with %j", (names, reason) => {
    const uses = names.map((filter) => `{ filter: ${filter}, config: { rules: [] } }`).join(", ");
    expect(problems("default: v1", `default: v1, filters: [${uses}]`)).toEqual([
      `services.orders.filters: ${reason}`,
    ]);
  });

  it("may have an author's filter, whose descriptor is used like the catalog's", () => {
    expect(problems("name: shop", "name: shop\nfilters: [{ filter: chooser, at: [inbound] }]")).toEqual([
      'filters[0].at[0]: chooser has nothing to choose at "inbound", which leads to the app alone; use "outbound"',
    ]);
    const to = (rules: string) =>
      `default: v1, filters: [{ filter: chooser, config: { rules: [${rules}] } }]`;
    expect(problems("default: v1", to("v1, v7"))).toEqual([
      'services.orders.filters[0].config.rules[1]: there is no version of orders "v7"; did you mean "v1"?',
    ]);
    expect(problems("default: v1", to("v1, 7"))).toEqual([
      expect.stringMatching(/^services\.orders\.filters\[0\]\.config\.rules\[1\]: .*expected string/),
    ]);
  });

  it("in the README is valid", async () => {
    const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
    const blocks = [...readme.matchAll(/^```yaml\n(name:[\s\S]*?)^```$/gm)].map((match) => match[1] ?? "");
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(checkDocument(block, SCHEMA, "README")).toMatchObject({ ok: true });
  });

  it("has a JSON Schema that knows every filter", () => {
    const text = JSON.stringify(meshJsonSchema(FILTERS));
    expect(text).toContain('"const":"header-routing"');
    expect(text).toContain("destinationHeader");
    expect(text).toContain('"const":"trace-headers"');
  });
});
