// Header maps and trailers through a probe filter in stock Envoy.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let withTrailers: Upstream;
let envoy: TestEnvoy;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-headers-"));
  const module = path.join(folder, "headers.wasm");
  await compileProbe("test/probes/headers/index.ts", module);
  upstream = await startUpstream();
  withTrailers = await startUpstream({
    protocol: "http2",
    respond: () => ({ body: "answer", trailers: [["x-end", "1"]] }),
  });
  envoy = await startEnvoy({
    filters: [{ name: "headers", module }],
    upstreams: { upstream, trailers: withTrailers },
    workers: 1,
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
  await withTrailers?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function ask(command: string, body?: string) {
  return send(envoy.url, {
    method: "POST",
    headers: [["x-do", command]],
    ...(body === undefined ? {} : { body }),
  });
}

function askForTrailers(command: string, trailers: HeaderList, body = "question") {
  const headers: HeaderList = [
    ["x-do", command],
    ["x-mesh-destination", "trailers"],
  ];
  return send(envoy.url, { protocol: "http2", headers, body, trailers });
}

/** Values by name; those of a repeated name are joined. */
function byName(list: HeaderList = []): Record<string, string> {
  const names = new Set(list.map(([name]) => name));
  const valuesOf = (name: string) => list.filter(([other]) => other === name).map(([, value]) => value);
  return Object.fromEntries([...names].map((name) => [name, valuesOf(name).join(", ")]));
}

/** The headers that the client and the filter set, as the upstream received them. */
function got(): Record<string, string> {
  const own = (upstream.requests.at(-1)?.headers ?? []).filter(([name]) => /^(host|x-do|x-new)$/.test(name));
  return Object.fromEntries(own);
}

describe("all headers at once", () => {
  test("of a request, including repeated names", async () => {
    const before = upstream.requests.length;
    expect(await ask("replace-all", "body")).toMatchObject({ status: 200 });
    const request = upstream.requests[before];
    expect(request).toMatchObject({ method: "PUT", path: "/new", body: "body" });
    expect(request?.headers.filter(([name]) => name === "x-new")).toEqual([
      ["x-new", "1"],
      ["x-new", "2"],
    ]);
    expect(got()).toEqual({ host: "new.example", "x-new": "2" });
  });

  test("of a response", async () => {
    const response = await ask("replace-response");
    expect(response.status).toBe(203);
    expect(response.header("x-new")).toBe("value");
    expect(response.header("content-type")).toBeUndefined();
  });

  test.each(["too-many", "too-large", "not-encoded"])(
    "are refused, and the existing ones stay: %s",
    async (command) => {
      const response = await ask(command);
      expect(response.header("x-saw")).toBe("=2");
      expect(got()).toMatchObject({ "x-do": command });
    },
  );

  test("have a size in bytes", async () => {
    expect((await ask("sizes")).header("x-saw")).toBe(String("x-newvalue".length));
  });
});

describe("a removed header that Envoy needs", () => {
  test.each([
    ["remove-path", 404, "route_not_found"],
    ["remove-method", 503, "filter_removed_required_request_headers"],
    ["remove-status", 502, "filter_removed_required_response_headers"],
  ])("%s leads to an answer from Envoy, and no more", async (command, status, details) => {
    expect((await ask(command)).status).toBe(status);
    expect((await envoy.accessLog(1)).at(-1)?.details).toMatch(details);
    expect((await ask("none")).status).toBe(200);
  });
});

describe("a map that does not exist", () => {
  test("is empty, and refuses writes", async () => {
    const response = await ask("absent", "body");
    expect(response.status).toBe(200);
    expect(response.header("x-saw")?.split(" ")).toEqual(Array(5).fill("null/true/0/2/2/2"));
  });

  test("is the request's after the request has been passed on", async () => {
    const saw = (await ask("request-later", "body")).header("x-saw")?.split(" ");
    expect(new Set(saw)).toEqual(new Set(["null"]));
  });
});

describe("trailers", () => {
  test.each<[string, string, object, object]>([
    ["read", "1 =0", { "x-end": "a", "x-other": "anull" }, { "x-end": "1", "x-other": "1null" }],
    ["replace", "1 =0", { "x-end": "value" }, { "x-end": "value" }],
    ["remove", "1 =0", {}, {}],
    ["replace-trailers", "1 =0", { "x-new": "1, 2", "x-empty": "" }, { "x-new": "1, 2", "x-empty": "" }],
    ["size-trailers", "1 =6", { "x-end": "a" }, { "x-end": "1" }],
    ["add-trailers", "1", { "x-end": "a" }, { "x-end": "1" }],
  ])("both ways: %s", async (command, saw, sent, received) => {
    for (const body of ["", "question"]) {
      const answer = await askForTrailers(command, [["x-end", "a"]], body);
      expect(answer.header("x-saw")).toBe(saw);
      expect(byName(answer.trailers)).toEqual(received);
      expect(byName(withTrailers.requests.at(-1)?.trailers)).toEqual(sent);
      expect(withTrailers.requests.at(-1)?.body).toBe(body);
    }
  });

  test("that do not exist are created by a write with the last piece of the body", async () => {
    const answer = await askForTrailers("add-trailers", []);
    expect(answer.header("x-saw")).toBe("=0");
    expect(byName(withTrailers.requests.at(-1)?.trailers)).toEqual({ "x-new": "value" });
    const plain = await send(envoy.url, {
      protocol: "http2",
      headers: [["x-do", "add-trailers"]],
      body: "a",
    });
    expect(plain.trailers).toEqual([["x-new", "value"]]);
  });

  test("are not sent to a peer that speaks HTTP/1.1", async () => {
    const response = await ask("add-trailers", "body");
    expect(response).toMatchObject({ status: 200 });
    expect(response.header("x-saw")).toBe("=0");
    expect(upstream.requests.at(-1)?.body).toBe("body");
  });
});
