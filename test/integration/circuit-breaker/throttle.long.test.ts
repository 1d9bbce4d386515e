// A throttle in stock Envoy, over two workers: an upstream that accepts few requests gets about
// twice as many, one that accepts none is left alone, and both get everything again by themselves.

import { afterAll, beforeAll, expect, test } from "vitest";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { type BreakerEnvoy, startBreakerEnvoy } from "./breaker-envoy.js";

let upstream: Upstream;
let breaker: BreakerEnvoy;
let accepts: (request: number) => boolean;
let got = 0;
let accepted = 0;

beforeAll(async () => {
  upstream = await startUpstream({
    respond: () => {
      const isAccepted = accepts(got++);
      if (isAccepted) accepted++;
      return { status: isAccepted ? 200 : 503 };
    },
  });
  breaker = await startBreakerEnvoy({ workers: 2, upstreams: { one: upstream } });
}, 120_000);

afterAll(async () => {
  await breaker?.[Symbol.asyncDispose]();
  await upstream?.[Symbol.asyncDispose]();
});

function forget(): void {
  got = 0;
  accepted = 0;
}

/** Sends so many requests, ten at once. */
async function sendAll(count: number) {
  const statuses: number[] = [];
  for (let sent = 0; sent < count; sent += 10) {
    statuses.push(
      ...(await Promise.all(Array.from({ length: 10 }, () => breaker.request()))).map((r) => r.status),
    );
  }
  return statuses;
}

async function sendFor(ms: number): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; ) await sendAll(100);
}

test("an upstream that accepts few requests gets about K times as many, and all again once it is well", async () => {
  const rules = [{ name: "part", throttle: { ratio: 2, window: "2s" } }];
  await breaker.configure({ explainHeader: "x-circuit", rules });
  accepts = () => true;
  expect(await sendAll(100)).toEqual(new Array(100).fill(200));
  // Two in a tenth of a second.
  let slot = 0;
  let taken = 0;
  accepts = () => {
    const now = Math.floor(Date.now() / 100);
    if (now !== slot) taken = 0;
    slot = now;
    return taken++ < 2;
  };
  await expect
    .poll(async () => {
      await sendAll(100);
      return (await breaker.metrics("part"))["decisions_total;outcome=throttled"] ?? 0;
    })
    .toBeGreaterThan(500);
  // Until the window has left the time behind in which everything was accepted.
  await sendFor(3000);
  forget();
  await sendFor(4000);
  expect(accepted).toBeGreaterThan(0);
  expect(got).toBeLessThan(2.5 * accepted + 20);
  const answers = await Promise.all(Array.from({ length: 200 }, () => breaker.request()));
  const refused = answers.find((each) => each.header("x-circuit") === "part;outcome=throttled");
  expect([refused?.status, refused?.header("retry-after")]).toEqual([503, "1"]);
  accepts = () => true;
  await expect
    .poll(async () => {
      await sendAll(20);
      return (await breaker.metrics("part")).disturbed ?? 0;
    })
    .toBe(0);
  await breaker.expectAlive();
}, 120_000);

test("an upstream that accepts nothing is left alone, and gets everything again after the window", async () => {
  await breaker.configure({ rules: [{ name: "none", throttle: { window: "2s" } }] });
  accepts = () => false;
  forget();
  await sendAll(300);
  expect(got).toBeLessThan(60);
  accepts = () => true;
  await expect
    .poll(async () => {
      await sendAll(20);
      return (await breaker.metrics("none")).disturbed ?? 0;
    })
    .toBe(0);
  expect(await sendAll(50)).toEqual(new Array(50).fill(200));
}, 120_000);
