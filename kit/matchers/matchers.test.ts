// What the matchers accept, and what they say. A reader must see what was expected, what was found,
// and which name was probably meant.

import { stripVTControlCharacters } from "node:util";
import { describe, expect, test } from "vitest";
import type { HeaderList } from "../traffic.js";
import "../vitest.js";

const HEADERS: HeaderList = [
  [":status", "200"],
  ["x-user-tier", "gold"],
  ["set-cookie", "a=1"],
  ["Set-Cookie", "b=2"],
];

const RESPONSE = {
  status: 200,
  headers: HEADERS.slice(1),
  trailers: [["grpc-status", "0"]] as HeaderList,
  body: "",
};

const REPLY = {
  status: 403,
  body: "no tier",
  details: "tier_is_missing",
  headers: [["x-why", "tier"]] as HeaderList,
  grpcStatus: 7,
};

const MODULE = {
  logs: [
    { level: 2, text: "tier gold" },
    { level: 4, text: "tier unknown: 7" },
  ],
  metrics: new Map([
    ["tiers;outcome=known", 3],
    ["tiers;outcome=unknown", 0],
  ]),
};

const PROXY = {
  upstreamSaw: (name?: string) =>
    [
      { method: "GET", path: "/a", name: "one" },
      { method: "POST", path: "/b", name: "one" },
    ].filter((request) => name === undefined || request.name === name),
};

/** The message of a failed assertion, without colours. */
function failure(assertion: () => void): string[] {
  try {
    assertion();
  } catch (error) {
    return stripVTControlCharacters((error as Error).message).split("\n");
  }
  throw new Error("the assertion holds");
}

