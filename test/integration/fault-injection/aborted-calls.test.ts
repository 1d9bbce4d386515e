// gRPC calls that fail in stock Envoy when their client has sent so many messages.

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { type FaultEnvoy, startFaultEnvoy } from "./fault-envoy.js";
import { type Service, startService, talk } from "./talk.js";

const THREE = ["one", "two", "three"];

let service: Service;
let listener: FaultEnvoy;
let cluster: FaultEnvoy;

beforeAll(async () => {
  service = await startService();
  const upstreams = { grpc: service.upstream };
  [listener, cluster] = await Promise.all([
    startFaultEnvoy({ upstreams }),
    startFaultEnvoy({
      where: "upstream",
      upstreams,
      routeOptions: { retryPolicy: { retryOn: ["unavailable"], numRetries: 2 } },
    }),
  ]);
});

afterAll(async () => {
  for (const part of [listener, cluster, service?.upstream]) await part?.[Symbol.asyncDispose]();
});

beforeEach(() => {
  showLogsOnFailure(listener.envoy);
  showLogsOnFailure(cluster.envoy);
});

describe("in a listener's chain", () => {
  test("a stream of messages fails at the client's second one, with the abort's status", async () => {
    const abort = { grpcStatus: 8, body: "too much", afterMessages: 2 };
    await listener.rules({ name: "full", abort });
    const before = service.calls.length;
    const said = await talk(listener.envoy, "Collect", THREE);
    expect(said).toMatchObject({ code: 8, details: "too much", messages: [] });
    expect(await listener.outcomes("full")).toEqual({ armed: 1, aborted: 1 });
    expect(await listener.active("full")).toBe(0);
    await expect.poll(() => service.calls[before]?.ended).toBe("reset");
    const [entry] = await listener.logged("/test.Talk/Collect");
    expect(entry).toMatchObject({ fault: "full;outcome=aborted" });
  });

  test("a call with fewer messages ends well, and counts as armed alone", async () => {
    await listener.rules({ name: "few", abort: { grpcStatus: 8, afterMessages: 4 } });
    const said = await talk(listener.envoy, "Collect", THREE);
    expect(said).toMatchObject({ code: 0, messages: ["3 messages"] });
    expect(await listener.outcomes("few")).toEqual({ armed: 1 });
    await expect.poll(() => listener.active("few")).toBe(0);
  });

  test("a conversation is broken off, and what was said before arrives", async () => {
    await listener.rules({ name: "talk", abort: { grpcStatus: 8, afterMessages: 3 } });
    const said = await talk(listener.envoy, "Echo", [...THREE, "four"]);
    expect(said.messages).toEqual(["one", "two"]);
    expect(said.code).not.toBe(0);
    expect(await listener.outcomes("talk")).toEqual({ armed: 1, aborted: 1 });
    await expect.poll(() => listener.active("talk")).toBe(0);
  });
});

describe("in a cluster's chain", () => {
  test("the attempt whose client has sent so many is retried, and the retry has all messages", async () => {
    const match = { headers: [{ name: "x-envoy-attempt-count", exact: "1" }] };
    await cluster.rules({ name: "first", match, abort: { grpcStatus: 14, afterMessages: 2 } });
    const before = service.calls.length;
    const said = await talk(cluster.envoy, "Collect", THREE);
    expect(said).toMatchObject({ code: 0, messages: ["3 messages"] });
    expect(service.calls.slice(before).map(({ messages }) => messages)).toEqual([THREE, THREE]);
    expect(await cluster.outcomes("first")).toEqual({ armed: 1, aborted: 1 });
  });

  test("each attempt is counted anew, and the last one's status is the client's", async () => {
    await cluster.rules({ name: "each", abort: { grpcStatus: 14, body: "away", afterMessages: 3 } });
    const said = await talk(cluster.envoy, "Collect", THREE);
    expect(said).toMatchObject({ code: 14, details: "away", messages: [] });
    expect(await cluster.outcomes("each")).toEqual({ armed: 3, aborted: 3 });
    await expect.poll(() => cluster.active("each")).toBe(0);
  });

  test("a conversation is broken off", async () => {
    await cluster.rules({ name: "talk", abort: { grpcStatus: 14, afterMessages: 3 } });
    const said = await talk(cluster.envoy, "Echo", [...THREE, "four"]);
    expect(said.messages).toEqual(["one", "two"]);
    expect(said.code).not.toBe(0);
    await expect.poll(() => cluster.active("talk")).toBe(0);
  });
});

test("no trap has ended a VM", async () => {
  await listener.expectAlive();
  await cluster.expectAlive();
});
