import { expect, test } from "vitest";
import { startUpstream } from "../../kit/envoy/upstream.js";
import { runLoad } from "./load.js";

test.each(["http1", "http2"] as const)(
  "a load of %s sends the given number of requests, numbered, and returns the answers",
  async (protocol) => {
    await using upstream = await startUpstream({
      protocol,
      respond: ({ path }) => ({ status: path === "/0" ? 503 : 200, body: "answer" }),
    });
    const load = await runLoad({
      port: upstream.port,
      protocol,
      connections: 4,
      method: "PUT",
      path: "/{n}",
      headers: [["x-user", "user-{n}"]],
      body: "sent",
      numbers: 10,
      requests: 200,
      forMs: 20_000,
    });
    expect(load.statuses).toEqual({ 200: 180, 503: 20 });
    expect(load.answers.filter(({ status }) => status === 503).map(({ number }) => number)).toEqual(
      Array.from({ length: 20 }, () => 0),
    );
    expect(upstream.requests.length).toBe(200);
    for (const { method, path, body, header } of upstream.requests) {
      expect({ method, body }).toEqual({ method: "PUT", body: "sent" });
      expect(header("x-user")).toBe(`user-${path.slice(1)}`);
    }
    expect(load.latencyMs(1)).toBeGreaterThanOrEqual(load.latencyMs(0.5));
    expect(load.answers.every(({ sentMs, answeredMs }) => answeredMs >= sentMs)).toBe(true);
  },
);

test("a load is paced, and ends when its time is over", async () => {
  await using upstream = await startUpstream();
  const { statuses, durationMs } = await runLoad({ port: upstream.port, rate: 100, forMs: 1000 });
  // Late requests are sent as soon as possible, so at most a few milliseconds' worth is missing at
  // the end.
  expect(statuses[200]).toBeGreaterThan(80);
  expect(statuses[200]).toBeLessThanOrEqual(101);
  expect(durationMs).toBeGreaterThan(800);
});

test.each(["http1", "http2"] as const)(
  "an answer of %s that is broken off has the status 0, and the load goes on",
  async (protocol) => {
    let count = 0;
    await using upstream = await startUpstream({
      protocol,
      respond: () => (count++ % 4 === 0 ? { fault: "reset" } : { status: 200 }),
    });
    const { statuses } = await runLoad({
      port: upstream.port,
      protocol,
      connections: 2,
      streams: 1,
      requests: 40,
      forMs: 20_000,
    });
    expect(statuses).toEqual({ 0: 10, 200: 30 });
  },
);

test("a port where nobody listens is an error", async () => {
  await expect(runLoad({ port: 1, forMs: 100 })).rejects.toThrow(
    "the load ended before its time: connect ECONNREFUSED",
  );
});
