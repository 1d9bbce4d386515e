// HTTP calls to other services in stock Envoy, through a probe filter that does what a request
// header says.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamRequest } from "../../../kit/traffic.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let service: Upstream;
let broken: Server;
let envoy: TestEnvoy;
let stateless: TestEnvoy;

/** Calls to /held wait for this. */
let release = () => {};
let held = Promise.resolve();

function hold(): void {
  held = new Promise((resolve) => {
    release = resolve;
  });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-calls-"));
  const module = path.join(folder, "probe.wasm");
  const statelessModule = path.join(folder, "stateless.wasm");
  await Promise.all([
    compileProbe("test/probes/calls/index.ts", module),
    compileProbe("test/probes/calls-stateless/index.ts", statelessModule),
  ]);
  upstream = await startUpstream();
  service = await startUpstream({ name: "service", respond: answer });
  broken = await startBroken();
  const at = (port: number): Upstream => ({ ...service, protocol: "http1", port });
  envoy = await startEnvoy({
    filters: [{ name: "probe", module }],
    upstreams: {
      upstream,
      service,
      broken: at((broken.address() as AddressInfo).port),
      // No server listens on the port of TCP's multiplexer.
      dead: at(1),
    },
    workers: 1,
  });
  stateless = await startEnvoy({
    filters: [{ name: "stateless", module: statelessModule }],
    upstreams: { upstream, service },
    workers: 1,
  });
});

