// What rules of header-routing do to requests that mean harm, or are of a rarer kind: no path and
// no location leads to another host, no client names a copy, and nothing ends the VM.

import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HeaderRoutingConfig } from "../../../filters/header-routing/schema.js";
import { send } from "../../../kit/envoy/client.js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { connectHttp2, upgrade } from "../../support/upgrades.js";
import { type RoutingEnvoy, startRoutingEnvoy } from "./routing-envoy.js";

const FILTER = "header-routing";
const CONFIG: HeaderRoutingConfig = {
  rules: [
    { name: "old", match: { path: { segments: "/old" } }, redirect: { prefix: "/" } },
    { name: "kept", match: { path: { segments: "/kept" } }, redirect: { prefix: "/a", stripQuery: true } },
    { name: "tls", match: { path: { prefix: "/tls" } }, redirect: { scheme: "https" } },
    { name: "gone", match: { path: { segments: "/gone" } }, answer: { status: 410, body: "gone" } },
    {
      name: "api",
      match: { path: { segments: "/api" } },
      destination: "v2",
      rewrite: { prefix: "/", host: "inner.test" },
      responseHeaders: { set: [{ name: "x-edited", value: "1" }] },
      mirror: "v3",
    },
    {
      name: "rest",
      destination: "v2",
      rewrite: { path: "/rest", host: "inner.test" },
      responseHeaders: { set: [{ name: "x-edited", value: "1" }] },
    },
  ],
};

let routing: RoutingEnvoy;
let envoy: TestEnvoy;

beforeAll(async () => {
  routing = await startRoutingEnvoy({
    // As an Envoy of one's own may be: paths come as clients write them.
    listenerOptions: { normalizePath: false },
    routeOptions: { mirrors: { v3: "v3" } },
  });
  envoy = routing.envoy;
  await routing.configure(CONFIG);
});

afterAll(() => routing?.[Symbol.asyncDispose]());

const raw = (head: string) => rawHttp1(envoy.port, Buffer.from(`${head}\r\n\r\n`, "latin1"));
const get = (target: string, ...more: string[]) =>
  raw([`GET ${target} HTTP/1.1`, "host: shop.test", "connection: close", ...more].join("\r\n"));
const locationOf = (answer: string) => /^location: (.*)\r$/m.exec(answer)?.[1];
const bodyOf = (answer: string) =>
  JSON.parse(answer.slice(answer.indexOf("{"), answer.lastIndexOf("}") + 1)) as {
    upstream: string;
    path: string;
    headers: [string, string][];
  };

/** The module serves on: a trap would answer 503 and end the worker's VM. */
async function expectAlive(): Promise<void> {
  for (let i = 0; i < 8; i++) expect(bodyOf(await get("/api/alive")).path).toBe("/alive");
  expect((await envoy.admin.stats("vm_reload$")).get(`wasm.${FILTER}.vm_reload`)).toBe(0);
  expect(envoy.logs()).not.toContain("Function: proxy_on_");
}

describe("a location", () => {
  test.each([
    ["/old//evil.test/", "/evil.test/"],
    ["/old///evil.test/", "/evil.test/"],
    ["/old/\\evil.test", "/evil.test"],
    ["/old/\\/\\evil.test", "/evil.test"],
    ["/old/%2f%2fevil.test", "/%2f%2fevil.test"],
    ["/old/@evil.test", "/@evil.test"],
    ["/old/..//evil.test", "/..//evil.test"],
    ["/old?//evil.test", "/?//evil.test"],
    ["/kept//evil.test?a", "/a/evil.test"],
    ["/tls//evil.test?a", "https://shop.test/tls//evil.test?a"],
    ["/tls@evil.test", "https://shop.test/tls@evil.test"],
  ])("of %s leads to no other host", async (target, location) => {
    expect(locationOf(await get(target))).toBe(location);
    await expectAlive();
  });

  test.each(["shop.test@evil.test", "shop.test/x", "shop.test?x", "a b", "[::1", "shop.test:x", ""])(
    "of a request for the host %j is none",
    async (host) => {
      const answer = await raw(`GET /tls HTTP/1.1\r\nhost: ${host}\r\nconnection: close`);
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      expect(answer).not.toContain("location");
      await expectAlive();
    },
  );

  test("of 60 KiB is sent", async () => {
    const path = `/${"a".repeat(60_000)}`;
    expect(locationOf(await get(`/old${path}`))).toBe(path);
    expect(locationOf(await get(`/tls${path}`))).toBe(`https://shop.test/tls${path}`);
    await expectAlive();
  });
});

