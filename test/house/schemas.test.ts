// The JSON Schemas that are published, against the zod schemas by which `validate` judges: a schema
// refuses nothing that is valid, and accepts only what no JSON Schema can see.

import { Ajv2020, type AnySchema, type ValidateFunction } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { meshJsonSchema, meshSchema } from "../../compose/mesh/schema.js";
import type { Json } from "../../envoy/config/json.js";
import { FILTERS } from "../../filters/catalog.js";
import { jsonSchemaOf } from "../../filters/shared/json-schema.js";
import { filterSchema } from "../../filters/template/schema.js";
import { mutations, unions } from "../support/mutations.js";

const MATCH = {
  method: ["GET", "POST"],
  path: { segments: "/api" },
  headers: [
    { name: "x-a", exact: "1" },
    { name: ":authority", range: { from: 1, to: 5 } },
    { name: "x-b", present: true, invert: true },
  ],
  query: [{ name: "q", oneOf: ["a", "b"] }],
  cookies: [{ name: "c", absent: true }],
  percentage: 12.5,
};

const NESTED_MATCH = {
  path: { regex: "/a[0-9]+" },
  headers: [{ name: "x-a", contains: "B", ignoreCase: true }],
  clientAddress: ["192.0.2.0/24", "::1"],
  route: { prefix: "r" },
  filterState: [{ key: "wasm.a", oneOf: ["b"] }],
  anyOf: [{ method: "GET" }, { not: { path: { exact: "/" } } }],
  not: { cookies: [{ name: "c", regex: "(?i)d" }] },
};

const SHARE = { percentage: 5, key: { header: "x-user" }, salt: "s" };

