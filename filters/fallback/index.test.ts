// The filter before a scripted upstream, in the in-process host: whose answer is served, which are
// kept, how old they may be, and which stay in a full table.

import { beforeAll, describe, expect, test } from "vitest";
import { type HostedProxy, hostProxy } from "../../kit/index.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../kit/traffic.js";
import { amount } from "../../test/support/amount.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import type { FallbackConfig } from "./schema.js";

type Rule = FallbackConfig["rules"][number];

const METRIC = "meshwright.fallback.";
const SECOND = 1000;

let module: string;

beforeAll(async () => {
  module = await filterModule("fallback");
}, 120_000);

/** A proxy with one rule; the upstream answers as `now` says. */
function start(fields: Omit<Rule, "name"> = {}, workers = 1) {
  const rules = [{ name: "one", ...fields }];
  const upstream: { now: (path: string) => UpstreamResponse } = { now: (path) => ({ body: path }) };
  const proxy = hostProxy({
    filters: [
      {
        name: "kept",
        module,
        vmId: "kept",
        configuration: JSON.parse(JSON.stringify({ explainHeader: "x-why", rules })),
      },
    ],
    upstreams: { upstream: { protocol: "http2", respond: ({ path }) => upstream.now(path) } },
    workers,
  });
  const ask = (path = "/", headers: HeaderList = [], more: Omit<ClientRequest, "path" | "headers"> = {}) => {
    const { response } = proxy.request({ path, headers, ...more });
    if (response === undefined) throw new Error("there was no response");
    return response;
  };
  return {
    proxy,
    ask,
    good: (response: UpstreamResponse = {}) => {
      upstream.now = (path) => ({ body: path, ...response });
    },
    bad: () => {
      upstream.now = () => ({ status: 503, body: "bad" });
    },
    /** What the request decides while the upstream fails, and the body that its client gets. */
    failing: (path = "/", headers: HeaderList = []) => {
      upstream.now = () => ({ status: 503, body: "bad" });
      const response = ask(path, headers);
      return [response.header("x-why")?.replace("one;outcome=", ""), response.body] as const;
    },
  };
}

const keeps = (proxy: HostedProxy) => counts(proxy, "answers_total");