afterAll(async () => {
  release();
  for (const proxy of [envoy, stateless]) await proxy?.[Symbol.asyncDispose]();
  broken?.close();
  for (const server of [upstream, service]) await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function answer(request: UpstreamRequest) {
  if (request.path === "/held") await held;
  if (request.path === "/504") return { status: 504, body: "upstream request timeout" };
  if (request.path === "/502") return { status: 502, body: "protocol error" };
  if (request.path === "/503") return { status: 503, body: "no healthy upstream" };
  if (request.path === "/large") return { body: "x".repeat(300_000) };
  return { status: 201, body: `hello ${request.body}` };
}

/** Answers that Envoy does not take for HTTP, by the path that asks for them. */
const NOT_HTTP: Readonly<Record<string, string>> = {
  "/garbage": "nonsense\r\n\r\n",
  "/two-lengths": "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx",
  "/bad-status": "HTTP/1.1 9x OK\r\ncontent-length: 0\r\n\r\n",
  "/bad-chunk-header": "HTTP/1.1 200 OK\r\ntransfer-encoding: x\r\n\r\n",
  "/many-headers": `HTTP/1.1 200 OK\r\n${"x-many: 1\r\n".repeat(200)}content-length: 0\r\n\r\n`,
};

/** A server that breaks the protocol: the path says how. */
async function startBroken(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.on("data", (data) => {
      const text = data.toString();
      if (text.includes("/no-headers")) return socket.destroy();
      const [, wrong] = Object.entries(NOT_HTTP).find(([path]) => text.includes(`POST ${path} `)) ?? [];
      if (wrong !== undefined) return socket.end(wrong);
      socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
      if (text.includes("/half")) setTimeout(() => socket.destroy(), 10);
      return undefined;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

const STATELESS_METRIC = "wasmcustom.stateless_answered";

async function activeRequests(proxy: TestEnvoy): Promise<number | undefined> {
  return (await proxy.admin.stats("downstream_rq_active")).get("http.test.downstream_rq_active");
}

/** A request whose call has reached the service, and waits there. */
async function heldRequest(url: string, headers: Headers): Promise<http.ClientRequest> {
  const seen = service.requests.length;
  const request = http.get(url, {
    headers: { "x-cluster": "service", "x-path": "/held", ...headers },
    agent: false,
  });
  request.on("error", () => {});
  await expect.poll(() => service.requests.length).toBe(seen + 1);
  return request;
}

type Headers = Readonly<Record<string, string>>;

function ask(command: string, headers: Headers = {}) {
  return send(envoy.url, { headers: Object.entries({ "x-do": command, ...headers }) });
}

async function saw(command: string, headers: Headers = {}): Promise<string | undefined> {
  return (await ask(command, headers)).header("x-saw");
}

const call = (headers: Headers) => saw("call", { "x-cluster": "service", "x-path": "/", ...headers });

describe("an HTTP call", () => {
  test("sends headers, body and trailers, and delivers the response in the stream's own context", async () => {
    const response = await ask("call", { "x-cluster": "service", "x-path": "/where", "x-body": "you" });
    expect(response.header("x-saw")).toBe("response 201 9 hello you 0 (null)");
    expect(service.requests.at(-1)).toMatchObject({ method: "POST", path: "/where", body: "you" });
    expect(upstream.requests.at(-1)?.headers).toContainEqual(["x-from-call", "hello you"]);
  });

  test("takes an endpoint's own 503 or 504 for a response, whatever its body says", async () => {
    expect(await call({ "x-path": "/504" })).toBe("response 504 24 upstream request timeout 0 (null)");
    expect(await call({ "x-path": "/503" })).toBe("response 503 19 no healthy upstream 0 (null)");
  });

  test("reports a timeout, before the response and in its middle", async () => {
    hold();
    expect(await call({ "x-path": "/held", "x-timeout": "30" })).toBe("failure 0 upstream request timeout");
    expect(await call({ "x-cluster": "broken", "x-path": "/stall", "x-timeout": "300" })).toBe(
      "failure 0 (null)",
    );
  });

  test("reports an endpoint that cannot be reached, with Envoy's reason", async () => {
    expect(await call({ "x-cluster": "dead" })).toMatch(/^failure 1 .*connection failure/);
    expect(await call({ "x-cluster": "broken", "x-path": "/no-headers" })).toMatch(
      /^failure 1 .*connection termination/,
    );
  });

  test.each(Object.keys(NOT_HTTP))("reports an answer that is not HTTP, %s", async (path) => {
    expect(await call({ "x-cluster": "broken", "x-path": path })).toMatch(/^failure 3 .*protocol error/);
  });

  test("takes an endpoint's own 502 for a response, whatever its body says", async () => {
    expect(await call({ "x-path": "/502" })).toBe("response 502 14 protocol error 0 (null)");
  });

  test("reports a response that broke off", async () => {
    expect(await call({ "x-cluster": "broken", "x-path": "/half" })).toBe("failure 2 (null)");
  });

  test("delivers a response of 300 KB whole", async () => {
    const response = await ask("call-large", { "x-cluster": "service", "x-path": "/large" });
    expect(response.header("x-saw")).toBe("response 200 300000");
  });

  test("is refused with a status when it cannot be made", async () => {
    expect(await call({ "x-cluster": "nowhere" })).toBe("status 2");
    expect(await call({ "x-cluster": "" })).toBe("status 2");
    expect(await call({ "x-timeout": "4294967295" })).toBe("status 2");
    expect(await saw("no-headers", { "x-cluster": "service" })).toBe("status 2");
    expect(await saw("busy", { "x-cluster": "service", "x-path": "/" })).toMatch(/^again 2 response 201/);
  });

  test("can be made again by its own handler", async () => {
    expect(await saw("again", { "x-cluster": "service", "x-path": "/" })).toBe("called 3");
  });

  test("can be answered by a local reply", async () => {
    const response = await ask("refuse", { "x-cluster": "service", "x-path": "/" });
    expect([response.status, response.body]).toEqual([403, "refused\n"]);
  });

  test("can be made by a timer, in the root's context, for a stream that waits", async () => {
    const said = await saw("from-root", { "x-cluster": "service", "x-path": "/" });
    expect(said).toBe("response 201 6 hello  0 (null)");
  });

  test("can hold a response", async () => {
    expect(await saw("at-response", { "x-cluster": "service" })).toBe("before the response");
  });

  test("does not call the handler of a cancelled call", async () => {
    expect(await saw("cancel", { "x-cluster": "service", "x-path": "/" })).toBe("called 0 pending false");
  });

  test("is forgotten when its stream ends first", async () => {
    hold();
    const request = await heldRequest(envoy.url, { "x-do": "leave", "x-timeout": "20000" });
    request.destroy();
    await expect.poll(() => saw("left-alone")).toBe("pending false called 0");
    release();
    // The answer that no handler waits for arrives before this one.
    expect(await call({})).toMatch(/^response 201/);
    expect(await saw("left-alone")).toBe("pending false called 0");
  });

  test("does not outlive its plugin", async () => {
    hold();
    const request = await heldRequest(envoy.url, { "x-do": "from-root" });
    expect(await envoy.configure("probe", { another: true })).toMatchObject({ accepted: true });
    request.destroy();
    expect(await call({})).toMatch(/^response 201/);
    release();
    expect(await call({})).toMatch(/^response 201/);
  });

  test("finds its own stream among three hundred", async () => {
    const bodies = Array.from({ length: 300 }, (_, i) => `number-${i}`);
    const said = await Promise.all(bodies.map((body) => call({ "x-body": body })));
    expect(said).toEqual(bodies.map((body) => `response 201 ${body.length + 6} hello ${body} 0 (null)`));
  });
});

describe("an HTTP call of a filter that keeps nothing per stream", () => {
  const answered = async () => (await stateless.admin.stats("stateless_answered")).get(STATELESS_METRIC);

  test("answers in the context of its stream", async () => {
    const before = upstream.requests.length;
    expect((await send(stateless.url, { headers: [["x-path", "/"]] })).status).toBe(200);
    expect(upstream.requests.slice(before).at(-1)?.headers).toContainEqual(["x-called", "service"]);
    expect(await answered()).toBe(1);
  });

  test("is forgotten when its stream ends first", async () => {
    hold();
    const request = await heldRequest(stateless.url, {});
    request.destroy();
    await expect.poll(() => activeRequests(stateless)).toBe(0);
    release();
    expect((await send(stateless.url, { headers: [["x-path", "/"]] })).status).toBe(200);
    expect(await answered()).toBe(2);
  });
});

describe("HTTP calls", () => {
  test("leave no memory behind", async () => {
    const round = async (times: number) => {
      for (let i = 0; i < times; i++) {
        await Promise.all([
          call({}),
          call({ "x-cluster": "dead" }),
          ask("refuse", { "x-cluster": "service", "x-path": "/" }),
        ]);
      }
    };
    await round(100);
    const pages = await saw("pages");
    await round(400);
    expect(await saw("pages")).toBe(pages);
  });
});
