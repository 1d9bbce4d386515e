// circuit-breaker in stock Envoy under what happens rarely: a new configuration while probes are
// out, clients that leave, gRPC statuses in trailers, clients and routes as keys.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import {
  type BreakerEnvoy,
  type GateUpstream,
  type Rule,
  startBreakerEnvoy,
  startGateUpstream,
  until,
} from "./breaker-envoy.js";

const STAYS: Omit<Rule, "name"> = { trip: { consecutive: 2 }, open: { sleep: "1h" } };

let gate: GateUpstream;
let calls: Upstream;
let breaker: BreakerEnvoy;
let answerCall: () => UpstreamResponse;
let rules = 0;

beforeAll(async () => {
  gate = await startGateUpstream();
  calls = await startUpstream({ name: "calls", protocol: "http2", respond: () => answerCall() });
  breaker = await startBreakerEnvoy({
    workers: 2,
    upstreams: { gate, calls: { ...calls, protocol: "http2" } },
  });
}, 120_000);

beforeEach(() => {
  gate.release(200);
});

afterAll(async () => {
  await breaker?.[Symbol.asyncDispose]();
  await gate?.[Symbol.asyncDispose]();
  await calls?.[Symbol.asyncDispose]();
});

/** Gives the filter one rule, of a name that no test before had. */
async function rule(fields: Omit<Rule, "name">): Promise<string> {
  const name = `adverse-${rules++}`;
  await change(name, fields);
  return name;
}

const change = (name: string, fields: Omit<Rule, "name">) =>
  breaker.configure({ explainHeader: "x-circuit", keepDestination: true, rules: [{ name, ...fields }] });

const outcome = async (headers: HeaderList = []) =>
  (await breaker.request({ headers })).header("x-circuit")?.replace(/^.*outcome=/, "");

test("a new configuration while probes are out keeps their epoch: no more are given out than there were", async () => {
  const fields = (lease: string): Omit<Rule, "name"> => ({
    trip: { consecutive: 2 },
    open: { sleep: "50ms", maxSleep: "50ms", jitter: 0 },
    halfOpen: { probes: 3, lease },
  });
  gate.release(503);
  const name = await rule(fields("10m"));
  await breaker.statuses(2);
  gate.forget();
  gate.holds = true;
  const first = new Promise((resolve) => setTimeout(resolve, 200)).then(() => breaker.request());
  await until(() => gate.held === 1);
  await change(name, fields("5m"));
  const others = [breaker.request(), breaker.request()];
  await until(() => gate.held === 3);
  expect(await outcome()).toBe("refused");
  expect(gate.arrived).toBe(3);
  gate.release(200);
  expect((await Promise.all([first, ...others])).map(({ status }) => status)).toEqual([200, 200, 200]);
  await until(async () => (await outcome()) === "allowed");
  expect(await breaker.metrics(name)).toMatchObject({
    "decisions_total;outcome=probe": 3,
    "transitions_total;to=half-open;reason=slept": 1,
    "transitions_total;to=closed;reason=probes-succeeded": 1,
  });
});

test("answers that come after their clients have gone count neither way", async () => {
  const name = await rule(STAYS);
  gate.holds = true;
  for (let i = 0; i < 4; i++) await send(breaker.envoy.url, { timeoutMs: 100 }).catch(() => {});
  gate.release(503);
  gate.release(200);
  expect(await outcome()).toBe("allowed");
  expect((await breaker.metrics(name)).disturbed).toBeUndefined();
});

test("an upstream that fails every second time trips no circuit that counts failures in a row", async () => {
  await rule(STAYS);
  for (let i = 0; i < 10; i++) {
    gate.status = i % 2 === 0 ? 503 : 200;
    await breaker.request();
  }
  expect(await outcome()).toBe("allowed");
});

describe("a gRPC call", () => {
  const call = () =>
    breaker.request({
      method: "POST",
      protocol: "http2",
      headers: [
        ["content-type", "application/grpc"],
        ["x-mesh-destination", "calls"],
      ],
      body: "\0\0\0\0\0",
    });
  const answered = (status: string) => () => ({
    headers: [["content-type", "application/grpc"]] as HeaderList,
    body: "\0\0\0\0\0",
    trailers: [["grpc-status", status]] as HeaderList,
  });

  test("fails by the status in its trailers, and an open circuit answers it in its own", async () => {
    answerCall = answered("14");
    const name = await rule({ ...STAYS, key: [{ destination: true }] });
    for (let i = 0; i < 2; i++) expect((await call()).trailers).toContainEqual(["grpc-status", "14"]);
    await until(async () => (await breaker.metrics(name))["circuits;state=open"] === 1);
    const refused = await call();
    expect([refused.header("grpc-status"), refused.header("grpc-message")]).toEqual(["14", "circuit open"]);
  });

  test.each(["0", "5", "8"])("does not fail by the status %s", async (status) => {
    answerCall = answered(status);
    await rule({ ...STAYS, key: [{ destination: true }] });
    for (let i = 0; i < 4; i++) expect((await call()).trailers).toContainEqual(["grpc-status", status]);
    expect((await call()).header("x-circuit")).toMatch(/outcome=allowed$/);
  });
});

test.each<[string, NonNullable<Rule["key"]>, HeaderList]>([
  ["client", [{ clientAddress: true }], [["x-forwarded-for", "192.0.2.7"]]],
  ["network", [{ clientAddress: { ipv4: 24, ipv6: 48 } }], [["x-forwarded-for", "198.51.100.9"]]],
])("the circuit of one %s opens for it alone", async (_, key, headers) => {
  gate.release(500);
  await rule({ ...STAYS, key });
  expect(await breaker.statuses(3, { headers })).toEqual([500, 500, 503]);
  gate.release(200);
  expect(await breaker.statuses(2)).toEqual([200, 200]);
  expect(await outcome(headers)).toBe("refused");
});

test("the circuit of one route opens for it alone", async () => {
  answerCall = () => ({ status: 500 });
  await rule({ ...STAYS, key: [{ route: true }] });
  const headers: HeaderList = [["x-mesh-destination", "calls"]];
  expect(await breaker.statuses(3, { headers })).toEqual([500, 500, 503]);
  expect(await breaker.statuses(2)).toEqual([200, 200]);
  expect(await outcome(headers)).toBe("refused");
});
