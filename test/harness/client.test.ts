import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { rawHttp1, send } from "./client.js";
import { startUpstream, type Upstream, type UpstreamResponse } from "./upstream.js";

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

  test("the host is the URL's, unless a header says another", async () => {
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

  test("method, a path that a URL would tidy up, and body arrive", async () => {
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

  test("nobody there is an error", async () => {
    await upstream[Symbol.asyncDispose]();
    await expect(send(url, { protocol })).rejects.toThrow(/ECONNREFUSED/);
  });
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

  test("a connection closed with or without an answer ends it", async () => {
    await using upstream = await startUpstream();
    expect(await rawHttp1(upstream.port, Buffer.from("\0\0\0\r\n\r\n"))).toMatch(/^(HTTP\/1\.1 400 |$)/);
  });
});
