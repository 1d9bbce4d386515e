// circuit-breaker in stock Envoy: what counts, whose circuit it is, what an open circuit answers,
// and what a change of the configuration keeps.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { CircuitBreakerConfig } from "../../../filters/circuit-breaker/schema.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { rawHttp1 } from "../../../kit/envoy/raw-http1.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { type BreakerEnvoy, FILTER, type Rule, startBreakerEnvoy, until } from "./breaker-envoy.js";

/** A circuit that trips at two failures and stays open until the test ends. */
const STAYS: Omit<Rule, "name"> = { trip: { consecutive: 2 }, open: { sleep: "1h" } };
/** One that sleeps so shortly that a test can wait for it. */
const WAKES: Omit<Rule, "name"> = {
  trip: { consecutive: 2 },
  open: { sleep: "50ms", maxSleep: "200ms", jitter: 0 },
};

let one: Upstream;
let two: Upstream;
let breaker: BreakerEnvoy;
let respond: (path: string) => UpstreamResponse;
let rules = 0;

beforeAll(async () => {
  const answer = (name: string) => startUpstream({ name, respond: ({ path }) => respond(path) });
  [one, two] = [await answer("one"), await answer("two")];
  breaker = await startBreakerEnvoy({
    workers: 2,
    upstreams: { one, two },
    before: [{ name: "header-routing", module: "header-routing", configuration: { rules: [] } }],
    after: [{ name: "fault-injection", module: "fault-injection", configuration: { rules: [] } }],
    routeOptions: { timeoutSeconds: 1 },
    listenerOptions: { maxRequestHeadersKb: 512 },
  });
}, 120_000);

beforeEach(() => {
  respond = () => ({ status: 200, body: "good" });
  showLogsOnFailure(breaker.envoy);
});

afterAll(async () => {
  await breaker?.[Symbol.asyncDispose]();
  await one?.[Symbol.asyncDispose]();
  await two?.[Symbol.asyncDispose]();
});

/** A name that no test before had: its circuits are closed. */
const newName = () => `rule-${rules++}`;
const failing = (status = 503) => {
  respond = () => ({ status, body: "bad" });
};

/** Gives the filter one rule; returns its name. */
async function rule(fields: Omit<Rule, "name">, root: Omit<CircuitBreakerConfig, "rules"> = {}) {
  const name = newName();
  await breaker.configure({ explainHeader: "x-circuit", ...root, rules: [{ name, ...fields }] });
  return name;
}

const outcome = async (path = "/", headers: [string, string][] = []) =>
  (await breaker.request({ path, headers })).header("x-circuit")?.replace(/^.*outcome=/, "");

