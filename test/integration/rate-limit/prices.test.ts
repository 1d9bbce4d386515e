// Limits that count what the answer says, in stock Envoy with four workers.

import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamResponse } from "../../../kit/traffic.js";
import { expectAlive, type LimitEnvoy, type LimitRule, startLimitEnvoy } from "./limit-envoy.js";

const PER_USER: LimitRule["key"] = [{ header: "x-user" }];

let limited: LimitEnvoy;
let upstream: Upstream;
let answer: UpstreamResponse = {};

beforeAll(async () => {
  upstream = await startUpstream({ respond: () => answer });
  limited = await startLimitEnvoy({ workers: 4, upstream });
});

afterAll(() => limited?.[Symbol.asyncDispose]());

/** One rule of its own name, and the statuses of a user's requests one after the other. */
async function priced(name: string, cost: LimitRule["cost"], limit: number) {
  showLogsOnFailure(limited.envoy);
  await limited.rules({ name, key: PER_USER, cost, local: { limit, unit: "hour" } });
  return (count: number, user = "ann") => limited.statuses(count, { headers: [["x-user", user]] });
}

const usage = (tokens: number) => JSON.stringify({ choices: [], usage: { total_tokens: tokens } });

test("failed logins alone count", async () => {
  const statuses = await priced("logins", { statuses: [401] }, 3);
  answer = { status: 200 };
  expect(await statuses(8)).toEqual(Array(8).fill(200));
  answer = { status: 401 };
  expect(await statuses(5)).toEqual([401, 401, 401, 429, 429]);
  expect(await statuses(1, "bob")).toEqual([401]);
  expect(await limited.outcomes("logins")).toEqual({ allowed: 12, limited: 2 });
});

test("tokens in a header, in JSON and in a stream of events are owed after the answer", async () => {
  const inHeader = await priced("header", { responseHeader: "x-tokens" }, 100);
  answer = { headers: [["x-tokens", "60"]] };
  expect(await inHeader(3)).toEqual([200, 200, 429]);

  const cost = { responseJson: ["usage", "total_tokens"] };
  const inJson = await priced("json", cost, 100);
  answer = { headers: [["content-type", "application/json"]], body: usage(60) };
  expect(await inJson(3)).toEqual([200, 200, 429]);

  const inEvents = await priced("events", cost, 100);
  const events = [`data: {"usage":null}\n\n`, `data: ${usage(150)}\n\n`, "data: [DONE]\n\n"];
  answer = { headers: [["content-type", "text/event-stream"]], body: events, pieceDelayMs: 20 };
  expect(await inEvents(2)).toEqual([200, 429]);
});

test("a client that leaves in the middle of a stream owes what was said, or the default", async () => {
  const user = { headers: [["x-user", "ann"]] } as const;
  for (const [name, first, otherwise] of [
    ["said", `data: ${usage(100)}\n\n`, 0],
    ["unsaid", "data: {}\n\n", 100],
  ] as const) {
    await priced(name, { responseJson: ["usage", "total_tokens"], default: otherwise }, 100);
    answer = {
      headers: [["content-type", "text/event-stream"]],
      body: [first, ...Array(200).fill("data: more\n\n")],
      pieceDelayMs: 100,
    };
    const request = http.get(limited.envoy.url, { headers: { "x-user": "ann" } });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    await once(response, "data");
    request.destroy();
    answer = {};
    await expect.poll(async () => (await limited.request(user)).status).toBe(429);
  }
  await limited.rules();
  await expectAlive(limited);
});