/** Documents that reach every field. */
const DOCUMENTS: Readonly<Record<string, readonly Json[]>> = {
  "header-routing": [
    {
      explainProperty: "mesh",
      destinationHeader: "x-to",
      rules: [
        { name: "a", match: MATCH, destination: "v1" },
        { name: "c", match: NESTED_MATCH, destination: "v1" },
        {
          name: "b",
          split: {
            key: { cookie: "c" },
            salt: "s",
            destinations: [
              { name: "v1", weight: 9 },
              { name: "v2", weight: 1 },
            ],
            pins: [{ keys: ["k", "l"], destination: "v2" }],
          },
        },
        {
          name: "d",
          shadow: true,
          split: {
            cookie: {
              name: "__Secure-v",
              path: "/a",
              domain: "shop.test",
              maxAge: "24h",
              refresh: true,
              sameSite: "none",
              secure: true,
              httpOnly: false,
              secrets: ["0123456789abcdef", "fedcba9876543210"],
            },
            destinations: [{ name: "v1", weight: 1 }],
          },
        },
      ],
    },
  ],
  "fault-injection": [
    {
      where: "downstream",
      explainHeader: "x-why",
      maxActive: 5,
      clientFaults: {
        name: "clients",
        match: MATCH,
        delayHeader: "x-delay",
        maxDelay: "1s",
        maxPercentage: 50,
      },
      rules: [
        {
          name: "a",
          match: { path: { prefix: "/" } },
          share: SHARE,
          shadow: true,
          from: "2026-01-01T00:00:00Z",
          until: "2026-01-02T00:00:00+01:00",
          maxActive: 2,
          delay: { fixed: "250ms", max: "1.5s" },
          abort: {
            status: 503,
            body: "no",
            headers: [{ name: "x-a", value: "b" }],
            contentType: "text/plain",
          },
        },
        { name: "b", delay: { uniform: { min: "0ms", max: "1s" } }, blackHole: { limit: "10s" } },
        { name: "c", delay: { normal: { mean: "1s", deviation: "100ms" } }, abort: { grpcStatus: 14 } },
        { name: "d", delay: { exponential: { mean: "1s" } }, response: { truncateAfter: 10 } },
        {
          name: "e",
          delay: { logNormal: { median: "1s", sigma: 1 } },
          response: { status: 500, bytesPerSecond: 9 },
        },
        {
          name: "f",
          delay: {
            percentiles: [
              { percentile: 0, delay: "0ms" },
              { percentile: 50, delay: "5ms" },
              { percentile: 100, delay: "1s" },
            ],
          },
        },
        { name: "g", abort: { status: 204, contentType: "a" } },
      ],
    },
  ],
  "retry-budget": [
    {
      where: "downstream",
      explainHeader: "x-why",
      answer: { status: 503, body: "b" },
      retriableStatusCodes: [418],
      maxCallers: 5,
      budgets: [
        {
          name: "a",
          match: { headers: [{ name: "x-a", prefix: "1" }] },
          share: SHARE,
          per: { cluster: true },
          ratio: { percentage: 20, ttl: "10s", minRetriesPerSecond: 3 },
          methods: ["GET"],
          respectDeadline: true,
          respectPushback: false,
          maxRetries: 2,
        },
        { name: "b", per: { header: "x-a" }, concurrency: { percentage: 5, minRetryConcurrency: 1 } },
        { name: "c", per: { route: true }, shadow: true },
      ],
    },
    { budgets: [{ name: "a" }] },
  ],
  "rate-limit": [
    {
      explainHeader: "x-why",
      headers: "ietf",
      answer: {
        status: 429,
        headers: [{ name: "link", value: "l" }],
        body: "b",
        contentType: "text/plain",
        grpcStatus: 8,
      },
      service: { cluster: "limits", domain: "d", timeout: "25ms", failureMode: "local", preCheck: false },
      rules: [
        {
          name: "a",
          match: { path: { exact: "/a" } },
          key: [
            { header: "x-a", as: "a" },
            { cookie: "c" },
            { pathSegment: 0 },
            { clientAddress: { ipv4: 24, ipv6: 56 } },
            { jwtClaim: { payload: "p", claim: ["sub"] } },
            { value: "v" },
            { query: "q" },
            { method: true },
          ],
          missing: "share",
          exempt: {
            clientAddresses: ["192.0.2.0/24", "2001:db8::/32", "::ffff:192.0.2.1"],
            matches: [MATCH],
          },
          cost: { header: "x-cost", default: 2, max: 9 },
          local: { limit: 5, unit: "minute", burst: 9, keys: 100 },
        },
        {
          name: "b",
          key: [{ principal: true }],
          cost: { fixed: 2 },
          global: { limitOverride: { limit: 5, unit: "second" }, fallback: { limit: 1, unit: "hour" } },
        },
        { name: "c", cost: { statuses: [401, 403] }, local: { limit: 5, unit: "minute" } },
        { name: "d", cost: { responseHeader: "x-t", max: 5 }, local: { limit: 5, unit: "minute" } },
        { name: "e", cost: { responseJson: ["a", "b"], default: 5 }, local: { limit: 5, unit: "minute" } },
        { name: "f", local: { limit: 5000, unit: "minute", lease: true } },
        { name: "g", concurrency: { limit: 5, lease: "10s", keys: 100 } },
      ],
    },
  ],
  "circuit-breaker": [
    {
      explainHeader: "x-circuit",
      destinationHeader: "x-to",
      keepDestination: true,
      rules: [
        {
          name: "a",
          match: MATCH,
          share: SHARE,
          shadow: true,
          key: [{ cluster: true }, { destination: true }, { header: "x-a" }],
          missing: "skip",
          keys: 9,
          trip: { evidence: { tolerated: 1, bad: 40, requestsPerFalseTrip: 1000 } },
          failures: { statuses: ["5xx", 404], grpcStatuses: [14], network: ["reset"], slow: "1s" },
          open: { sleep: "1s", maxSleep: "1m", jitter: 10 },
          halfOpen: { probes: 3, lease: "5s", ramp: "10s" },
          answer: { status: 200, body: "[]", contentType: "application/json", grpcStatus: 0 },
        },
        { name: "b", trip: { consecutive: 5 }, destination: "v1" },
        { name: "c", trip: { rate: { percentage: 50, minRequests: 20, window: "10s" } }, force: "open" },
      ],
    },
  ],
  "trace-headers": [
    {
      accept: ["b3", "w3c"],
      trustIncoming: false,
      write: ["w3c", "x-trace-id"],
      sampling: 12.5,
      tracestateMaxBytes: 512,
      responseHeader: "x-trace",
    },
    {
      accept: ["xray", "google-cloud", "datadog", "skywalking"],
      write: ["w3c", "skywalking"],
      skywalking: { service: "edge", instance: "edge-1" },
      baggage: { maxMembers: 8, maxBytes: 1024, allow: ["tenant"] },
    },
    { baggage: { deny: ["user"] } },
  ],
  deadline: [
    {
      where: "downstream",
      header: { name: "x-left", trusted: true },
      trace: "inbound",
      explainHeader: "x-why",
      explainProperty: "mesh",
      rules: [
        {
          name: "a",
          match: MATCH,
          share: SHARE,
          shadow: true,
          default: "1.5s",
          max: "2s",
          margin: "0ms",
          perTry: "250ms",
        },
        { name: "b" },
      ],
    },
    { where: "upstream", rules: [{ name: "a", max: "1h" }] },
  ],
  fallback: [
    {
      explainHeader: "x-why",
      explainProperty: "mesh",
      rules: [
        {
          name: "a",
          match: MATCH,
          share: SHARE,
          shadow: true,
          query: "named",
          key: [{ query: "page" }, { header: "accept-language" }, { principal: true }],
          answers: 9,
          keep: {
            statuses: [200, 404],
            maxBody: 1000,
            refresh: "2s",
            despite: ["cookie", "vary"],
            omitHeaders: ["x-trace-id"],
          },
          serve: { statuses: ["5xx", 429], network: ["reset"], localReplies: ["circuit_open"] },
          revalidate: { timeout: "2s" },
          maxAge: "1h",
          staleIfError: "5m",
        },
        { name: "b" },
      ],
    },
  ],
  template: [{ header: "x-a", values: ["a", "b"], shadow: true }],
  mesh: [
    {
      name: "shop",
      gateway: {
        port: 0,
        routes: [
          { prefix: "/orders", service: "orders" },
          { prefix: "/", service: "front" },
        ],
        filters: [{ filter: "trace-headers" }],
      },
      services: {
        front: {
          versions: { v1: { command: "npm start", env: { A: "1", B: 2 }, cwd: "." } },
          calls: ["orders"],
          timeout: "5s",
          retries: { on: ["5xx", 429], attempts: 2, perTryTimeout: "250ms" },
        },
        orders: {
          versions: { v1: { url: "http://127.0.0.1:9000/" }, v2: { command: ["node", "a.js"] } },
          default: "v1",
          filters: [
            { filter: "header-routing", config: { rules: [{ name: "a", destination: "v2" }] } },
            { filter: "retry-budget", config: { budgets: [{ name: "a", ratio: { ttl: "10s" } }] } },
          ],
        },
      },
      grpcServices: { limits: { url: "https://limits.example" } },
      filters: [{ filter: "trace-headers", at: ["inbound", "outbound"], config: {} }],
    },
  ],
};

