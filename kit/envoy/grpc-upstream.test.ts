// The gRPC upstream alone: how its methods end a call, and how they break one off.

import { expect, test } from "vitest";
import { send } from "./client.js";
import { type GrpcMethod, startGrpcUpstream } from "./grpc-upstream.js";

const METHODS: Readonly<Record<string, GrpcMethod>> = {
  "/test.Echo/Say": async (call) => {
    for await (const message of call.messages) call.send(message);
    call.end(0, "", { "x-late": "1" });
  },
  "/test.Echo/Throws": () => {
    throw new Error("no such word");
  },
  "/test.Echo/Rejects": () => Promise.reject(new Error("no such word")),
  "/test.Echo/Resets": (call) => call.reset(),
  "/test.Echo/ResetsLate": (call) => {
    call.send("so far");
    call.reset();
  },
};

async function call(path: string) {
  await using upstream = await startGrpcUpstream(METHODS);
  const options = { protocol: "http2", path, body: Buffer.from("\0\0\0\0\x02hi", "latin1") } as const;
  return await send(`http://127.0.0.1:${upstream.port}`, options);
}

test("a method answers with messages and trailers", async () => {
  const response = await call("/test.Echo/Say");
  expect(response).toMatchObject({ status: 200, body: "\0\0\0\0\x02hi", end: "whole" });
  expect(response.trailers).toContainEqual(["grpc-status", "0"]);
  expect(response.trailers).toContainEqual(["x-late", "1"]);
});

test.each(["Throws", "Rejects"])("a method that fails ends the call with status 13: %s", async (name) => {
  const response = await call(`/test.Echo/${name}`);
  expect(response.header("grpc-status")).toBe("13");
  expect(decodeURIComponent(response.header("grpc-message") ?? "")).toContain("no such word");
});

test("a call of an unknown method ends with status 12", async () => {
  expect((await call("/test.Echo/None")).header("grpc-status")).toBe("12");
});

test("a method can break the call off, before an answer and within it", async () => {
  expect(await call("/test.Echo/Resets")).toMatchObject({ status: 0, end: "reset" });
  expect(await call("/test.Echo/ResetsLate")).toMatchObject({ end: "reset" });
});
