// What fault-injection leaves on the wire of HTTP/1.1 in stock Envoy: a connection stays usable
// after every kind of fault, also one that is upgraded to another protocol.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import type { UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

const ANSWERS: Readonly<Record<string, UpstreamResponse>> = {
  "/sized": { headers: [["content-length", "10"]], body: "0123456789" },
  "/chunked": { body: ["01234", "56789"] },
  "/none": { status: 204 },
  "/unchanged": { status: 304, headers: [["etag", '"1"']] },
};

const respond = ({ path }: UpstreamRequest): UpstreamResponse => ANSWERS[path] ?? { body: "the next one" };

/** The header `x-rule` has the rule's name. */
const rule = (name: string, fields: object): FaultRule =>
  ({ name, match: { headers: [{ name: "x-rule", exact: name }] }, ...fields }) as FaultRule;

const RULES = [
  rule("status-204", { response: { status: 204 } }),
  rule("status-304", { response: { status: 304 } }),
  rule("status-500", { response: { status: 500 } }),
  rule("abort-204", { abort: { status: 204 } }),
  rule("abort-304", { abort: { status: 304 } }),
  rule("abort-503", { abort: { status: 503, body: "no" } }),
  rule("short", { response: { truncateAfter: 3 } }),
  rule("slow", { response: { bytesPerSecond: 100 } }),
  rule("slow-short", { response: { truncateAfter: 7, bytesPerSecond: 100 } }),
  rule("hole", { blackHole: { limit: "50ms" } }),
  rule("late", { delay: { fixed: "20ms" } }),
];
const NAMES = RULES.map(({ name }) => name);

/** A server that upgrades every connection to WebSocket and then echoes what it receives. */
async function startEcho(): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n");
      socket.pipe(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe.each(["downstream", "upstream"] as const)("in the %s chain", (where) => {
  let echo: Server;
  let fault: FaultEnvoy;

  beforeAll(async () => {
    echo = await startEcho();
    fault = await startFaultEnvoy({
      where,
      upstream: { respond },
      upstreams: { echo: { port: (echo.address() as AddressInfo).port } },
      listenerOptions: { upgrades: ["websocket"] },
    });
    await fault.configure({ explainHeader: "x-why", rules: RULES });
  });

  afterAll(async () => {
    await fault?.[Symbol.asyncDispose]();
    echo?.close();
  });

  beforeEach(() => showLogsOnFailure(fault.envoy));

  test.each(NAMES)("the answer after one that met %s begins where it should", async (name) => {
    for (const method of ["GET", "HEAD"]) {
      for (const path of Object.keys(ANSWERS)) {
        const first = `${method} ${path} HTTP/1.1\r\nhost: a\r\nx-rule: ${name}\r\n\r\n`;
        const second = "GET /second HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        const answers = await answersOn(fault.envoy.port, first + second);
        const [, head = "", rest = ""] = /^(HTTP\/1\.1 \d{3} .*?\r\n\r\n)(.*)$/s.exec(answers) ?? [];
        expect(head).toContain(`x-why: ${name};outcome=`);
        // Nothing is between the end of the first answer's body, which its headers tell, and the
        // second answer.
        const body = rest.slice(0, method === "HEAD" ? 0 : bodySize(head, rest));
        expect(rest.slice(body.length)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*the next one/s);
      }
    }
  });

  const upgrade = (name: string) =>
    `GET / HTTP/1.1\r\nhost: a\r\nx-mesh-destination: echo\r\nx-rule: ${name}\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`;

  test.each([
    ["abort-503", 503, "no"],
    ["abort-204", 204, ""],
    ["hole", 504, ""],
  ])("a WebSocket that meets %s is answered, and the answer ends", async (name, status, body) => {
    const answer = await rawHttp1(fault.envoy.port, Buffer.from(upgrade(name)));
    expect(answer).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} .*\r\nx-why: ${name};outcome=.*\r\n\r\n${body}$`, "s"),
    );
    await expect.poll(() => fault.active(name)).toBe(0);
  });

  test.each(["status-500", "status-204", "late"])(
    "a WebSocket that meets %s is established",
    async (name) => {
      expect(await echoed(fault.envoy.port, upgrade(name))).toBe("0123456789");
    },
  );

  test("the bytes of a WebSocket are changed like those of a body", async () => {
    expect(await echoed(fault.envoy.port, upgrade("short"), 3)).toBe("012");
    const before = performance.now();
    expect(await echoed(fault.envoy.port, upgrade("slow"))).toBe("0123456789");
    expect(performance.now() - before).toBeGreaterThan(90);
    await expect.poll(() => fault.active("slow")).toBe(0);
  });

  test("none of these tests ended a VM", () => fault.expectAlive());
});

/** Everything that arrives on one connection until Envoy closes it. */
async function answersOn(port: number, requests: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("latin1");
  let received = "";
  socket.on("data", (piece: string) => {
    received += piece;
  });
  socket.write(requests);
  await once(socket, "close");
  return received;
}

/** How many bytes of `rest` belong to the body of the response with this head. */
function bodySize(head: string, rest: string): number {
  if (/^HTTP\/1\.1 (204|304) /.test(head)) return 0;
  const length = /\r\ncontent-length: (\d+)/.exec(head)?.[1];
  return length === undefined ? rest.indexOf("0\r\n\r\n") + 5 : Number(length);
}

/**
 * What is echoed of ten bytes that were sent after the upgrade, once there are at least `count`.
 */
async function echoed(port: number, request: string, count = 10): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.setEncoding("latin1");
  try {
    socket.write(request);
    let received = "";
    let sent = false;
    for await (const piece of socket as AsyncIterable<string>) {
      received += piece;
      const end = received.indexOf("\r\n\r\n");
      if (end < 0) continue;
      expect(received).toMatch(/^HTTP\/1\.1 101 /);
      if (!sent) socket.write("0123456789");
      sent = true;
      if (received.length - end - 4 >= count) return received.slice(end + 4);
    }
    return `closed after ${received}`;
  } finally {
    socket.destroy();
  }
}