/** Rules over several places, or over a text's bytes, for which JSON Schema has no words. */
const BEYOND_JSON_SCHEMA = [
  /: names? a (rule|budget|destination|header) twice$/,
  /: is a rule's name too$/,
  /: must be \d+ to \d+ bytes of UTF-8$/,
  /: '(min|from|default)' must (not be above|be before) '(max|to|until)'$/,
  /: must (begin with percentile|rise from entry)/,
  /: must be full again within ten years$/,
  /: is written by this filter, which first removes/,
  /: there is no (service|version|gRPC service)/,
  /: is never reached: /,
  /: have .* twice; put the rules into one$/,
  /: must not be above the timeout/,
  /: is the name of one of the mesh's own clusters/,
  /: header-routing has nothing to choose at/,
  /: must be an IP address or a CIDR range$/,
  /regex: .* at byte \d+$/,
  /: is nested deeper than \d+$/,
  /: must be a multiple of 0\.01$/,
  /: 'bad' must be above 'tolerated'$/,
  /: must not be below 'sleep'$/,
  /: must not have a status in both 'keep' and 'serve'$/,
  /: 'query: whole' has no need of a part 'query' in 'key'$/,
  /: must be whole seconds$/,
  /: with this prefix needs /,
  /: must be like the cookie of this name in a rule before$/,
  /\.url: /,
  // A short span between two units, such as 1.9999999s.
  /: must be from \d+m?s to /,
];

const SCHEMAS: Readonly<Record<string, readonly [z.ZodType, AnySchema]>> = {
  ...Object.fromEntries(FILTERS.map(({ name, schema }) => [name, [schema, jsonSchemaOf(schema)]])),
  template: [filterSchema, jsonSchemaOf(filterSchema)],
  mesh: [meshSchema(FILTERS), meshJsonSchema(FILTERS)],
};

describe.each(Object.entries(SCHEMAS))("the JSON Schema of %s", (name, [schema, jsonSchema]) => {
  // Six seconds for that of a mesh, so it is compiled once.
  let accepts: ValidateFunction;

  test("compiles in Ajv's strict mode", () => {
    accepts = new Ajv2020({ strict: true }).compile(jsonSchema);
  });

  test("refuses what validate refuses wherever JSON Schema can, and nothing else", () => {
    const missed: string[] = [];
    let refused = 0;
    for (const document of DOCUMENTS[name] ?? []) {
      expect(schema.safeParse(document).error?.issues).toBeUndefined();
      expect(accepts(document) || accepts.errors).toBe(true);
      for (const { what, document: changed } of [...mutations(document), ...unions(document)]) {
        const { success, error } = schema.safeParse(changed);
        if (success !== accepts(changed)) {
          if (success) missed.push(`${what}: is valid, but ${JSON.stringify(accepts.errors?.[0])}`);
          const lines = error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
          const unsaid = lines.filter((line) => !BEYOND_JSON_SCHEMA.some((pattern) => pattern.test(line)));
          if (unsaid.length > 0) missed.push(`${what}: is accepted, but ${unsaid[0]}`);
        }
        if (!success) refused += 1;
      }
    }
    expect(missed).toEqual([]);
    expect(refused).toBeGreaterThan(20);
  });
});
