// deadline in stock Envoy: what the upstream's attempts are told, what is refused, and when the
// router gives up.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList } from "../../../kit/traffic.js";
import { callGrpc } from "../../support/grpc-client.js";
import { CLUSTER, type DeadlineEnvoy, LISTENER, startDeadlineEnvoy } from "./deadline-envoy.js";

const PROTOCOLS = ["http1", "http2"] as const;
const PATH = "/shop.Orders/Get";
const PER_TRY_MS = 100;
const RETRIES = 2;
const HEADER = "x-request-timeout-ms";
const ms = (value: string | number): HeaderList => [[HEADER, String(value)]];
const trusting = { header: { trusted: true }, explainHeader: "x-deadline" };
const trustingCluster = { ...trusting, where: "upstream", explainHeader: "x-attempt" } as const;

let upstreams: Record<(typeof PROTOCOLS)[number], Upstream>;
let silent: Upstream;
let grpc: Upstream;
let deadline: DeadlineEnvoy;

beforeAll(async () => {
  upstreams = { http1: await startUpstream(), http2: await startUpstream({ protocol: "http2" }) };
  silent = await startUpstream({ respond: () => ({ fault: "never" }) });
  grpc = await startGrpcUpstream({
    [PATH]: (call) => {
      // A status in the headers is retried.
      if (call.metadata.some(([name]) => name === "x-fail")) return call.end(14);
      call.send("tea");
      call.end(0);
    },
  });
  deadline = await startDeadlineEnvoy({
    upstreams: { ...upstreams, silent, grpc },
    listener: { [LISTENER]: trusting },
    cluster: trustingCluster,
    retryPolicy: {
      retryOn: ["5xx", "reset", "unavailable"],
      numRetries: RETRIES,
      perTryTimeoutSeconds: PER_TRY_MS / 1000,
    },
  });
});

