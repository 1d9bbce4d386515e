// A filter changes a body and leaves `content-length`. Envoy sends both as they are, so the reader
// gets a wrong length. Measured with Envoy 1.39.3 between Node's servers and clients.

import { afterAll, beforeAll, expect, test } from "vitest";
import { buildCommands, type Commands, doing } from "./commands.fixture.js";
import { hostProxy } from "./proxy.js";

let commands: Commands;

beforeAll(async () => {
  commands = await buildCommands();
});

afterAll(() => commands[Symbol.asyncDispose]());

type Protocol = "http1" | "http2";
type Way = "request" | "response";

/** A body of five bytes, which the filter replaces. */
function changed(way: Way, text: string, client: Protocol, upstream: Protocol, method = "POST") {
  const type = way === "request" ? 0 : 1;
  const proxy = hostProxy({
    filters: [{ name: "a", module: commands.module, configuration: "a" }],
    upstreams: {
      upstream: {
        protocol: upstream,
        respond: () => ({ body: "hello", headers: [["content-length", "5"]] }),
      },
    },
  });
  const { headers } = doing(`a@${way}_body=body${type}:${text}`);
  const exchange = proxy.request({
    protocol: client,
    method,
    headers: [...headers, ["content-length", "5"]],
    body: "hello",
  });
  return { proxy, exchange };
}

test.each<Protocol>(["http1", "http2"])(
  "an upstream of HTTP/1.1 takes the extra bytes of a %s client for a request, and refuses it",
  (client) => {
    const { proxy, exchange } = changed("request", "0123456789", client, "http1");
    expect(exchange.response).toMatchObject({ status: 400, body: "", end: "whole" });
    expect([exchange.details, exchange.response?.header("content-length")]).toEqual([
      "via_upstream",
      undefined,
    ]);
    expect(proxy.upstreamSaw()).toMatchObject([{ body: "01234" }]);
  },
);

test.each(["012", ""])(
  "an upstream of HTTP/1.1 waits for the rest of a body %j until the timeout",
  (text) => {
    const { proxy, exchange } = changed("request", text, "http1", "http1");
    proxy.advance(14_000);
    expect([exchange.response, proxy.upstreamSaw()]).toEqual([undefined, []]);
    proxy.advance(1_000);
    expect([exchange.response?.status, exchange.details]).toEqual([504, "response_timeout"]);
  },
);

test.each(["0123456789", "012", ""])("an upstream of HTTP/2 refuses a body %j", (text) => {
  const { proxy, exchange } = changed("request", text, "http1", "http2");
  expect(exchange.response).toMatchObject({
    status: 502,
    body: "upstream connect error or disconnect/reset before headers. reset reason: protocol error",
  });
  expect([exchange.details, exchange.flags, proxy.upstreamSaw()]).toEqual([
    "upstream_reset_before_response_started{protocol_error}",
    "UPE",
    [],
  ]);
});

test.each<[Protocol, string, string, "whole" | "reset"]>([
  ["http1", "0123456789", "01234", "whole"],
  ["http1", "012", "012", "reset"],
  ["http1", "", "", "reset"],
  ["http2", "0123456789", "", "reset"],
  ["http2", "012", "012", "reset"],
  ["http2", "", "", "reset"],
])(
  "a %s client that is sent %j for five bytes gets %j, %s, without Envoy knowing",
  (client, text, body, end) => {
    const { exchange } = changed("response", text, client, "http1");
    expect(exchange.response).toMatchObject({ status: 200, body, end });
    expect([exchange.details, exchange.flags]).toEqual(["via_upstream", "-"]);
  },
);

test("a body of the same length passes", () => {
  const { proxy, exchange } = changed("request", "HELLO", "http1", "http1");
  expect(exchange.response).toMatchObject({ status: 200, body: "hello", end: "whole" });
  expect(proxy.upstreamSaw()).toMatchObject([{ body: "HELLO" }]);
});

test("the answer to a HEAD gives the length of a body that it does not have", () => {
  const { exchange } = changed("response", "x", "http1", "http1", "HEAD");
  expect(exchange.response).toMatchObject({ status: 200, body: "", end: "whole" });
  expect(exchange.response?.header("content-length")).toBe("5");
});
