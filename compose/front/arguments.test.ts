import { describe, expect, it } from "vitest";
import { parseFilterFiles, parseUpstreams } from "./arguments.js";

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
    [[], /name the service to stand before/],
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

  it.each([
    ["header-routing", /write it as NAME=FILE/],
    ["header-routing=", /write it as NAME=FILE/],
    ["=x.yaml", /write it as NAME=FILE/],
  ])("refuses %j", (word, message) => {
    expect(() => parseFilterFiles([word])).toThrow(message);
  });
});
