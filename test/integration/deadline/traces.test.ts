// deadline in stock Envoy, before and behind a service that hands on trace headers alone. Both
// filters stand in one chain here, and each decides for the requests of its side.

import http from "node:http";
import http2 from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { amount } from "../../support/amount.js";
import { type DeadlineEnvoy, startDeadlineEnvoy } from "./deadline-envoy.js";

const HEADER = "x-request-timeout-ms";
const OUT = { name: "x-side", exact: "out" };
/** Far more than a test takes. */
const LONG_MS = 100_000;

let service: Upstream;
let called: Upstream;
let deadline: DeadlineEnvoy;
/** How the service's requests end, by path; without an entry they wait. */
const answers = new Map<string, (response: UpstreamResponse) => void>();

beforeAll(async () => {
  service = await startUpstream({
    respond: ({ path }) => new Promise((resolve) => answers.set(path, resolve)),
  });
  called = await startUpstream();
  deadline = await startDeadlineEnvoy({
    upstreams: { service, called },
    timeoutSeconds: 0,
    listener: {
      "deadline-inbound": {
        trace: "inbound",
        header: { trusted: true },
        rules: [{ name: "in", match: { headers: [{ ...OUT, invert: true }] }, max: "1h" }],
      },
      "deadline-outbound": {
        trace: "outbound",
        header: { trusted: true },
        rules: [{ name: "out", match: { headers: [OUT] }, max: "1h" }],
      },
    },
  });
});

afterAll(async () => {
  await deadline?.expectAlive();
  await deadline?.[Symbol.asyncDispose]();
  for (const server of [service, called]) await server?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(deadline.envoy));

let traces = 0;
/** A trace of its own, and a path by which to find its request. */
function newTrace() {
  const number = ++traces;
  const id = number.toString(16).padStart(32, "c0ffee");
  return { path: `/${number}`, parent: `00-${id}-00f067aa0ba902b7-01` };
}

/** A call of the service: what is left for it, or the status of its refusal. */
async function call(parent: string): Promise<number> {
  const headers = [
    ["x-side", "out"],
    ["x-mesh-destination", "called"],
    ["traceparent", parent],
  ] as const;
  const before = called.requests.length;
  const { status } = await send(deadline.envoy.url, { headers });
  if (status !== 200) return status;
  return Number(called.requests[before]?.header(HEADER) ?? Number.NaN);
}

/** Waits until the request has reached the service. */
const arrived = (path: string) => expect.poll(() => answers.has(path)).toBe(true);

describe("a call of a service", () => {
  test("has what is left of its request until that is answered", async () => {
    const { path, parent } = newTrace();
    const headers = [
      ["traceparent", parent],
      [HEADER, String(LONG_MS)],
    ] as const;
    const answer = send(deadline.envoy.url, { path, headers, timeoutMs: LONG_MS });
    await arrived(path);
    const first = await call(parent);
    const second = await call(parent.replace("00f067aa0ba902b7", "b7ad6b7169203331"));
    expect(first).toBeLessThanOrEqual(LONG_MS);
    expect(first).toBeGreaterThan(0);
    expect(second).toBeLessThanOrEqual(first);
    answers.get(path)?.({ body: "done" });
    expect((await answer).status).toBe(200);
    await expect.poll(() => call(parent)).toBe(Number.NaN);
  });

  test("is refused once the time of its request is over", async () => {
    const { path, parent } = newTrace();
    const headers = [
      ["traceparent", parent],
      [HEADER, "300"],
    ] as const;
    const seen = called.requests.length;
    const { status } = await send(deadline.envoy.url, { path, headers });
    expect(status).toBe(504);
    expect(await call(parent)).toBe(504);
    expect(called.requests.length).toBe(seen);
  });

  test("is refused once the client of its request has gone, over HTTP/1.1", async () => {
    const { path, parent } = newTrace();
    const request = http.get(`${deadline.envoy.url}${path}`, {
      agent: false,
      headers: { traceparent: parent, [HEADER]: String(LONG_MS) },
    });
    request.on("error", () => {});
    await arrived(path);
    expect(await call(parent)).toBeGreaterThan(0);
    request.destroy();
    await expect.poll(() => call(parent)).toBe(504);
  });

  test.each([false, true])("so over HTTP/2, in the middle of the answer: %s", async (hasBegun) => {
    const { path, parent } = newTrace();
    const session = http2.connect(deadline.envoy.url);
    session.on("error", () => {});
    const stream = session.request({ ":path": path, traceparent: parent, [HEADER]: String(LONG_MS) });
    stream.on("error", () => {});
    await arrived(path);
    if (hasBegun) {
      const response = new Promise((resolve) => stream.once("response", resolve));
      answers.get(path)?.({ body: ["half", "an answer"], pieceDelayMs: LONG_MS });
      await response;
    }
    expect(await call(parent)).toBeGreaterThan(0);
    stream.close(http2.constants.NGHTTP2_CANCEL);
    await expect.poll(() => call(parent)).toBe(504);
    session.destroy();
  });

  test("has the smaller time of two requests of its trace", async () => {
    const { path, parent } = newTrace();
    const ask = (left: number) =>
      send(deadline.envoy.url, {
        path: `${path}?${left}`,
        headers: [
          ["traceparent", parent],
          [HEADER, String(left)],
        ],
        timeoutMs: LONG_MS,
      });
    const answered = [ask(LONG_MS), ask(LONG_MS / 2)];
    await arrived(`${path}?${LONG_MS}`);
    await arrived(`${path}?${LONG_MS / 2}`);
    expect(await call(parent)).toBeLessThanOrEqual(LONG_MS / 2);
    answers.get(`${path}?${LONG_MS / 2}`)?.({});
    await answered[1];
    await expect.poll(() => call(parent)).toBeGreaterThan(LONG_MS / 2);
    answers.get(`${path}?${LONG_MS}`)?.({});
    await answered[0];
  });
});

test("strangers who send many traces change nobody's time, and no VM ends", async () => {
  const { path, parent } = newTrace();
  const headers = [
    ["traceparent", parent],
    [HEADER, String(LONG_MS)],
  ] as const;
  const answer = send(deadline.envoy.url, { path, headers, timeoutMs: LONG_MS });
  await arrived(path);
  const session = http2.connect(deadline.envoy.url);
  const strangers = Array.from({ length: amount(5_000, 500) }, (_, i) => {
    const id = i.toString(16).padStart(32, "bad0");
    const own = { traceparent: `00-${id}-00f067aa0ba902b7-01`, [HEADER]: "9000" };
    const stream = session.request({ ":path": `/stranger${i}`, ...own });
    stream.on("error", () => {});
    return stream;
  });
  await expect.poll(() => deadline.decisions("in").then(({ passed = 0 }) => passed)).toBeGreaterThan(500);
  expect(await call(parent)).toBeGreaterThan(10_000);
  for (const stream of strangers) stream.close(http2.constants.NGHTTP2_CANCEL);
  session.destroy();
  answers.get(path)?.({});
  await answer;
});
