import { describe, expect, it } from "vitest";
import {
  parseFilterFiles,
  parseGrpcServices,
  parseHttpServices,
  parseListener,
  parseRoute,
  parseUpstreams,
} from "./arguments.js";

const at = (port: number) => ({ address: "127.0.0.1", port });

describe("parseUpstreams", () => {
  it.each([
    [["http://127.0.0.1:1"], { fallback: at(1), named: {} }],
    [["v2=http://127.0.0.1:2", "http://127.0.0.1:1"], { fallback: at(1), named: { v2: at(2) } }],
    [
      ["v1=http://127.0.0.1:1", "v2=http://127.0.0.1:2"],
      { fallback: at(1), named: { v1: at(1), v2: at(2) } },
    ],
    [["constructor=http://127.0.0.1:1"], { fallback: at(1), named: { constructor: at(1) } }],
  ])("reads %j", (words, upstreams) => {
    expect(parseUpstreams(words)).toEqual(upstreams);
  });

  it.each([
    [[], /name the service behind Envoy/],
    [["http://127.0.0.1:1", "http://127.0.0.1:2"], /may be given once/],
    [["v1=http://127.0.0.1:1", "v1=http://127.0.0.1:2"], /v1=… is given twice/],
    [["v 1=http://127.0.0.1:1"], /a destination's name is/],
    [["=http://127.0.0.1:1"], /a destination's name is/],
    [["__proto__=http://127.0.0.1:1"], /a destination's name is/],
    [["v1=ftp://x"], /--upstream v1=ftp:\/\/x: must begin with/],
    [["http://127.0.0.1:1/?a=b"], /must end after the port/],
    [["localhost:8080"], /must begin with "http:\/\/"/],
  ])("refuses %j", (words, message) => {
    expect(() => parseUpstreams(words)).toThrow(message);
  });
});

describe("parseFilterFiles", () => {
  it("keeps the order, and an = in a file's name", () => {
    expect(parseFilterFiles(["trace-headers=t=1.yaml", "header-routing=r.yaml"])).toEqual([
      { filter: "trace-headers", file: "t=1.yaml" },
      { filter: "header-routing", file: "r.yaml" },
    ]);
  });

  it("reads an own filter that must see each attempt", () => {
    expect(parseFilterFiles(["mine@upstream=m.yaml", "./a@b/mine=m@upstream=.yaml"])).toEqual([
      { filter: "mine", file: "m.yaml", chain: "upstream" },
      { filter: "./a@b/mine", file: "m@upstream=.yaml" },
    ]);
  });

  it.each([
    ["header-routing", /write it as NAME=FILE/],
    ["header-routing=", /write it as NAME=FILE/],
    ["=x.yaml", /write it as NAME=FILE/],
    ["mine@downstream=m.yaml", /^--filter mine@downstream=m\.yaml: .*; omit @downstream$/],
  ])("refuses %j", (word, message) => {
    expect(() => parseFilterFiles([word])).toThrow(message);
  });
});

describe("parseGrpcServices", () => {
  it("reads each by its name", () => {
    const words = ["ratelimit=http://127.0.0.1:8081", "auth=https://auth.example"];
    expect(parseGrpcServices(words)).toEqual({
      ratelimit: at(8081),
      auth: { address: "auth.example", port: 443, tls: true },
    });
  });

  it.each([
    [["http://127.0.0.1:1"], /write it as NAME=URL/],
    [["ratelimit"], /write it as NAME=URL/],
    [["=http://127.0.0.1:1"], /a service's name is/],
    [["__proto__=http://127.0.0.1:1"], /a service's name is/],
    [["a b=http://127.0.0.1:1"], /a service's name is/],
    [[`${"a".repeat(65)}=http://127.0.0.1:1`], /a service's name is/],
    [["upstream=http://127.0.0.1:1"], /an upstream has this name in Envoy/],
    [["upstream-v2=http://127.0.0.1:1"], /an upstream has this name in Envoy/],
    [["a=http://127.0.0.1:1", "a=http://127.0.0.1:2"], /given twice/],
    [["a=grpc://127.0.0.1:1"], /--grpc-service a=grpc:\/\/127\.0\.0\.1:1: must begin with/],
    [["a=http://127.0.0.1:0"], /not 0/],
    [["a=127.0.0.1:1"], /must begin with "http:\/\/"/],
  ])("refuses %j", (words, message) => {
    expect(() => parseGrpcServices(words)).toThrow(message);
  });
});

describe("parseHttpServices", () => {
  it("reads each by its name", () => {
    expect(parseHttpServices(["keys=h2c://127.0.0.1:1", "b=http://127.0.0.1:2"], ["ratelimit"])).toEqual({
      keys: { ...at(1), protocol: "http2" },
      b: at(2),
    });
  });

  it.each([
    [["keys"], /^--http-service keys: write it as NAME=URL, as in keys=/],
    [["upstream=http://127.0.0.1:1"], /an upstream has this name in Envoy/],
    [["a=http://127.0.0.1:1", "a=http://127.0.0.1:2"], /^--http-service a=… is given twice/],
    [["ratelimit=http://127.0.0.1:1"], /^--http-service ratelimit=…: a --grpc-service has this name/],
    [["a=http://127.0.0.1:1/path"], /must end after the port/],
  ])("refuses %j", (words, message) => {
    expect(() => parseHttpServices(words, ["ratelimit"])).toThrow(message);
  });
});

describe("parseListener", () => {
  it.each(["127.0.0.1", "0.0.0.0", "::", "::1", "[::1]", "fe80::1"])("listens on %s", (listen) => {
    expect(parseListener({ listen }).address).toBe(listen.replace(/[[\]]/g, ""));
  });

  it.each([
    [{ listen: "localhost" }, /^--listen localhost: must be an IP address/],
    [{ listen: "127.0.0.1:80" }, /^--listen 127\.0\.0\.1:80: must be an IP address .*--port/],
    [{ listen: "" }, /^--listen : must be an IP address/],
    [{ idleTimeout: "5" }, /^--idle-timeout 5: must be a length of time/],
    [{ maxStreamDuration: "0s" }, /^--max-stream-duration 0s: must be from 1ms to 24h/],
  ])("refuses %j", (words, message) => {
    expect(() => parseListener(words)).toThrow(message);
  });
});

describe("parseRoute", () => {
  it("reads conditions and statuses", () => {
    expect(parseRoute({ timeout: "2s", retryOn: "reset, 429", retries: 3, perTryTimeout: "500ms" })).toEqual({
      timeoutSeconds: 2,
      retryPolicy: {
        retryOn: ["reset", "retriable-status-codes"],
        numRetries: 3,
        otherHostAttempts: 5,
        retriableStatusCodes: [429],
        perTryTimeoutSeconds: 0.5,
      },
    });
    expect(parseRoute({})).toEqual({});
  });

  it.each([
    [{ timeout: "5" }, /^--timeout 5: must be a length of time/],
    [{ timeout: "" }, /^--timeout : must be a length of time/],
    [{ retryOn: "" }, /^--retry-on : must be a status/],
    [{ retryOn: "5xx,,reset" }, /must be a status/],
    [{ retryOn: "5xx, rset" }, /there is no condition "rset"; did you mean "reset"/],
    [{ retryOn: "5xx,5xx" }, /names a condition twice/],
    [{ retryOn: "99999999999999999999" }, /status from 400 to 599/],
    [{ retries: 3 }, /^--retries needs --retry-on/],
    [{ perTryTimeout: "1s" }, /^--per-try-timeout needs --retry-on/],
    [{ retryOn: "5xx", perTryTimeout: "" }, /^--per-try-timeout : must be a length of time/],
    [{ retryOn: "5xx", perTryTimeout: "2s", timeout: "1s" }, /must not be above the timeout/],
  ])("refuses %j", (words, message) => {
    expect(() => parseRoute(words)).toThrow(message);
  });
});