describe("what counts", () => {
  const opens = async () => (await outcome()) === "refused";

  test.each([500, 502, 503, 599])("%d of the upstream", async (status) => {
    failing(status);
    await rule(STAYS);
    expect(await breaker.statuses(3)).toEqual([status, status, 503]);
    expect(await opens()).toBe(true);
  });

  test.each([200, 404, 429])("not %d", async (status) => {
    failing(status);
    await rule(STAYS);
    expect(await breaker.statuses(6)).toEqual(new Array(6).fill(status));
  });

  test("the statuses that the rule names, and no others", async () => {
    failing(404);
    await rule({ ...STAYS, failures: { statuses: [404] } });
    expect(await breaker.statuses(3)).toEqual([404, 404, 503]);
    failing(500);
    await rule({ ...STAYS, failures: { statuses: [404] } });
    expect(await breaker.statuses(5)).toEqual([500, 500, 500, 500, 500]);
  });

  test("a reset, a timeout, and half a body where the rule waits for the end", async () => {
    respond = () => ({ fault: "reset" });
    await rule(STAYS);
    expect(await breaker.statuses(3)).toEqual([503, 503, 503]);
    expect(await opens()).toBe(true);

    respond = () => ({ fault: "never" });
    await rule(STAYS);
    expect(await breaker.statuses(3)).toEqual([504, 504, 503]);

    respond = () => ({ body: ["half", "never"], fault: "reset-in-body" });
    await rule({ ...STAYS, failures: { network: ["incomplete", "reset"] } });
    for (let i = 0; i < 2; i++) expect((await breaker.request()).end).toBe("reset");
    await until(opens);
    await rule(STAYS);
    for (let i = 0; i < 4; i++) expect((await breaker.request()).end).toBe("reset");
    expect(await outcome()).toBe("allowed");
  }, 60_000);

  test("a refused connection, unless the rule does not name it", async () => {
    await one.stop();
    try {
      await rule(STAYS);
      expect(await breaker.statuses(3)).toEqual([503, 503, 503]);
      expect(await opens()).toBe(true);
      await rule({ ...STAYS, failures: { network: ["timeout"] } });
      await breaker.statuses(5);
      expect(await outcome()).toBe("allowed");
    } finally {
      await one.start();
    }
  });

  test("a response that begins late", async () => {
    respond = () => ({ delayMs: 60 });
    await rule({ ...STAYS, failures: { slow: "50ms" } });
    expect(await breaker.statuses(3)).toEqual([200, 200, 503]);
  });

  test("no answer of another filter, whatever its status", async () => {
    const abort = { rules: [{ name: "all", abort: { status: 500 } }] };
    expect(await breaker.envoy.configure("fault-injection", abort)).toEqual({ accepted: true });
    try {
      await rule(STAYS);
      expect(await breaker.statuses(6)).toEqual(new Array(6).fill(500));
      expect(await outcome()).toBe("allowed");
    } finally {
      await breaker.envoy.configure("fault-injection", { rules: [] });
    }
  });

  test("a success in between, for consecutive failures", async () => {
    await rule({ ...STAYS, trip: { consecutive: 3 } });
    respond = (path) => ({ status: path === "/bad" ? 500 : 200 });
    for (const path of ["/bad", "/bad", "/", "/bad", "/bad"]) await breaker.request({ path });
    expect(await outcome("/")).toBe("allowed");
    for (let i = 0; i < 3; i++) await breaker.request({ path: "/bad" });
    expect(await opens()).toBe(true);
  });

  test("a share of a window's requests, for rate", async () => {
    await rule({ trip: { rate: { percentage: 50, minRequests: 10, window: "1h" } }, open: { sleep: "1h" } });
    for (let i = 0; i < 5; i++) await breaker.request();
    failing(500);
    expect(await breaker.statuses(6)).toEqual([500, 500, 500, 500, 500, 503]);
  });

  test("an upstream that fails every second time, for evidence", async () => {
    let turn = 0;
    respond = () => ({ status: turn++ % 2 === 0 ? 500 : 200 });
    await rule({ open: { sleep: "1h" } });
    const statuses = await breaker.statuses(40);
    const tripped = statuses.indexOf(503);
    expect(tripped).toBeGreaterThan(8);
    expect(statuses.slice(tripped)).toEqual(new Array(40 - tripped).fill(503));
  });
});

describe("a probe", () => {
  test("closes the circuit, or opens it for twice as long", async () => {
    failing();
    const name = await rule({ ...WAKES, halfOpen: { ramp: "0ms" } });
    await breaker.statuses(2);
    await until(async () => (await outcome()) === "probe");
    await until(async () => (await outcome()) === "probe");
    respond = () => ({ body: "good" });
    await until(async () => (await breaker.request()).body === "good");
    expect(await outcome()).toBe("allowed");
    expect(await breaker.metrics(name)).toMatchObject({
      "transitions_total;to=open;reason=tripped": 1,
      "transitions_total;to=open;reason=probe-failed": expect.any(Number),
      "transitions_total;to=closed;reason=probes-succeeded": 1,
    });
  });

  test("whose client goes away sticks nothing", async () => {
    failing();
    const name = await rule({ ...WAKES, halfOpen: { lease: "10m" } });
    await breaker.statuses(2);
    respond = () => ({ fault: "never" });
    // The client gives up long before the route's timeout.
    await until(async () => {
      await send(breaker.envoy.url, { timeoutMs: 100 }).catch(() => {});
      return (await breaker.metrics(name))["transitions_total;to=open;reason=probes-unknown"] !== undefined;
    });
    respond = () => ({ body: "good" });
    await until(async () => (await breaker.request()).body === "good");
    expect(await outcome()).toBe("allowed");
  });

  test("without a response fails when its lease ends", async () => {
    failing();
    const name = await rule({ ...WAKES, halfOpen: { lease: "100ms" } });
    await breaker.statuses(2);
    respond = () => ({ fault: "never" });
    await until(async () => {
      breaker.request().catch(() => {});
      await breaker.request();
      return (await breaker.metrics(name))["transitions_total;to=open;reason=lease-expired"] !== undefined;
    });
  }, 60_000);
});

