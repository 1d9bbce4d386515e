import { expect, it } from "vitest";
import { parseUpstreamUrl, type UpstreamAddress, upstreamHost, upstreamUrl } from "./upstream-url.js";

it.each([
  ["http://127.0.0.1:8080", "127.0.0.1", 8080],
  ["http://localhost:8080/", "localhost", 8080],
  ["http://orders.example", "orders.example", 80],
  ["HTTP://[::1]:9000", "::1", 9000],
])("reads %s", (text, address, port) => {
  expect(parseUpstreamUrl(text)).toEqual({ ok: true, value: { address, port } });
});

it.each([
  ["https://host/", { address: "host", port: 443, tls: true }, "https://host:443", "host"],
  ["https://[::1]:8443", { address: "::1", port: 8443, tls: true }, "https://[::1]:8443", "[::1]:8443"],
  [
    "h2c://localhost",
    { address: "localhost", port: 80, protocol: "http2" },
    "h2c://localhost:80",
    "localhost",
  ],
  [
    "H2C://[::1]:50051/",
    { address: "::1", port: 50051, protocol: "http2" },
    "h2c://[::1]:50051",
    "[::1]:50051",
  ],
  ["https://host:80", { address: "host", port: 80, tls: true }, "https://host:80", "host:80"],
  ["http://host:443", { address: "host", port: 443 }, "http://host:443", "host:443"],
  ["http://[::1]", { address: "::1", port: 80 }, "http://[::1]:80", "[::1]"],
])("reads %s and writes it again", (text, value, url, host) => {
  expect(parseUpstreamUrl(text)).toEqual({ ok: true, value });
  expect(upstreamUrl(value as UpstreamAddress)).toBe(url);
  expect(upstreamHost(value as UpstreamAddress)).toBe(host);
});

it.each([
  ["127.0.0.1:8080", /must begin with "http:\/\/"/],
  ["", /must begin with "http:\/\/"/],
  ["ftp://host:21", /must begin with "http:\/\/" or "https:\/\/", not "ftp:\/\/"/],
  ["grpc://host:50051", /not "grpc:\/\/"; HTTP\/2 and gRPC without TLS begin with "h2c:\/\/"/],
  ["h2c:host:80", /must begin with/],
  ["h2c://", /is not a URL/],
  ["h2c://ho st:1", /is not a URL/],
  ["h2c://host:1/a.B/C", /end after the port/],
  ["h2c://host:0", /not 0/],
  ["http://", /is not a URL/],
  ["http://host:99999", /is not a URL/],
  ["http://host:0", /not 0/],
  ["http://host:80/path", /end after the port/],
  ["http://host:80?q=1", /end after the port/],
  ["http://me:secret@host:80", /user name or password/],
])("refuses %j", (text, reason) => {
  const parsed = parseUpstreamUrl(text);
  expect(parsed.ok ? "" : parsed.reason).toMatch(reason);
});
