import { expect, it } from "vitest";
import { buildTable } from "./build.js";
import { collect, parseBytes, parseCount, parseHost, parsePort, parseRate } from "./options.js";

it("reads ports", () => {
  expect(parsePort("0")).toBe(0);
  expect(parsePort("65535")).toBe(65_535);
  for (const text of ["", "-1", "65536", "80.5", "0x50", "port"])
    expect(() => parsePort(text)).toThrow(/port/);
});

it("reads rates", () => {
  expect(parseRate("0.5")).toBe(0.5);
  expect(parseRate("1000")).toBe(1000);
  for (const text of ["0", "-1", "1001", "1e2", "fast"]) expect(() => parseRate(text)).toThrow(/per second/);
});

it("reads counts", () => {
  expect(parseCount(256)("1")).toBe(1);
  expect(parseCount(256)("256")).toBe(256);
  for (const text of ["", "0", "-1", "257", "1.5", "1e2", "two", "9999999999"])
    expect(() => parseCount(256)(text)).toThrow(/from 1 to 256/);
});

it("reads sizes", () => {
  expect(parseBytes("1")).toBe(1);
  expect(parseBytes("1073741824")).toBe(2 ** 30);
  for (const text of ["0", "-1", "1.5", "1k", "1073741825", "99999999999", ""])
    expect(() => parseBytes(text)).toThrow(/bytes/);
});

it("collects an option that is given several times", () => {
  expect(collect("b", collect("a"))).toEqual(["a", "b"]);
});

it("shows what was built", () => {
  const filter = {
    name: "a",
    path: "/a.wasm",
    bytes: 12_345,
    imports: ["proxy_log"],
    callbacks: ["proxy_on_request_headers"],
    seconds: 1.26,
  };
  expect(
    buildTable([
      { ...filter, upToDate: false },
      { ...filter, name: "longer", upToDate: true },
    ]),
  ).toEqual([
    "filter   bytes     seconds  imports  callbacks",
    "a       12,345         1.3        1  request_headers",
    "longer  12,345  up to date        1  request_headers",
  ]);
});

it("reads a host with or without a port, and refuses one that a Host header cannot have", () => {
  for (const host of ["shop.example", "127.0.0.1:80", "[::1]:8443"]) expect(parseHost(host)).toBe(host);
  for (const text of ["", "a b", "http://a", "a\r\nb: c"]) expect(() => parseHost(text)).toThrow(/A host is/);
});