describe("whose circuit it is", () => {
  test("each destination that header-routing chooses has its own", async () => {
    const byGroup = {
      rules: [{ name: "two", match: { headers: [{ name: "x-group", exact: "two" }] }, destination: "two" }],
    };
    expect(await breaker.envoy.configure("header-routing", byGroup)).toEqual({ accepted: true });
    try {
      respond = () => ({ status: 500 });
      await rule(STAYS);
      expect(await breaker.statuses(3, { headers: [["x-group", "two"]] })).toEqual([500, 500, 503]);
      respond = () => ({});
      expect(await outcome("/", [["x-group", "two"]])).toBe("refused");
      expect(await outcome()).toBe("allowed");
    } finally {
      await breaker.envoy.configure("header-routing", { rules: [] });
    }
  });

  test.each<[string, Rule["key"], readonly [string, string][], string]>([
    ["a header", [{ header: "x-tenant" }], [["x-tenant", "bad"]], "/"],
    ["a cookie", [{ cookie: "tenant" }], [["cookie", "a=b; tenant=bad"]], "/"],
    ["a part of the path", [{ pathSegment: 1 }], [], "/shards/bad/x"],
  ])("the circuit of one %s opens for it alone", async (_, key, headers, path) => {
    failing(500);
    await rule({ ...STAYS, key: [{ cluster: true }, ...(key ?? [])] });
    const sent = { headers: [...headers], path };
    expect(await breaker.statuses(3, sent)).toEqual([500, 500, 503]);
    respond = () => ({});
    expect(await breaker.statuses(3)).toEqual([200, 200, 200]);
    expect(await breaker.statuses(1, sent)).toEqual([503]);
  });

  test("requests without the key share a circuit, or pass uncounted", async () => {
    failing(500);
    await rule({ ...STAYS, key: [{ header: "x-tenant" }] });
    expect(await breaker.statuses(3)).toEqual([500, 500, 503]);
    await rule({ ...STAYS, key: [{ header: "x-tenant" }], missing: "skip" });
    expect(await breaker.statuses(4)).toEqual([500, 500, 500, 500]);
    expect(await outcome()).toBe("skipped");
  });

  test("two plugins of one VM have circuits of their own, also of one name", async () => {
    failing(500);
    const filter = (name: string, failures: number) => ({
      name,
      module: FILTER,
      vmId: "shared",
      configuration: {
        explainHeader: `x-${name}`,
        rules: [{ name: "same", trip: { consecutive: failures }, open: { sleep: "1h" } }],
      } as unknown as Json,
    });
    await using envoy = await startEnvoy({
      filters: [filter("outer", 5), filter("inner", 2)],
      upstreams: { one },
    });
    const seen: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { headers } = await send(envoy.url);
      seen.push(headers.flatMap(([name, value]) => (/^x-(outer|inner)$/.test(name) ? [value] : [])).join());
    }
    // Refusals of the inner one do not count for the outer one.
    expect(seen.map((each) => each.replaceAll("same;outcome=", ""))).toEqual([
      "allowed,allowed",
      "allowed,allowed",
      ...new Array(4).fill("refused,allowed"),
    ]);
  });
});

describe("an open circuit", () => {
  const opened = async (fields: Omit<Rule, "name">, root: Omit<CircuitBreakerConfig, "rules"> = {}) => {
    failing(500);
    const name = await rule({ ...STAYS, ...fields }, root);
    await breaker.statuses(2);
    respond = () => ({ body: "good" });
    return name;
  };

  test("answers 503 with the time to come back, and says so in the access log", async () => {
    const name = await opened({ open: { sleep: "90s", jitter: 0 } });
    const before = (await breaker.envoy.accessLog()).length;
    const response = await breaker.request();
    expect(response.status).toBe(503);
    expect(Number(response.header("retry-after"))).toBeGreaterThan(60);
    expect(Number(response.header("retry-after"))).toBeLessThanOrEqual(90);
    expect(response.header("x-circuit")).toBe(`${name};outcome=refused`);
    const [entry] = (await breaker.envoy.accessLog(before + 1)).slice(before);
    expect(JSON.stringify(entry)).toContain(`circuit_open{${name}}`);
  });

  test("answers a gRPC call with UNAVAILABLE and pushback", async () => {
    await opened({ open: { sleep: "90s", jitter: 0 } });
    const response = await breaker.request({
      method: "POST",
      protocol: "http2",
      headers: [["content-type", "application/grpc"]],
      body: "\0\0\0\0\0",
    });
    expect(response.status).toBe(200);
    expect(response.header("grpc-status")).toBe("14");
    expect(response.header("grpc-message")).toBe("circuit open");
    expect(Number(response.header("grpc-retry-pushback-ms"))).toBeGreaterThan(60_000);
  });

  test("answers as its rule says", async () => {
    await opened({ answer: { status: 200, body: "[]", contentType: "application/json" } });
    const response = await breaker.request();
    expect([response.status, response.body]).toEqual([200, "[]"]);
    expect(response.header("content-type")).toBe("application/json");
    expect(response.header("retry-after")).toBeUndefined();
  });

  test("sends to another destination, which a client cannot choose", async () => {
    await opened({ destination: "two" });
    const before = two.requests.length;
    expect(await outcome()).toBe("diverted");
    expect((await breaker.request()).body).toBe("good");
    expect(two.requests.length).toBe(before + 2);
    await rule({ ...STAYS, destination: "two" });
    await breaker.request({ headers: [["x-mesh-destination", "two"]] });
    expect(two.requests.length).toBe(before + 2);
  });

  test("in shadow mode refuses nothing, and runs through its states", async () => {
    failing();
    const name = await rule({ ...STAYS, shadow: true });
    for (let i = 0; i < 2; i++) await breaker.request();
    respond = () => ({ body: "good" });
    expect(await breaker.request()).toMatchObject({ status: 200, body: "good" });
    expect(await outcome()).toBe("shadow-refused");
    await breaker.configure({ rules: [{ name, ...WAKES, shadow: true }] });
    await until(async () => {
      await breaker.request();
      return (await breaker.metrics(name))["transitions_total;to=closed;reason=probes-succeeded"] === 1;
    });
    expect((await breaker.metrics(name))["decisions_total;outcome=shadow-probe"]).toBe(1);
  });

  test("is forced, and what it was is found again", async () => {
    const name = await opened({});
    const forced = (force: "open" | "closed") => breaker.configure({ rules: [{ name, ...STAYS, force }] });
    await forced("closed");
    expect(await breaker.statuses(2)).toEqual([200, 200]);
    await breaker.configure({ rules: [{ name, ...STAYS }] });
    expect(await breaker.statuses(2)).toEqual([503, 503]);
    await forced("open");
    const response = await breaker.request();
    expect([response.status, response.header("retry-after")]).toEqual([503, undefined]);
  });
});

