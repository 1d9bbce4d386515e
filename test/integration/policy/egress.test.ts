// Egress: the hosts outside that a mesh may reach, by HTTP, by CONNECT and by the server name of
// TLS.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { EGRESS_PORT } from "../../../compose/mesh/addresses.js";
import { makeAuthority } from "../../../kit/envoy/certificates.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { PolicyMesh, WAIT } from "./policy-mesh.js";

const TEST_MS = 120_000;

let plain: Upstream;
let secure: Upstream;
let mesh: PolicyMesh;
let port: number;
let folder: string;

beforeAll(async () => {
  plain = await startUpstream({ name: "plain", respond: ({ path }) => ({ body: `plain ${path}` }) });
  folder = await mkdtemp(path.join(tmpdir(), "egress-"));
  const { cert, key } = await makeAuthority(folder).issue("api", "DNS:api.localhost");
  secure = await startUpstream({ name: "secure", tls: { cert, key }, respond: () => ({ body: "secure" }) });
  const allow = [
    `files.localhost:${plain.port}`,
    `*.wild.localhost:${plain.port}`,
    `api.localhost:${secure.port}`,
  ];
  const report =
    'require("http").createServer((q, r) => r.end(JSON.stringify(process.env))).listen(process.env.PORT, "127.0.0.1")';
  const text = () =>
    [
      "name: outside",
      "gateway: { routes: [{ prefix: /, service: s }] }",
      "services:",
      `  s: { versions: { v1: { command: [node, -e, ${JSON.stringify(report)}] } }, calls: [other] }`,
      '  other: { versions: { v1: { url: "http://127.0.0.1:1" } } }'.replace(':1"', `:${plain.port}"`),
      `egress: { allow: ${JSON.stringify(allow)} }`,
    ].join("\n");
  mesh = await PolicyMesh.start(text, "");
  port = egressPort();
}, TEST_MS);
afterAll(async () => {
  await mesh?.[Symbol.asyncDispose]();
  await plain?.[Symbol.asyncDispose]();
  await secure?.[Symbol.asyncDispose]();
  if (folder !== undefined) await rm(folder, { recursive: true });
});

function egressPort(): number {
  const listeners = mesh.running.plan.envoys[0]?.bootstrap.static_resources.listeners ?? [];
  const found = listeners.find(({ name }) => EGRESS_PORT.endsWith(` ${name}`));
  return found?.address.socket_address.port_value ?? 0;
}

/** A request as clients send it that know a proxy. */
async function ask(url: string, host?: string): Promise<string> {
  const sent = request({ host: "127.0.0.1", port, path: url, headers: { host: host ?? new URL(url).host } });
  sent.end();
  const [answer] = await once(sent, "response");
  let body = "";
  for await (const piece of answer) body += piece;
  return `${answer.statusCode} ${body}`;
}

async function tunnel(authority: string): Promise<{ readonly status: number; readonly socket: Socket }> {
  const sent = request({ host: "127.0.0.1", port, method: "CONNECT", path: authority });
  sent.end();
  const [answer, socket] = await Promise.race([
    once(sent, "connect"),
    once(sent, "response").then(([r]) => [r, r.socket]),
  ]);
  return { status: answer.statusCode, socket };
}

const stat = async (name: string) => (await mesh.gatewayStats(name)).values().next().value ?? 0;

/** The body of an answer over TLS, on a connection that leads to the server already. */
async function askOverTls(socket: Socket, servername: string): Promise<string> {
  const secured = tls.connect({ socket, servername, rejectUnauthorized: false });
  await once(secured, "secureConnect");
  secured.write("GET / HTTP/1.1\r\nhost: api.localhost\r\nconnection: close\r\n\r\n");
  let text = "";
  for await (const piece of secured) text += piece;
  return text.split("\r\n\r\n").at(-1) ?? "";
}

describe("by HTTP", () => {
  test("an allowed host is reached, and so is one below a wildcard", { timeout: TEST_MS }, async () => {
    expect(await ask(`http://files.localhost:${plain.port}/a?b=1`)).toBe("200 plain /a?b=1");
    expect(await ask(`http://any.wild.localhost:${plain.port}/`)).toBe("200 plain /");
  });

  test.each([
    ["another host", () => `http://other.localhost:${plain.port}/`],
    ["another port", () => `http://files.localhost:${secure.port}/`],
    ["the port that is not written", () => "http://files.localhost/"],
    ["the wildcard's own name", () => `http://wild.localhost:${plain.port}/`],
    ["an address", () => `http://127.0.0.1:${plain.port}/`],
    ["a host that begins like an allowed one", () => `http://files.localhost.evil:${plain.port}/`],
  ])("%s is refused, and counted", { timeout: TEST_MS }, async (_what, url) => {
    const before = plain.requests.length;
    const refused = await stat("^http\\.egress\\.rq_direct_response$");
    expect(await ask(url())).toBe("403 this host is not in egress.allow of the mesh file\n");
    expect(await stat("^http\\.egress\\.rq_direct_response$")).toBe(refused + 1);
    expect(plain.requests).toHaveLength(before);
  });

  test("the host in the request's line counts, whatever the header says", { timeout: TEST_MS }, async () => {
    const url = `http://other.localhost:${plain.port}/`;
    expect(await ask(url, `files.localhost:${plain.port}`)).toMatch(/^403 /);
  });
});

describe("by CONNECT", () => {
  test("an allowed host is reached with TLS of its own", { timeout: TEST_MS }, async () => {
    const { status, socket } = await tunnel(`api.localhost:${secure.port}`);
    expect(status).toBe(200);
    expect(await askOverTls(socket, "api.localhost")).toBe("secure");
  });

  test("another host is refused", { timeout: TEST_MS }, async () => {
    for (const authority of [`api.localhost:${plain.port}`, "example.com:443", "127.0.0.1:22"]) {
      const { status, socket } = await tunnel(authority);
      expect(status).toBe(403);
      socket.destroy();
    }
  });
});

describe("by the server name of TLS", () => {
  test("an allowed host is reached", { timeout: TEST_MS }, async () => {
    expect(await askOverTls(connect(port, "127.0.0.1"), "api.localhost")).toBe("secure");
  });

  test.each(["other.localhost", ""])(
    "the name %j ends the connection, and is counted",
    { timeout: TEST_MS },
    async (name) => {
      const before = await stat("^listener\\..*no_filter_chain_match$");
      const secured = tls.connect({
        host: "127.0.0.1",
        port,
        rejectUnauthorized: false,
        ...(name === "" ? {} : { servername: name }),
      });
      await new Promise((resolve) => secured.on("error", resolve).on("close", resolve));
      const counts = async () =>
        [...(await mesh.gatewayStats("^listener\\..*no_filter_chain_match$")).values()].reduce(
          (sum, each) => sum + each,
          0,
        );
      await vi.waitFor(async () => expect(await counts()).toBeGreaterThan(before), WAIT);
    },
  );
});

test("apps have the variables of a proxy, and none for the services that they call", {
  timeout: TEST_MS,
}, async () => {
  const environment = (await (await mesh.get()).json()) as Record<string, string>;
  const url = `http://127.0.0.1:${port}`;
  expect(environment).toMatchObject({ HTTP_PROXY: url, HTTPS_PROXY: url, http_proxy: url, https_proxy: url });
  expect(environment.NO_PROXY).toBe("127.0.0.1,localhost,::1,other");
});