describe("a rewrite", () => {
  test.each([
    ["/api//evil.test/", "/evil.test/"],
    ["/api/\\evil.test/", "/evil.test/"],
    ["/api/../../etc/passwd", "/../../etc/passwd"],
    ["/api?//a", "/?//a"],
    [`/api/${"a".repeat(60_000)}`, `/${"a".repeat(60_000)}`],
    [`/api/?${"b".repeat(60_000)}`, `/?${"b".repeat(60_000)}`],
    ["http://evil.test/api/x?y", "/x?y"],
    ["/api/\xff\xfe%00", "/\xff\xfe%00"],
  ])("of a hostile path passes it on with one slash at its start", async (target, path) => {
    const answer = await get(target);
    expect(answer).toMatch(/^HTTP\/1\.1 (200|400) /);
    if (answer.startsWith("HTTP/1.1 200")) {
      const seen = bodyOf(answer);
      expect(Buffer.from(seen.path, "latin1").toString("latin1")).toBe(path);
      expect(seen.headers).toContainEqual(["host", "inner.test"]);
    } else {
      expect(target).toContain("\xff");
    }
    await expectAlive();
  });

  test("keeps what the client asked for, and not what it says that it asked for", async () => {
    const forged = ["x-envoy-original-path: /admin", "x-envoy-original-path: /root"];
    const originals = async (target: string, ...more: string[]) =>
      bodyOf(await get(target, ...forged, ...more))
        .headers.filter(([name]) => name === "x-envoy-original-path")
        .map(([, value]) => value);
    expect(await originals("/api/x?y")).toEqual(["/api/x?y"]);
    await routing.configure({
      rules: [
        { name: "api", match: { path: { segments: "/api" } }, destination: "v2", rewrite: { prefix: "/" } },
      ],
    });
    expect(await originals("/other")).toEqual([]);
    await routing.configure(CONFIG);
  });

  test("leaves a request without a path as it is, and takes its host and its response", async () => {
    const answer = await raw("OPTIONS * HTTP/1.1\r\nhost: shop.test\r\nconnection: close");
    expect(answer).toMatch(/^HTTP\/1\.1 (200|404) /);
    if (answer.startsWith("HTTP/1.1 200")) {
      expect(bodyOf(answer).path).toBe("*");
      expect(answer).toContain("x-edited: 1");
    }
    expect(await raw("CONNECT shop.test:443 HTTP/1.1\r\nhost: shop.test:443\r\nconnection: close")).toMatch(
      /^HTTP\/1\.1 \d{3} /,
    );
    await expectAlive();
  });
});

test("no client names who gets a copy", async () => {
  const before = routing.upstreams.v3.requests.length;
  for (const name of ["v3", "v1", "v3,v3", ""]) {
    const answer = await get("/x", `x-mesh-mirror: ${name}`, `x-mesh-mirror: ${name}`);
    expect(bodyOf(answer).headers.map(([each]) => each)).not.toContain("x-mesh-mirror");
  }
  const copied = await get("/api/copied", "x-mesh-mirror: v1", "x-mesh-mirror: v3");
  expect(bodyOf(copied).headers.filter(([name]) => name === "x-mesh-mirror")).toEqual([
    ["x-mesh-mirror", "v3"],
  ]);
  await expect.poll(() => routing.upstreams.v3.requests.length).toBeGreaterThan(before);
  expect(routing.upstreams.v3.requests.slice(before).map(({ path }) => path)).not.toContain("/rest");
});

test("a gRPC call gets the answer as a gRPC status, and a redirect as one that is no success", async () => {
  const headers: [string, string][] = [["content-type", "application/grpc"]];
  const call = (path: string) =>
    send(envoy.url, { protocol: "http2", method: "POST", path, headers, body: "x" });
  const gone = await call("/gone");
  expect([gone.status, gone.header("grpc-status"), gone.header("grpc-message")]).toEqual([200, "2", "gone"]);
  const moved = await call("/old/x");
  expect([moved.status, moved.header("grpc-status")]).toEqual([200, "2"]);
});

test("an upgrade is answered and redirected like any other request", async () => {
  expect(await upgrade(`${envoy.url}/gone`, "websocket")).toMatchObject({ status: 410, accepted: false });
  expect(await upgrade(`${envoy.url}/old`, "websocket")).toMatchObject({ status: 302, accepted: false });
  expect((await connectHttp2(`${envoy.url}/gone`)).status).toBe(410);
  await expectAlive();
});

test("HEAD gets the status of an answer and no body", async () => {
  const answer = await raw("HEAD /gone HTTP/1.1\r\nhost: shop.test\r\nconnection: close");
  expect(answer).toMatch(/^HTTP\/1\.1 410 /);
  expect(answer.slice(answer.indexOf("\r\n\r\n"))).toBe("\r\n\r\n");
});

test("an answer of Envoy's own to a request of the rule has the headers too", async () => {
  await routing.upstreams.v2.stop();
  try {
    const answer = await get("/rest");
    expect(answer).toMatch(/^HTTP\/1\.1 503 /);
    expect(answer).toContain("x-edited: 1");
  } finally {
    await routing.upstreams.v2.start();
  }
});
