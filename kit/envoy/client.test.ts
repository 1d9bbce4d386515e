import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { isMissing, needs } from "../../test/support/tools.js";
import type { UpstreamResponse } from "../traffic.js";
import { makeAuthority } from "./certificates.js";
import { type ClientTls, send } from "./client.js";
import { rawHttp1 } from "./raw-http1.js";
import { startUpstream, type Upstream } from "./upstream.js";

describe.each(["http1", "http2"] as const)("client and upstream over %s", (protocol) => {
  let upstream: Upstream;
  let answer: UpstreamResponse;
  let url: string;

  beforeEach(async () => {
    answer = {};
    upstream = await startUpstream({ protocol, respond: () => answer });
    url = `http://127.0.0.1:${upstream.port}`;
  });
  afterEach(() => upstream[Symbol.asyncDispose]());

  test("headers arrive in order, with repeats and any byte", async () => {
    const headers = [
      ["x-b", "1"],
      ["x-a", ""],
      ["x-bytes", "\x80\xff\xe9"],
      ["x-c", "1"],
      ["x-c", "1"],
    ] as const;
    await send(url, { protocol, method: "POST", headers, body: "with a body" });
    expect(upstream.requests[0]?.headers.filter(([name]) => name.startsWith("x-"))).toEqual(headers);
  });

  test("the host is the URL's, unless a header gives another", async () => {
    const host = protocol === "http1" ? "host" : ":authority";
    await send(url, { protocol });
    await send(url, { protocol, headers: [["Host", "shop.example"]] });
    expect(
      upstream.requests.map(({ headers }) => headers.filter(([name]) => name.toLowerCase() === host)),
    ).toEqual([
      [[host, `127.0.0.1:${upstream.port}`]],
      [[protocol === "http1" ? "Host" : host, "shop.example"]],
    ]);
  });

  test.skipIf(
    !Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === "::1")),
  )("an IPv6 address is reached, and is the host in brackets", async () => {
    await using six = await startUpstream({ protocol, address: "::1" });
    expect((await send(`http://[::1]:${six.port}/six`, { protocol })).status).toBe(200);
    const host = protocol === "http1" ? "host" : ":authority";
    expect(six.requests[0]?.headers).toContainEqual([host, `[::1]:${six.port}`]);
  });

  test("the method, the body and a path that URL parsing would tidy up arrive unchanged", async () => {
    await send(url, { protocol, method: "PUT", path: "/a/../b%2f?c=%zz", body: "é" });
    expect(upstream.requests[0]).toMatchObject({ method: "PUT", path: "/a/../b%2f?c=%zz", body: "é" });
  });

  test("status, repeated headers and body of the answer come back", async () => {
    answer = {
      status: 418,
      headers: [
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
        ["content-type", "text/plain"],
        ["x-bytes", "\xff"],
      ],
      body: "é",
    };
    const response = await send(url, { protocol });
    expect(response).toMatchObject({ status: 418, body: "é" });
    expect(response.header("Set-Cookie")).toBe("a=1");
    expect(response.header("x-bytes")).toBe("\xff");
    expect(response.header("x-absent")).toBeUndefined();
    expect(response.headers.filter(([name]) => name === "set-cookie")).toEqual([
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ]);
    expect(response.headers.some(([name]) => name.startsWith(":"))).toBe(false);
  });

  test("thousands of headers and large values arrive whole", async () => {
    const headers = Array.from({ length: 10_000 }, () => ["x-a", "v"] as const);
    await send(url, { protocol, headers: [...headers, ["x-large", "v".repeat(60_000)]] });
    const received = upstream.requests[0]?.headers.filter(([name]) => name.startsWith("x-"));
    expect(received).toHaveLength(10_001);
    expect(received?.at(-1)?.[1]).toHaveLength(60_000);
  });

  test("a test's own error in respond shows in the answer", async () => {
    await using broken = await startUpstream({
      protocol,
      respond: () => {
        throw new Error("no such case");
      },
    });
    const response = await send(`http://127.0.0.1:${broken.port}`, { protocol });
    expect(response).toMatchObject({ status: 500, body: expect.stringContaining("no such case") });
  });

  test("pieces of a body and trailers arrive both ways", async () => {
    answer = {
      body: ["a", Buffer.from("b"), "c"],
      trailers: [
        ["x-late", "1"],
        ["x-late", "2"],
      ],
    };
    const response = await send(url, { protocol, body: ["d", "é"], trailers: [["x-sum", "9"]] });
    expect(response).toMatchObject({ status: 200, body: "abc", end: "whole" });
    expect(response.trailers.map(([name]) => name)).toEqual(["x-late", "x-late"]);
    expect(upstream.requests[0]).toMatchObject({ method: "POST", body: "dé", trailers: [["x-sum", "9"]] });
  });

  test("an upstream can break off before the answer or within it", async () => {
    answer = { fault: "reset" };
    expect(await send(url, { protocol })).toMatchObject({ status: 0, headers: [], end: "reset" });
    answer = { fault: "reset-in-body", status: 201, body: ["so far"] };
    expect(await send(url, { protocol })).toMatchObject({ status: 201, body: "so far", end: "reset" });
  });

  test.each([{ fault: "never" }, { delayMs: 60_000 }] as const)(
    "an answer that does not come in time is an error that names the request, %j",
    async (given) => {
      answer = given;
      await expect(send(url, { protocol, path: "/slow", timeoutMs: 50 })).rejects.toThrow(
        `no whole answer to GET ${url}/slow in 50 ms`,
      );
    },
  );

  test("an upstream that stopped refuses connections until it starts again", async () => {
    await upstream.stop();
    await expect(send(url, { protocol })).rejects.toThrow(/ECONNREFUSED/);
    await upstream.start();
    expect((await send(url, { protocol })).status).toBe(200);
  });

  test.each(["127.0.0.1:1", "localhost:1", "ftp://127.0.0.1:1"])(
    "anything that is not an HTTP URL is refused: %s",
    async (wrong) => {
      await expect(send(wrong, { protocol })).rejects.toThrow(`"${wrong}" is not an HTTP URL`);
    },
  );

  test("a port where nobody listens is an error", async () => {
    await upstream[Symbol.asyncDispose]();
    await expect(send(url, { protocol })).rejects.toThrow(/ECONNREFUSED/);
  });
});