afterAll(async () => {
  await deadline?.expectAlive();
  await deadline?.[Symbol.asyncDispose]();
  const servers = [...Object.values(upstreams ?? {}), silent, grpc];
  for (const server of servers) await server?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(deadline.envoy));

const sendTo = (destination: string, options: SendOptions = {}) =>
  send(deadline.envoy.url, {
    ...options,
    headers: [["x-mesh-destination", destination], ...(options.headers ?? [])],
  });

/** What the upstream was told. */
async function told(destination: (typeof PROTOCOLS)[number], options: SendOptions = {}) {
  const { requests } = upstreams[destination];
  const before = requests.length;
  const response = await sendTo(destination, options);
  expect(response.status).toBe(200);
  const request = requests[before];
  return {
    left: request?.header(HEADER),
    expected: request?.header("x-envoy-expected-rq-timeout-ms"),
    router: request?.header("x-envoy-upstream-rq-timeout-ms"),
    explained: response.header("x-deadline"),
  };
}

/** The access log's entry of the last request. */
async function details(entries: number): Promise<unknown> {
  return (await deadline.envoy.accessLog(entries + 1)).at(-1)?.details;
}

describe.each(PROTOCOLS)("over %s", (protocol) => {
  test("the service is told what is left, and only the router what the router must do", async () => {
    await deadline.configure(LISTENER, { ...trusting, rules: [{ name: "told", max: "30s" }] });
    const seen = await told(protocol, { protocol, headers: ms(20_000) });
    expect(Number(seen.left)).toBeLessThanOrEqual(20_000);
    expect(Number(seen.left)).toBeGreaterThan(15_000);
    expect(seen.router).toBeUndefined();
    expect(seen.explained).toBe("told;outcome=passed");
  });

  test("a request that is late is answered before the upstream sees it", async () => {
    await deadline.configure(LISTENER, { ...trusting, rules: [{ name: "late", margin: "1s" }] });
    const { requests } = upstreams[protocol];
    const [seen, entries] = [requests.length, (await deadline.envoy.accessLog()).length];
    const response = await sendTo(protocol, { protocol, headers: ms(1_000), body: "an order" });
    expect(response).toMatchObject({ status: 504 });
    expect(response.header("x-deadline")).toBe("late;outcome=expired");
    expect(await details(entries)).toBe("deadline_exceeded{late}");
    expect(requests.length).toBe(seen);
  });

  test("without a deadline nothing changes", async () => {
    await deadline.configure(LISTENER, { ...trusting, rules: [{ name: "none" }] });
    expect(await told(protocol, { protocol })).toMatchObject({ left: undefined, router: undefined });
  });

  test("a client cannot set what is not trusted, nor the router's own headers", async () => {
    await deadline.configure(LISTENER, { rules: [{ name: "edge", default: "20s", max: "30s" }] });
    const forged: HeaderList = [
      ...ms(1),
      ["x-envoy-expected-rq-timeout-ms", "1"],
      ["x-envoy-upstream-rq-per-try-timeout-ms", "1"],
    ];
    const seen = await told(protocol, { protocol, headers: forged });
    expect(Number(seen.left)).toBeGreaterThan(15_000);
  });

  test("hostile values decide nothing, and the upstream does not see them", async () => {
    await deadline.configure(LISTENER, { ...trusting, rules: [{ name: "hostile" }] });
    const values = ["-5", "2.5", "1e3", "0x10", "+7", "", " ", "soon", "9".repeat(30), "9".repeat(60_000)];
    for (const value of values) {
      expect(await told(protocol, { protocol, headers: ms(value) })).toMatchObject({ left: undefined });
    }
    for (const value of ["123456789m", "-1m", "1", "5ms", "1S,2S", "m", "9".repeat(60_000)]) {
      const headers: HeaderList = [["grpc-timeout", value]];
      expect(await told(protocol, { protocol, headers })).toMatchObject({ left: undefined });
    }
    if (protocol === "http1") {
      const seen = await told(protocol, { protocol, headers: [...ms(5_000), ...ms(1)] });
      expect(seen.left).toBeUndefined();
    }
  });
});

describe("attempts", () => {
  beforeEach(async () => {
    await deadline.configure(LISTENER, { ...trusting, rules: [{ name: "attempts", max: "30s" }] });
  });

  test("are each told what truly remains", async () => {
    const before = silent.requests.length;
    const response = await sendTo("silent", { headers: ms(20_000) });
    expect(response.status).toBe(504);
    const attempts = silent.requests.slice(before);
    expect(attempts.length).toBe(1 + RETRIES);
    const left = attempts.map((request) => Number(request.header(HEADER)));
    for (let i = 1; i < left.length; i++) {
      // The attempt before had its time, and Envoy's clock has ticks.
      expect((left[i - 1] ?? 0) - (left[i] ?? 0)).toBeGreaterThanOrEqual(PER_TRY_MS - 10);
    }
  });

  test("of gRPC are told so in grpc-timeout, where Envoy alone tells each the same", async () => {
    const metadata = { "x-mesh-destination": "grpc", "x-fail": "yes", "grpc-timeout": "20S" };
    const attempts = async () => {
      const before = grpc.requests.length;
      await callGrpc(deadline.envoy.url, PATH, "tea", metadata);
      return grpc.requests.slice(before).map((request) => request.header("grpc-timeout") ?? "");
    };
    const told = (await attempts()).map((value) => Number(/^(\d+)m$/.exec(value)?.[1]));
    expect(told.length).toBe(1 + RETRIES);
    expect(told[0]).toBeLessThanOrEqual(20_000);
    for (let i = 1; i < told.length; i++) expect(told[i]).toBeLessThanOrEqual(told[i - 1] ?? 0);
    expect(told.at(-1)).toBeLessThan(told[0] ?? 0);

    const nobody = { match: { method: "PUT" } };
    await deadline.configure(LISTENER, { rules: [{ name: "nobody", ...nobody }] });
    await deadline.configure(CLUSTER, { where: "upstream", rules: [{ name: "nobody", ...nobody }] });
    expect(await attempts()).toEqual(["20S", "20S", "20S"]);
    await deadline.configure(CLUSTER, trustingCluster);
  });

  test("that come too late are not made", async () => {
    const rules = [{ name: "nobody", match: { method: "PUT" } }];
    await deadline.configure(LISTENER, { ...trusting, rules });
    const [before, entries] = [silent.requests.length, (await deadline.envoy.accessLog()).length];
    // Without the listener's filter the router would go on for 60 s.
    const response = await sendTo("silent", { headers: ms(PER_TRY_MS) });
    expect(response.status).toBe(504);
    expect(response.header("x-attempt")).toBe("default;outcome=expired");
    expect(await details(entries)).toBe("deadline_exceeded{default}");
    expect(silent.requests.length).toBe(before + 1);
  });
});

describe("the router", () => {
  test("gives up when the time is over, and the upstream works for nobody any more", async () => {
    const rules = [{ name: "short", perTry: "10s", max: "300ms" }];
    await deadline.configure(LISTENER, { ...trusting, rules });
    const [before, entries] = [silent.requests.length, (await deadline.envoy.accessLog()).length];
    const response = await sendTo("silent", { headers: ms(20_000) });
    expect(response.status).toBe(504);
    expect(await details(entries)).toBe("response_timeout");
    expect(silent.requests.length).toBe(before + 1);
    await expect.poll(() => deadline.stat("cluster.silent.upstream_rq_active")).toBe(0);
  });

  test("gives each attempt less than its route would", async () => {
    const rules = [{ name: "tries", perTry: "20ms" }];
    await deadline.configure(LISTENER, { ...trusting, rules });
    const before = silent.requests.length;
    await sendTo("silent", { headers: ms(20_000) });
    const attempts = silent.requests.slice(before);
    expect(attempts.map((request) => request.header("x-envoy-expected-rq-timeout-ms"))).toEqual([
      "20",
      "20",
      "20",
    ]);
  });
});

describe("a gRPC call", () => {
  const call = (metadata: Readonly<Record<string, string>>) =>
    callGrpc(deadline.envoy.url, PATH, "tea", { "x-mesh-destination": "grpc", ...metadata });

  test("that is late ends with DEADLINE_EXCEEDED", async () => {
    await deadline.configure(LISTENER, { rules: [{ name: "grpc" }] });
    const seen = grpc.requests.length;
    expect(await call({ "grpc-timeout": "0m" })).toEqual({
      messages: [],
      status: 4,
      message: "deadline exceeded",
    });
    expect(grpc.requests.length).toBe(seen);
    expect(await deadline.decisions("grpc")).toEqual({ expired: 1 });
  });

  test("without a deadline gets the rule's, and its service is told", async () => {
    await deadline.configure(LISTENER, { rules: [{ name: "grpc-default", default: "20s" }] });
    expect(await call({})).toMatchObject({ status: 0 });
    const value = grpc.requests.at(-1)?.header("grpc-timeout") ?? "";
    expect(Number(/^(\d+)m$/.exec(value)?.[1])).toBeGreaterThan(15_000);
    expect(await deadline.decisions("grpc-default")).toEqual({ started: 1 });
  });
});