function counts(proxy: HostedProxy, metric: string): Record<string, number> {
  const prefix = `${METRIC}${metric};rule=one;outcome=`;
  const found = [...proxy.metrics].filter(([name, value]) => name.startsWith(prefix) && value > 0);
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

const served = (body: string) => ["served-status", body] as const;
const missed = ["missed", "bad"] as const;

describe("nobody gets the answer to another key", () => {
  test("not that of another host, path or query", () => {
    const place = start();
    place.ask("/tea?cup=1");
    expect(place.failing("/tea?cup=1")).toEqual(served("/tea?cup=1"));
    for (const path of [
      "/tea",
      "/tea?",
      "/tea?cup=2",
      "/tea/?cup=1",
      "/TEA?cup=1",
      "/tea?cup=1&",
      "/tea%3Fcup=1",
    ]) {
      expect(place.failing(path), path).toEqual(missed);
    }
    expect(place.failing("/tea?cup=1", [["host", "other.test"]])).toEqual(missed);
  });

  test("not that of another value of a key's part, nor of none", () => {
    const place = start({ key: [{ header: "x-a" }, { header: "x-b" }, { query: "page" }] });
    const request = [
      "/?page=1&session=5",
      [
        ["x-a", "ab"],
        ["x-b", "c"],
      ],
    ] as const;
    place.ask(...request);
    expect(place.failing("/?session=7&page=%31", request[1])).toEqual(served("/?page=1&session=5"));
    const others: readonly (readonly [string, HeaderList])[] = [
      [
        "/?page=1",
        [
          ["x-a", "a"],
          ["x-b", "bc"],
        ],
      ],
      ["/?page=1", [["x-a", "abc"]]],
      ["/?page=1", [["x-b", "abc"]]],
      [
        "/?page=1",
        [
          ["x-a", "ab"],
          ["x-a", ""],
          ["x-b", "c"],
        ],
      ],
      ["/?page=2", request[1]],
      ["/", request[1]],
    ];
    for (const other of others) expect(place.failing(...other), JSON.stringify(other)).toEqual(missed);
  });

  test("not where two answers stand in each other's place", () => {
    const place = start();
    place.ask("/mine");
    place.ask("/yours");
    const shared = place.proxy.host.sharedDataOf("kept");
    const { entries } = shared;
    const [first, second] = [...entries.keys()].filter((key) => key.startsWith("fa"));
    if (first === undefined || second === undefined) throw new Error("two answers should be kept");
    const [one = "", two = ""] = [entries.get(first), entries.get(second)];
    expect([one.includes("/mine"), two.includes("/yours")]).toEqual([true, true]);
    shared.set(first, Buffer.from(two, "latin1"));
    shared.set(second, Buffer.from(one, "latin1"));
    expect(place.failing("/mine")).toEqual(missed);
    expect(place.failing("/yours")).toEqual(missed);
  });
});

describe("what is kept", () => {
  test.each<[string, UpstreamResponse]>([
    ["Set-Cookie", { headers: [["set-cookie", "a=1"]] }],
    ["no-store", { headers: [["cache-control", "max-age=60, no-store"]] }],
    ["private", { headers: [["cache-control", 'private="x"']] }],
    [
      "no-cache",
      {
        headers: [
          ["cache-control", "a"],
          ["cache-control", "no-cache"],
        ],
      },
    ],
    ["Vary: *", { headers: [["vary", "*"]] }],
    ["Vary with a header that the key lacks", { headers: [["vary", "accept-encoding, Origin"]] }],
    ["a range of it", { headers: [["content-range", "bytes 0-1/9"]] }],
    ["206", { status: 206 }],
    ["404", { status: 404 }],
    ["302", { status: 302 }],
    ["a gRPC status", { headers: [["grpc-status", "0"]] }],
    ["trailers", { trailers: [["x-end", "1"]] }],
    ["half a body", { body: ["ha", "lf"], fault: "reset-in-body" }],
    ["129 headers", { headers: new Array(129).fill(["x-a", "b"]) }],
    ["headers of more than 8 KiB", { headers: [["x-a", "b".repeat(8192)]] }],
    ["16,385 bytes", { body: "x".repeat(16_385) }],
    ["16,385 bytes in pieces", { body: ["x".repeat(16_384), "x"] }],
  ])("no answer with %s", (_, response) => {
    const place = start();
    place.good(response);
    place.ask();
    expect(place.failing()).toEqual(missed);
    expect(keeps(place.proxy).kept).toBeUndefined();
  });

  test.each<[string, HeaderList]>([
    ["Authorization", [["authorization", "Bearer x"]]],
    ["Cookie", [["cookie", "a=1"]]],
    ["Range", [["range", "bytes=0-1"]]],
    ["If-Match", [["if-match", '"a"']]],
    ["no-store", [["cache-control", "no-store"]]],
    ["a path of 5,000 bytes", []],
  ])("nothing of a request with %s, nor is it served", (name, headers) => {
    const path = name.startsWith("a path") ? `/${"p".repeat(5000)}` : "/";
    const place = start();
    place.ask(path, headers);
    expect(keeps(place.proxy)).toEqual({});
    place.ask("/");
    expect(place.failing(path, headers)).toEqual(["skipped", "bad"]);
  });

  test("nothing of a HEAD, a POST, or a GET with a body", () => {
    const place = start();
    place.ask("/", [], { method: "HEAD" });
    place.ask("/", [], { method: "POST", body: "x" });
    place.ask("/", [], { method: "GET", body: "x" });
    expect(place.failing()).toEqual(missed);
  });

  test.each<[NonNullable<NonNullable<Rule["keep"]>["despite"]>[number], HeaderList, HeaderList]>([
    ["authorization", [["authorization", "Bearer x"]], []],
    ["cookie", [["cookie", "a=1"]], []],
    ["setCookie", [], [["set-cookie", "a=1"]]],
    ["cacheControl", [["cache-control", "no-store"]], [["cache-control", "private"]]],
    ["vary", [], [["vary", "Origin, *"]]],
  ])("despite %s where the rule says so, but no Set-Cookie", (mark, sent, answered) => {
    const place = start({ keep: { despite: [mark] } });
    place.good({ headers: answered });
    place.ask("/", sent);
    place.bad();
    const response = place.ask("/", sent);
    expect(response.header("x-why")).toBe("one;outcome=served-status");
    expect(response.header("set-cookie")).toBeUndefined();
  });

  test("an answer by Accept-Encoding for those who accept the same, and any other for all", () => {
    const place = start({ keep: { refresh: "100ms" } });
    const gzip: HeaderList = [["accept-encoding", "gzip"]];
    place.good({ headers: [["content-encoding", "gzip"]], body: "zipped" });
    place.ask("/", gzip);
    expect(place.failing("/", gzip)).toEqual(served("zipped"));
    expect(place.failing("/", [["accept-encoding", "gzip, br"]])).toEqual(missed);
    expect(place.failing()).toEqual(missed);
    place.good({ body: "plain" });
    place.proxy.advance(200);
    place.ask();
    expect(place.failing("/", [["accept-encoding", "br"]])).toEqual(served("plain"));
    expect(place.failing("/", gzip)).toEqual(served("zipped"));
  });

  test("an answer as it was, without the headers of its connection and those that are left out", () => {
    const place = start({ keep: { omitHeaders: ["x-trace"] } });
    place.good({
      headers: [
        ["x-two", "1"],
        ["x-two", "2"],
        ["x-trace", "abc"],
        ["x-request-id", "abc"],
        ["x-envoy-overloaded", "true"],
        ["keep-alive", "timeout=5"],
        ["cache-status", "inner; hit"],
      ],
    });
    place.ask();
    place.bad();
    const { headers } = place.ask();
    const names = headers.map(([name]) => name);
    expect(headers.filter(([name]) => name === "x-two").map(([, value]) => value)).toEqual(["1", "2"]);
    for (const name of ["x-trace", "x-request-id", "x-envoy-overloaded", "keep-alive"]) {
      expect(names).not.toContain(name);
    }
    const [inner, own = ""] = headers.filter(([name]) => name === "cache-status").map(([, value]) => value);
    expect(inner).toBe("inner; hit");
    expect(own).toMatch(/^fallback; fwd=stale; fwd-status=503; ttl=0; detail="status"$/);
  });

  test("an answer again only after the time of refresh, by whichever worker", () => {
    const place = start({ keep: { refresh: "5s" } }, 4);
    for (let i = 0; i < 40; i++) place.ask();
    expect(keeps(place.proxy)).toEqual({ kept: 1, fresh: 3 });
    place.good({ body: "new" });
    place.proxy.advance(6 * SECOND);
    for (let i = 0; i < 40; i++) place.ask();
    expect(place.failing()).toEqual(served("new"));
    expect(keeps(place.proxy).kept).toBe(2);
  });
});

describe("how old an answer may be", () => {
  const aged = (cacheControl: string, fields: Omit<Rule, "name"> = {}, headers: HeaderList = []) => {
    const place = start(fields);
    place.good({
      headers: [...(cacheControl === "" ? [] : [["cache-control", cacheControl] as const]), ...headers],
    });
    place.ask();
    return (seconds: number) => {
      place.proxy.advance(seconds * SECOND);
      return place.failing()[0];
    };
  };

  test("as old as it says, or else as the rule says", () => {
    const says = aged("max-age=10, stale-if-error=20");
    expect([says(29), says(1)]).toEqual(["served-status", "expired"]);
    const silent = aged("", { staleIfError: "10s" });
    expect([silent(9), silent(1)]).toEqual(["served-status", "expired"]);
    const limited = aged("max-age=100", { maxAge: "10s" });
    expect([limited(9), limited(1)]).toEqual(["served-status", "expired"]);
    expect(aged("must-revalidate")(0)).toBe("expired");
    const strict = aged("max-age=10, must-revalidate");
    expect([strict(9), strict(1)]).toEqual(["served-status", "expired"]);
  });

  test("counted from the age that it came with", () => {
    const old = aged("max-age=10, stale-if-error=0", {}, [["age", "7"]]);
    expect([old(2), old(1)]).toEqual(["served-status", "expired"]);
    const negative = aged("max-age=10, stale-if-error=0", {}, [["age", "-100"]]);
    expect([negative(9), negative(1)]).toEqual(["served-status", "expired"]);
    expect(aged("max-age=10", {}, [["age", "99999999999999999999"]])(0)).toBe("expired");
  });

  test("and says so", () => {
    const place = start();
    place.good({
      headers: [
        ["cache-control", "max-age=60"],
        ["age", "5"],
      ],
    });
    place.ask();
    place.proxy.advance(10 * SECOND);
    place.bad();
    const fresh = place.ask();
    expect(fresh.header("age")).toBe("15");
    expect(fresh.header("cache-status")).toBe(
      'fallback; fwd=bypass; fwd-status=503; ttl=45; detail="status"',
    );
    place.proxy.advance(100 * SECOND);
    const stale = place.ask();
    expect(stale.header("age")).toBe("115");
    expect(stale.header("cache-status")).toBe(
      'fallback; fwd=stale; fwd-status=503; ttl=-55; detail="status"',
    );
  });
});

describe("a full table", () => {
  test("keeps what is asked for again and again, whatever a client makes up", () => {
    const place = start({ answers: 64 });
    const popular = Array.from({ length: 24 }, (_, i) => `/popular/${i}`);
    const round = () => {
      for (const path of popular) place.ask(path);
      place.proxy.advance(SECOND);
    };
    for (let i = 0; i < 10; i++) round();
    const paths = amount(100_000, 10_000);
    for (let i = 0; i < paths; i++) {
      place.ask(`/made-up/${i}`);
      if (i % 1000 === 0) round();
    }
    for (const path of popular) expect(place.failing(path)).toEqual(served(path));
    const { entries } = place.proxy.host.sharedDataOf("kept");
    expect([...entries.keys()].filter((key) => key.startsWith("fa")).length).toBeLessThanOrEqual(64);
    expect([...entries.keys()].filter((key) => key.startsWith("fd")).length).toBeLessThanOrEqual(16);
  }, 120_000);
});

describe("a rule in shadow mode", () => {
  test("counts what it would serve, and serves nothing", () => {
    const place = start({ shadow: true });
    place.ask();
    expect(place.failing()[1]).toBe("bad");
    expect(counts(place.proxy, "decisions_total")).toEqual({
      "shadow-passed": 1,
      "shadow-served-status": 1,
    });
  });
});

test("sixteen answers at once are collected by a worker, and no more", () => {
  const place = start();
  const { proxy } = place;
  place.good({ body: ["a", "b"], pieceDelayMs: 10 });
  for (let i = 0; i < 20; i++) proxy.request({ path: `/${i}` });
  proxy.advance(50);
  expect(keeps(proxy)).toEqual({ kept: 16, busy: 4 });
});
