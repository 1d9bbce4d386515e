// What the filters answer by themselves, to clients of HTTP, gRPC and gRPC-Web, before and behind
// Envoy's `grpc_web` filter and in a cluster's chain.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import { typedConfig } from "../../../envoy/config/typed-config.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { HarnessFilter } from "../../../kit/envoy/filters.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, HeaderList } from "../../../kit/traffic.js";

const CASE = "x-case";
const GRPC_WEB: HttpFilter = {
  name: "envoy.filters.http.grpc_web",
  typed_config: typedConfig("envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"),
};
const TYPES = ["application/grpc", "application/grpc-web+proto", "application/grpc-web-text"] as const;
type Type = (typeof TYPES)[number];

/** For the requests whose header names the case. */
const on = (name: string) => ({ headers: [{ name: CASE, exact: name }] });

/** A limit that every request is over, one whose service is not there, and faults. */
function filtersAt(place: string): readonly HarnessFilter[] {
  return [
    {
      name: `limit-${place}`,
      module: "rate-limit",
      configuration: {
        service: { cluster: "nobody", domain: "a", failureMode: "deny" },
        rules: [
          {
            name: "limit",
            match: on(`limit-${place}`),
            cost: { fixed: 2 },
            local: { limit: 1, unit: "hour" },
          },
          { name: "service", match: on(`service-${place}`), key: [{ value: "a" }], global: {} },
        ],
      },
    },
    {
      name: `fault-${place}`,
      module: "fault-injection",
      configuration: {
        rules: [
          { name: "abort", match: on(`abort-${place}`), abort: { status: 503 } },
          { name: "own", match: on(`own-${place}`), abort: { grpcStatus: 9, body: "später, 100 %" } },
          { name: "hole", match: on(`hole-${place}`), blackHole: { limit: "5ms" } },
        ],
      },
    },
  ];
}

let upstream: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  upstream = await startUpstream({
    protocol: "http2",
    respond: (request) => (request.header("x-reset") === undefined ? {} : { fault: "reset" }),
  });
  envoy = await startEnvoy({
    filters: [...filtersAt("before"), GRPC_WEB, ...filtersAt("behind")],
    upstreams: { service: upstream },
    workers: 1,
    upstreamFilters: [
      {
        name: "fault-upstream",
        module: "fault-injection",
        configuration: {
          where: "upstream",
          rules: [{ name: "abort", match: on("abort-upstream"), abort: { status: 503 } }],
        },
      },
      {
        name: "retry-budget",
        module: "retry-budget",
        configuration: { budgets: [{ name: "none", ratio: { percentage: 0, minRetriesPerSecond: 0 } }] },
      },
    ],
    routeOptions: { retryPolicy: { retryOn: ["reset"], numRetries: 1 } },
  });
}, 120_000);

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(envoy);
});

const ask = (name: string, type: string, more: HeaderList = []) =>
  send(envoy.url, {
    protocol: "http2",
    method: "POST",
    headers: [["content-type", type], [CASE, name], ...more],
    body: type.includes("text") ? "AAAAAAA=" : "\0\0\0\0\0",
  });

/** What a gRPC or gRPC-Web client reads. */
function statusOf(response: ClientResponse, type: Type) {
  const got = response.header("content-type") ?? "";
  expect(response.status).toBe(200);
  expect(got).toMatch(type === "application/grpc" ? /^application\/grpc$/ : /^application\/grpc-web/);
  const fields = new Map([...response.headers, ...(response.trailers ?? []), ...frameOf(response.body, got)]);
  return {
    code: Number(fields.get("grpc-status")),
    message: decodeURIComponent(fields.get("grpc-message") ?? ""),
  };
}

/** The trailers in the body of a gRPC-Web answer; none where the headers have them. */
function frameOf(body: string, type: string): HeaderList {
  if (body === "") return [];
  // The client reads a body as UTF-8, in which no character begins with the frame's first byte.
  const bytes = type.includes("text")
    ? Buffer.from(body, "base64")
    : Buffer.from(body.replace(/^\ufffd/, "\x80"), "latin1");
  expect(bytes[0]).toBe(0x80);
  expect(bytes.readUInt32BE(1)).toBe(bytes.length - 5);
  return bytes
    .subarray(5)
    .toString("latin1")
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]);
}

describe.each(TYPES)("a client of %s", (type) => {
  test.each<[string, number, string]>([
    ["limit", 8, "rate limited"],
    ["service", 14, "rate limit service unavailable"],
    ["abort", 14, "fault injected"],
    ["own", 9, "später, 100 %"],
    ["hole", 4, "fault injected"],
  ])("gets code and message of %s on either side of grpc_web", async (name, code, message) => {
    for (const place of ["before", "behind"]) {
      expect(statusOf(await ask(`${name}-${place}`, type), type)).toEqual({ code, message });
    }
  });

  test("gets those of an abort in a cluster's chain", async () => {
    expect(statusOf(await ask("abort-upstream", type), type)).toEqual({
      code: 14,
      message: "fault injected",
    });
  });

  test("gets those of a retry that was refused", async () => {
    const response = await ask("none", type, [["x-reset", "1"]]);
    expect(statusOf(response, type)).toEqual({ code: 14, message: "retry budget exceeded" });
  });
});

describe("a client of HTTP", () => {
  test.each([
    ["limit", 429, ""],
    ["service", 503, ""],
    ["abort", 503, ""],
    ["own", 400, "später, 100 %"],
    ["hole", 504, ""],
  ])("gets status and body of %s", async (name, status, body) => {
    for (const place of ["before", "behind"]) {
      const response = await ask(`${name}-${place}`, "application/json");
      expect(response).toMatchObject({ status });
      expect(response.body).toBe(body);
      expect(response.header("grpc-status")).toBeUndefined();
    }
  });
});

test("only what a limit refuses is not to be retried by the caller's Envoy", async () => {
  for (const type of [...TYPES, "application/json"]) {
    for (const place of ["before", "behind"]) {
      const mark = async (name: string) =>
        (await ask(`${name}-${place}`, type)).header("x-envoy-ratelimited");
      expect(await mark("limit")).toBe("true");
      expect(await mark("service")).toBeUndefined();
      expect(await mark("abort")).toBeUndefined();
    }
  }
});