test("a stream that a server cancels is a reset, although Node ends it as if it were complete", async () => {
  const server = http2.createServer();
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    stream.respond({ ":status": 200 });
    const cancelled = Object.assign(new Error("cancelled"), { name: "AbortError" });
    stream.write("so far", () => stream.destroy(cancelled));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  expect(await send(`http://127.0.0.1:${port}`, { protocol: "http2" })).toMatchObject({
    status: 200,
    body: "so far",
    end: "reset",
  });
  server.close();
});

describe("rawHttp1", () => {
  test.each([[], [["transfer-encoding", "chunked"] as const]])(
    "returns one whole response though the connection stays open, %j",
    async (...headers) => {
      await using upstream = await startUpstream({ respond: () => ({ headers, body: "whole" }) });
      const response = await rawHttp1(upstream.port, Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"));
      expect(response).toMatch(/^HTTP\/1\.1 200 OK\r\n.*\r\n\r\n(5\r\nwhole\r\n0\r\n\r\n|whole)$/s);
    },
  );

  test.each([
    ["GET", 204],
    ["GET", 304],
    ["HEAD", 200],
  ])("does not wait for a body that cannot come, %s %i", async (method, status) => {
    const respond = () => ({ status, headers: [["content-length", "5"]] as const });
    await using upstream = await startUpstream({ respond });
    const response = await rawHttp1(upstream.port, Buffer.from(`${method} / HTTP/1.1\r\nhost: a\r\n\r\n`));
    expect(response).toMatch(new RegExp(`^HTTP/1\\.1 ${status} .*\\r\\n\\r\\n$`, "s"));
  });

  test("a response follows a 100 Continue", async () => {
    await using upstream = await startUpstream({ respond: ({ body }) => ({ body: `got ${body}` }) });
    const head = "POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 1\r\n\r\n";
    const response = await rawHttp1(upstream.port, Buffer.from(`${head}x`));
    expect(response).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 .*got x/s);
  });

  test("a closed connection ends the wait, with or without an answer", async () => {
    await using upstream = await startUpstream();
    expect(await rawHttp1(upstream.port, Buffer.from("\0\0\0\r\n\r\n"))).toMatch(/^(HTTP\/1\.1 400 |$)/);
  });
});

describe.skipIf(isMissing("openssl"))(`TLS ${needs("openssl")}`, () => {
  let folder: string;
  let tls: { key: Buffer; cert: Buffer; clientCa: Buffer };
  let client: ClientTls;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "meshwright-tls-"));
    const authority = makeAuthority(folder);
    tls = { ...(await authority.issue("shop", "DNS:shop.example")), clientCa: authority.ca };
    client = {
      ca: authority.ca,
      ...(await authority.issue("phone", "DNS:phone")),
      serverName: "shop.example",
    };
  });
  afterAll(() => rm(folder, { recursive: true }));

  test.each(["http1", "http2"] as const)("shows the client's certificate over %s", async (protocol) => {
    await using upstream = await startUpstream({ protocol, tls });
    const url = `https://127.0.0.1:${upstream.port}`;
    expect((await send(url, { protocol, tls: client })).status).toBe(200);
    expect(upstream.requests).toMatchObject([{ clientCertificate: "phone" }]);
    const { ca, serverName = "" } = client;
    const anonymous = send(url, { protocol, tls: { ca, serverName } }).then(
      ({ end }) => end,
      () => "refused",
    );
    expect(["reset", "refused"]).toContain(await anonymous);
    await expect(send(url, { protocol, tls: { ...client, serverName: "bank.example" } })).rejects.toThrow(
      /altnames/,
    );
    expect(upstream.requests).toHaveLength(1);
  });
});
