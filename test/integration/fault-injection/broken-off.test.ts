// Responses that break off in stock Envoy: where a byte or a message of gRPC was counted, with an
// end or with a reset.

import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import { startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { HeaderList, UpstreamResponse } from "../../../kit/traffic.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";

const KILOBYTE = "x".repeat(1000);
const respond = ({ path }: { path: string }): UpstreamResponse =>
  path === "/short" ? { body: "ab" } : { body: Array.from({ length: 20 }, () => KILOBYTE), pieceDelayMs: 5 };

let grpc: Upstream;
let second: Upstream;
let fault: FaultEnvoy;
let attempts: FaultEnvoy;

beforeAll(async () => {
  grpc = await startGrpcUpstream({
    "/test.Feed/Five": (call) => {
      for (let i = 1; i <= 5; i++) call.send(`message ${i}`);
      call.end(0);
    },
    "/test.Feed/Endless": async (call) => {
      let gone = false;
      void call.closed.then(() => {
        gone = true;
      });
      for (let i = 1; !gone; i++) {
        call.send(`message ${i}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
    "/test.Feed/Large": (call) => {
      call.send("x".repeat(300_000));
      call.send("second");
      call.end(0);
    },
  });
  second = await startUpstream({ name: "second", protocol: "http2", respond });
  const upstreams = { grpc, second };
  [fault, attempts] = await Promise.all([
    startFaultEnvoy({ upstream: { respond }, upstreams }),
    startFaultEnvoy({ where: "upstream", upstream: { respond }, upstreams }),
  ]);
});

afterAll(async () => {
  for (const part of [fault, attempts, grpc, second]) await part?.[Symbol.asyncDispose]();
});

beforeEach(() => showLogsOnFailure(fault.envoy));

let rules = 0;

/** What a real gRPC client gets of a stream of messages. */
async function feed(from: FaultEnvoy, method: string) {
  const client = new Client(`127.0.0.1:${from.envoy.port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("x-mesh-destination", "grpc");
  const messages: string[] = [];
  const bytes = (value: Buffer) => value;
  try {
    const call = client.makeServerStreamRequest(
      `/test.Feed/${method}`,
      bytes,
      bytes,
      Buffer.from(""),
      metadata,
    );
    const code = await new Promise<number>((resolve) => {
      call.on("data", (message: Buffer) => messages.push(String(message)));
      call.on("error", (error: ServiceError) => resolve(error.code));
      call.on("status", (status) => resolve(status.code));
    });
    return { code, messages };
  } finally {
    client.close();
  }
}

describe.each(["listener", "cluster"] as const)("in the chain of a %s", (chain) => {
  const place = () => (chain === "listener" ? fault : attempts);
  const spoil = (response: NonNullable<FaultRule["response"]>) =>
    place().rules({ name: `broken-${++rules}`, response });

  test("a gRPC stream fails after so many messages", async () => {
    await spoil({ afterMessages: 3 });
    const first = ["message 1", "message 2", "message 3"];
    expect(await feed(place(), "Five")).toEqual({ code: 14, messages: first });
    await spoil({ afterMessages: 3, grpcStatus: 8 });
    expect(await feed(place(), "Five")).toEqual({ code: 8, messages: first });
  });

  test("a gRPC stream with fewer messages ends well", async () => {
    await spoil({ afterMessages: 5, reset: true });
    expect(await feed(place(), "Five")).toMatchObject({ code: 0, messages: { length: 5 } });
  });

  test("a gRPC stream that never ends is reset after so many messages", async () => {
    await spoil({ afterMessages: 2, reset: true });
    const { code, messages } = await feed(place(), "Endless");
    expect(messages).toEqual(["message 1", "message 2"]);
    expect(code).not.toBe(0);
  });

  test("a message larger than a piece is one message", async () => {
    await spoil({ afterMessages: 1 });
    expect(await feed(place(), "Large")).toMatchObject({ code: 14, messages: { length: 1 } });
  });

  describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
    const headers: HeaderList = protocol === "http2" ? [["x-mesh-destination", "second"]] : [];
    const get = (path = "/") => send(place().envoy.url, { path, protocol, headers });

    test("a response is reset after so many bytes, which arrive", async () => {
      await spoil({ truncateAfter: 5500, reset: true });
      const answer = await get();
      expect(answer).toMatchObject({ status: 200, end: "reset" });
      expect(answer.body).toBe("x".repeat(5500));
    });

    test("a short response whose end is cut off is reset, and does not end", async () => {
      await spoil({ truncateAfter: 1, reset: true });
      expect(await get("/short")).toMatchObject({ end: "reset" });
    });

    test("a response with all its bytes ends as it is", async () => {
      await spoil({ truncateAfter: 2, reset: true });
      expect(await get("/short")).toMatchObject({ status: 200, body: "ab", end: "whole" });
    });

    test("a slow response is reset when its last byte is due", async () => {
      await spoil({ truncateAfter: 2000, bytesPerSecond: 10_000, reset: true });
      const before = performance.now();
      const answer = await get();
      expect(performance.now() - before).toBeGreaterThan(195);
      expect(answer.end).toBe("reset");
      // Bytes that wait beside the end of the response go with it.
      expect("x".repeat(2000).startsWith(answer.body)).toBe(true);
    });

    test("messages are not counted in what is no gRPC response", async () => {
      await spoil({ afterMessages: 0, reset: true });
      expect(await get("/short")).toMatchObject({ status: 200, body: "ab", end: "whole" });
    });
  });

  test("no trap has ended a VM", () => place().expectAlive());
});