describe("a new configuration", () => {
  test("keeps the circuit in each state", async () => {
    failing();
    const name = await rule({ trip: { consecutive: 4 }, open: { sleep: "1h" } });
    const reload = (sleep: string, probes: number) =>
      breaker.configure({
        explainHeader: "x-circuit",
        rules: [
          {
            name,
            trip: { consecutive: 4 },
            open: { sleep, maxSleep: "1h", jitter: 0 },
            halfOpen: { probes },
          },
        ],
      });
    await breaker.statuses(3);
    await reload("1h", 1);
    // Closed: the three failures count.
    expect(await breaker.statuses(2)).toEqual([503, 503]);
    expect(await outcome()).toBe("refused");
    await reload("1h", 2);
    expect(await outcome()).toBe("refused");
  });

  test("that is shorter ends a sleep that would be too long", async () => {
    failing();
    const name = await rule(STAYS);
    await breaker.statuses(3);
    await breaker.configure({
      explainHeader: "x-circuit",
      rules: [{ name, ...WAKES, open: { sleep: "10ms", maxSleep: "50ms" } }],
    });
    respond = () => ({});
    await until(async () => (await outcome()) === "allowed");
  });

  test("with a fault is refused, and the circuit stays open", async () => {
    failing();
    await rule(STAYS);
    await breaker.statuses(2);
    const wrong = { rules: [{ name: "a", trip: { consecutive: 1, rate: {} } }] };
    expect(await breaker.envoy.configure(FILTER, wrong as unknown as Json)).toMatchObject({
      accepted: false,
      reason: expect.stringContaining("circuit-breaker: configuration refused: rules[0].trip"),
    });
    expect(await outcome()).toBe("refused");
  });
});

describe("a hostile request", () => {
  const raw = (head: string, target = "/") =>
    rawHttp1(
      breaker.envoy.port,
      Buffer.from(`GET ${target} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n${head}\r\n`, "latin1"),
    );

  test.each([
    ["invalid UTF-8", "x-user: \xc0\xaf\xff\r\ncookie: \xf8=\xff; sid=\xc0\x80\r\n", "/"],
    ["a value of 300 KB", `x-user: ${"u".repeat(300 * 1024)}\r\n`, "/"],
    ["many repeats", "x-user: a\r\nx-mesh-destination: two\r\n".repeat(40), "/"],
    ["an odd content type", `content-type: ${"application/grpc".repeat(100)}\r\n`, "/"],
    ["a path of separators", "", `/${"/".repeat(5000)}`],
  ])("with %s is answered, and traps nothing", async (_, head, target) => {
    failing(500);
    await rule({
      ...WAKES,
      key: [{ header: "x-user" }, { cookie: "sid" }, { pathSegment: 3 }, { clientAddress: true }],
      destination: "two",
      keys: 2,
    });
    for (let i = 0; i < 4; i++) expect(await raw(head, target)).toMatch(/^(HTTP\/1\.1 (4|5)\d\d |$)/);
    await breaker.expectAlive();
  });
});