describe("toHaveHeader", () => {
  test.each([
    ["a list of headers", HEADERS],
    ["a response", RESPONSE],
    ["what a stream's client received", { headerList: HEADERS, trailerList: [] }],
    [
      "a stream, by what its client received",
      { client: { headerList: HEADERS }, upstream: { headerList: [] } },
    ],
    ["an exchange, by its response", { request: [], response: HEADERS }],
    ["an exchange with a whole response, whatever else it has", { response: RESPONSE, client: {} }],
  ])("takes %s", (_, subject) => {
    expect(subject).toHaveHeader("x-user-tier");
    expect(subject).toHaveHeader("X-User-Tier", "gold");
    expect(subject).toHaveHeader("x-user-tier", /^g/);
    expect(subject).toHaveHeader("set-cookie", "b=2");
    expect(subject).not.toHaveHeader("set-cookie", "a=1, b=2");
    expect(subject).not.toHaveHeader("x-user-tier", "gol");
    expect(subject).not.toHaveHeader("x-user");
  });

  test("says which values were found", () => {
    expect(failure(() => expect(HEADERS).toHaveHeader("set-cookie", "c=3"))).toEqual([
      'expect(received).toHaveHeader("set-cookie", "c=3")',
      "",
      'Expected header set-cookie: "c=3"',
      'Received: "a=1", "b=2"',
      "All headers:",
      "  :status: 200",
      "  x-user-tier: gold",
      "  set-cookie: a=1",
      "  Set-Cookie: b=2",
    ]);
  });

  test("names the header that was probably meant", () => {
    const said = failure(() => expect(HEADERS).toHaveHeader("x-user-teir"));
    expect(said).toContain("Expected header x-user-teir");
    expect(said).toContain('There is no such header. Did you mean "x-user-tier"?');
  });

  test("says with .not what was found and must not be there", () => {
    expect(failure(() => expect(HEADERS).not.toHaveHeader("x-user-tier")).slice(0, 4)).toEqual([
      'expect(received).not.toHaveHeader("x-user-tier")',
      "",
      "Expected no header x-user-tier",
      'Received: "gold"',
    ]);
    const said = failure(() => expect(HEADERS).not.toHaveHeader("x-user-tier", /old/));
    expect(said).toContain("Expected header x-user-tier: not /old/");
  });

  test("shows no control characters, and only the end of a long list", () => {
    const many: HeaderList = Array.from({ length: 60 }, (_, i) => [`x-${i}`, `\u001b[31m${"y".repeat(300)}`]);
    const said = failure(() => expect(many).toHaveHeader("zzz"));
    expect(said).toContain("  … 20 before these");
    expect(said.at(-1)).toMatch(/^ {2}x-59: \\u001b\[31my+… \(311 characters\)$/);
  });

  test("matches every value from its start, even with a pattern that remembers its place", () => {
    const pattern = /o/g;
    expect(HEADERS).toHaveHeader("x-user-tier", pattern);
    expect(HEADERS).toHaveHeader("x-user-tier", pattern);
  });

  test.each([
    ["nothing", undefined, "got undefined"],
    ["text", "gold", "got gold"],
    ["an object of another kind", { name: "x" }, "got an object with name"],
    ["an empty object", {}, "got an object with nothing in it"],
  ])("asks for a message when it gets %s", (_, subject, got) => {
    const wanted = `toHaveHeader asks for a response, a request, an exchange, a stream or a list of headers, and ${got}`;
    expect(() => expect(subject).toHaveHeader("x")).toThrow(wanted);
    expect(() => expect(subject).not.toHaveHeader("x")).toThrow(wanted);
  });

  test.each([
    ["an exchange without a response", { response: undefined }],
    ["a stream whose client got nothing", { client: { headerList: [] } }],
  ])("holds for %s neither as it is nor with .not", (_, subject) => {
    expect(() => expect(subject).toHaveHeader("x")).toThrow(/^toHaveHeader: nothing came there yet: answer/);
    expect(() => expect(subject).not.toHaveHeader("x")).toThrow(/nothing came there yet/);
  });
});

test("each matcher tells a trap, and not Envoy's answer in the filter's place", () => {
  const subject = {
    response: { status: 503, headers: [], trailers: [] },
    localReply: { status: 503, body: "", details: "wasm_fail_stream", headers: [], grpcStatus: 14 },
    logs: [],
    traps: [{ filter: "b", callback: "proxy_on_request_headers", message: "divide by zero at a.ts:3:1" }],
  };
  const trap = "Filter b trapped in proxy_on_request_headers: divide by zero at a.ts:3:1";
  expect(failure(() => expect(subject).toHaveStatus(200)).at(-1)).toBe(trap);
  expect(failure(() => expect(subject).toHaveLogged("x")).at(-1)).toBe(trap);
  const own = failure(() => expect(subject).toBeLocalReply({ status: 401 }));
  expect(own.slice(-2)).toEqual(["No filter answered by itself: the client got status 503.", trap]);
  expect(own.join()).not.toContain("wasm_fail_stream");
});

describe("toHaveTrailer", () => {
  test("looks only at the trailers", () => {
    expect(RESPONSE).toHaveTrailer("grpc-status", "0");
    expect({ response: RESPONSE }).toHaveTrailer("grpc-status");
    expect(RESPONSE).not.toHaveTrailer("x-user-tier");
    expect(failure(() => expect(HEADERS).toHaveTrailer("x-user-tier")).slice(2)).toEqual([
      "Expected trailer x-user-tier",
      "There is no such trailer.",
      "There are no trailers.",
    ]);
  });
});

describe("toHaveStatus", () => {
  test("accepts a status of its own or one among the headers", () => {
    expect(RESPONSE).toHaveStatus(200);
    expect({ client: { headerList: HEADERS } }).toHaveStatus(200);
    expect(RESPONSE).not.toHaveStatus(503);
  });

  test("says both statuses, and the headers", () => {
    expect(failure(() => expect(RESPONSE).toHaveStatus(503)).slice(2, 6)).toEqual([
      "Expected status: 503",
      "Received: 200",
      "All headers:",
      "  x-user-tier: gold",
    ]);
    expect(failure(() => expect(RESPONSE).not.toHaveStatus(200))).toContain("Expected status: not 200");
  });
});

describe("toBeLocalReply", () => {
  test("compares only the expected parts", () => {
    const exchange = { localReply: REPLY };
    expect(exchange).toBeLocalReply();
    expect(exchange).toBeLocalReply({ status: 403, grpcStatus: 7 });
    expect(exchange).toBeLocalReply({ body: /tier$/, details: "tier_is_missing" });
    expect(exchange).not.toBeLocalReply({ status: 403, body: "tier" });
    expect({ localReply: undefined, response: RESPONSE }).not.toBeLocalReply();
  });

  test("says each part that differs", () => {
    const said = failure(() =>
      expect({ localReply: REPLY }).toBeLocalReply({ status: 429, body: "no tier", grpcStatus: 8 }),
    );
    expect(said).toEqual([
      'expect(received).toBeLocalReply({ status: 429, body: "no tier", grpcStatus: 8 })',
      "",
      "Expected status: 429",
      "Received: 403",
      "Expected grpcStatus: 8",
      "Received: 7",
      `The filter's own answer: { status: 403, body: "no tier", details: "tier_is_missing", grpcStatus: 7, headers: "x-why: tier" }`,
    ]);
  });

  test("says that no filter answered, and what the client got", () => {
    const said = (subject: object) => failure(() => expect(subject).toBeLocalReply({ status: 403 })).at(-1);
    expect(said({ localReply: undefined, response: RESPONSE })).toBe(
      "No filter answered by itself: the client got status 200.",
    );
    expect(said({ localReply: undefined, client: { headerList: [] } })).toBe(
      "No filter answered by itself, and nothing else has answered yet.",
    );
  });

  test("says with .not what the filter answered", () => {
    const said = failure(() => expect({ localReply: REPLY }).not.toBeLocalReply());
    expect(said[0]).toBe("expect(received).not.toBeLocalReply()");
    expect(said.at(-1)).toContain('"tier_is_missing"');
  });

  test("asks for an exchange", () => {
    expect(() => expect(HEADERS).toBeLocalReply()).toThrow(
      /^toBeLocalReply asks for an exchange or a stream, and got/,
    );
  });
});

describe("toHaveLogged", () => {
  test("finds text and patterns, with a level if one is given", () => {
    expect(MODULE).toHaveLogged("tier");
    expect(MODULE).toHaveLogged(/unknown: \d$/, "error");
    expect(MODULE).not.toHaveLogged("unknown", "info");
    expect(MODULE).not.toHaveLogged("tears");
  });

  test("shows all lines, and with .not those that must not be there", () => {
    expect(failure(() => expect(MODULE).toHaveLogged("gone", "warn")).slice(2)).toEqual([
      'Expected a log line of level warn with: "gone"',
      "All log lines:",
      "  info tier gold",
      "  error tier unknown: 7",
    ]);
    expect(failure(() => expect(MODULE).not.toHaveLogged("gold")).slice(2)).toEqual([
      'Expected a log line with: not "gold"',
      "All such log lines:",
      "  info tier gold",
    ]);
  });

  test("asks for a module or a proxy", () => {
    expect(() => expect({ logs: () => "text" }).toHaveLogged("x")).toThrow(/has `logs`, and got an object/);
  });
});

test("toHaveLogged says how to check an Envoy's log", () => {
  const envoy = { logs: () => "text", accessLog: () => [] };
  expect(() => expect(envoy).toHaveLogged("x")).toThrow("of an Envoy: await expect.poll(() => envoy.logs())");
});

describe("toHaveMetric", () => {
  test("compares the value", () => {
    expect(MODULE).toHaveMetric("tiers;outcome=known", 3);
    expect(MODULE).toHaveMetric("tiers;outcome=unknown", 0);
    expect(MODULE).not.toHaveMetric("tiers;outcome=known", 4);
    expect(MODULE).not.toHaveMetric("tiers", 0);
  });

  test("says the value that was found, or the name that was probably meant", () => {
    expect(failure(() => expect(MODULE).toHaveMetric("tiers;outcome=known", 4)).slice(2, 4)).toEqual([
      "Expected metric tiers;outcome=known: 4",
      "Received: 3",
    ]);
    expect(failure(() => expect(MODULE).toHaveMetric("tiers;outcome=knwon", 3))).toContain(
      'There is no such metric. Did you mean "tiers;outcome=known"?',
    );
  });

  test("asks for a module or a proxy", () => {
    expect(() => expect({ metrics: {} }).toHaveMetric("x", 1)).toThrow(/has `metrics`, and got an object/);
  });
});

describe("toHaveReached", () => {
  test("counts the attempts", () => {
    expect(PROXY).toHaveReached();
    expect(PROXY).toHaveReached("one", 2);
    expect(PROXY).not.toHaveReached("two");
    expect(PROXY).not.toHaveReached("one", 1);
    expect({ requests: [{ method: "GET", path: "/" }] }).toHaveReached();
  });

  test("says what reached the upstream", () => {
    expect(failure(() => expect(PROXY).toHaveReached("one", 3)).slice(2)).toEqual([
      "Expected attempts at one: 3",
      "Received: 2",
      "All attempts:",
      "  GET /a",
      "  POST /b",
    ]);
    expect(failure(() => expect(PROXY).not.toHaveReached())).toContain(
      'Expected attempts at the upstream: not "one or more"',
    );
  });

  test("asks for a proxy", () => {
    expect(() => expect({ requests: [] }).toHaveReached("one")).toThrow(/asks for a proxy/);
  });
});
