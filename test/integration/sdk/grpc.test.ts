// gRPC calls to other services in stock Envoy, through a probe filter that does what a request
// header says.

import { mkdtemp, rm } from "node:fs/promises";
import http from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startGrpcUpstream, type UpstreamGrpcCall } from "../../../kit/envoy/grpc-upstream.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import { compileProbe } from "../../support/compile-probe.js";

let folder: string;
let upstream: Upstream;
let grpc: Upstream;
let envoy: TestEnvoy;

/** How the clients' side of streams ended, as the gRPC server saw it. */
const endings: string[] = [];

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "meshwright-grpc-"));
  const module = path.join(folder, "probe.wasm");
  await compileProbe("test/probes/calls/index.ts", module);
  upstream = await startUpstream();
  grpc = await startGrpcUpstream(GRPC_METHODS);
  envoy = await startEnvoy({
    filters: [{ name: "probe", module }],
    upstreams: {
      upstream,
      grpc,
      // Read as a protocol buffer, this name is a message: one unknown field of four bytes.
      users: grpc,
      // No server listens on the port of TCP's multiplexer.
      dead: { ...grpc, port: 1 },
    },
    workers: 1,
  });
});

afterAll(async () => {
  await envoy?.[Symbol.asyncDispose]();
  for (const server of [upstream, grpc]) await server?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function echo(call: UpstreamGrpcCall): Promise<void> {
  call.begin({ "x-initial": call.metadata.find(([name]) => name === "x-metadata")?.[1] ?? "none" });
  try {
    for await (const message of call.messages) call.send(message);
    call.end(0, "all of it", { "x-trailing": "1" });
  } catch {
    endings.push("reset");
  }
}

async function say(call: UpstreamGrpcCall): Promise<void> {
  for await (const message of call.messages) call.send(`${message} to ${call.metadata.length > 5}`);
  call.end(0);
}

const GRPC_METHODS = {
  "/test.Echo/Echo": echo,
  "/test.Echo/Say": say,
  "/test.Echo/Fail": (call: UpstreamGrpcCall) => call.end(7, "not for you"),
  "/test.Echo/NoMessage": (call: UpstreamGrpcCall) => {
    call.begin();
    call.end(0);
  },
  "/test.Echo/Break": (call: UpstreamGrpcCall) => {
    call.begin();
    call.send("one");
    setImmediate(() => call.reset());
  },
  "/test.Echo/Silent": async (call: UpstreamGrpcCall) => {
    try {
      for await (const _ of call.messages);
    } catch {
      endings.push("silent reset");
    }
  },
};

type Headers = Readonly<Record<string, string>>;

async function saw(command: string, headers: Headers = {}): Promise<string | undefined> {
  const response = await send(envoy.url, { headers: Object.entries({ "x-do": command, ...headers }) });
  return response.header("x-saw");
}

const unary = (method: string, headers: Headers = {}) =>
  saw("grpc-unary", { "x-cluster": "grpc", "x-method": method, "x-message": "hi", ...headers });
const stream = (command: string, method: string) => saw(command, { "x-cluster": "grpc", "x-method": method });

describe("a gRPC call", () => {
  test("sends one message with initial metadata, and delivers one", async () => {
    expect(await unary("Say")).toBe("response 10 hi to true");
    const seen = grpc.requests.at(-1);
    expect(seen?.path).toBe("/test.Echo/Say");
    expect(seen?.headers).toContainEqual(["x-metadata", "sent"]);
  });

  test("sends and receives an empty message", async () => {
    expect(await unary("Echo", { "x-message": "" })).toBe("response 0");
  });

  test("reports the server's status and message", async () => {
    expect(await unary("Fail")).toBe("failure 7 not for you");
    expect(await unary("Nowhere")).toMatch(/^failure 12 no method/);
  });

  test("fails when a server ends without an error and without a message", async () => {
    expect(await unary("NoMessage")).toBe("failure 13");
  });

  test("tells a timeout from a server that cannot be reached", async () => {
    expect(await unary("Silent", { "x-timeout": "30" })).toMatch(/^failure 4 /);
    expect(await unary("Say", { "x-cluster": "dead" })).toMatch(/^failure 14 .*connection failure/);
  });

  test("fails when the stream breaks", async () => {
    expect(await unary("Break")).toMatch(/^failure (13|14) /);
  });

  test("does not call the handler of a cancelled call", async () => {
    expect(await saw("grpc-cancel", { "x-cluster": "grpc", "x-method": "Silent" })).toBe(
      "called 0 pending false",
    );
  });

  test("is refused with a status when there is no such cluster", async () => {
    expect(await unary("Say", { "x-cluster": "nowhere" })).toMatch(/^status \d+$/);
  });

  test("accepts a cluster whose name could be read as a message", async () => {
    expect(await unary("Say", { "x-cluster": "users" })).toBe("response 10 hi to true");
  });
});

describe("a gRPC stream", () => {
  test("carries metadata and messages both ways, also empty ones, to its end", async () => {
    expect(await stream("grpc-stream-three", "Echo")).toBe(
      "initial sent message 2 m1 message 0  message 2 m3 trailing 1 close 0 all of it late 11",
    );
  });

  test("sends in answer to what arrives", async () => {
    expect(await stream("grpc-stream-chat", "Echo")).toBe(
      "initial sent message 2 m1 message 2 m2 message 2 m3 trailing 1 close 0 all of it late 11",
    );
  });

  test("ends when the server ends it while this side could still send", async () => {
    expect(await stream("grpc-stream", "Fail")).toMatch(/close 7 not for you late 11$/);
  });

  test("ends when it breaks", async () => {
    expect(await stream("grpc-stream", "Break")).toMatch(/message 3 one.* close (13|14) .*late 11$/);
  });

  test("ends when no server can be reached", async () => {
    expect(await saw("grpc-stream", { "x-cluster": "dead", "x-method": "Echo" })).toMatch(
      /close 14 .*late 11$/,
    );
  });

  test("can be cancelled by its own message handler", async () => {
    endings.length = 0;
    expect(await stream("grpc-stream-cancel", "Echo")).toBe("cancelled pending false 1");
    await expect.poll(() => endings).toEqual(["reset"]);
  });

  test("is cancelled when the client's stream ends first", async () => {
    endings.length = 0;
    const headers = { "x-do": "grpc-stream", "x-cluster": "grpc", "x-method": "Silent" };
    const request = http.get(envoy.url, { headers, agent: false });
    request.on("error", () => {});
    const seen = grpc.requests.length;
    await expect.poll(() => grpc.requests.length).toBe(seen + 1);
    request.destroy();
    await expect.poll(() => endings).toEqual(["silent reset"]);
    expect(await unary("Say")).toBe("response 10 hi to true");
  });

  test("leaves a proxy that serves on", async () => {
    const rounds = Array.from({ length: 100 }, (_, i) =>
      stream("grpc-stream", i % 2 === 0 ? "Fail" : "Break"),
    );
    for (const said of await Promise.all(rounds)) expect(said).toMatch(/late 11$/);
    expect(await stream("grpc-stream-three", "Echo")).toMatch(/close 0/);
    expect(envoy.logs()).not.toMatch(/Wasm VM failed|Caught .*signal/);
  });
});

describe("gRPC calls and streams", () => {
  test("leave no memory behind", async () => {
    const round = async (times: number) => {
      for (let i = 0; i < times; i++) {
        await Promise.all([
          unary("Say"),
          unary("Fail"),
          stream("grpc-stream-three", "Echo"),
          stream("grpc-stream-cancel", "Echo"),
        ]);
      }
    };
    await round(100);
    const pages = await saw("pages");
    await round(400);
    expect(await saw("pages")).toBe(pages);
  });
});
