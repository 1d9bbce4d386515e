// What clients may send in a gRPC call that is aborted after so many messages, in stock Envoy:
// messages cut anywhere, sizes that are lies, calls that are none, and clients that leave.

import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { send } from "../../../kit/envoy/client.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { ClientRequest } from "../../../kit/traffic.js";
import { type FaultEnvoy, type FaultRule, startFaultEnvoy } from "./fault-envoy.js";
import { type Service, startService, talk } from "./talk.js";

/** A message with its prefix. */
function message(size: number, { flag = 0, claim = size } = {}): Buffer {
  const frame = Buffer.alloc(5 + size, 0xff);
  frame.writeUInt8(flag, 0);
  frame.writeUInt32BE(claim, 1);
  return frame;
}

const THREE = Buffer.concat([message(3), message(0), message(300)]);
const inPieces = (body: Buffer, size: number) =>
  Array.from({ length: Math.ceil(body.length / size) }, (_, i) => body.subarray(i * size, (i + 1) * size));

let service: Service;
let listener: FaultEnvoy;
let cluster: FaultEnvoy;
let rules = 0;

beforeAll(async () => {
  service = await startService();
  const upstreams = { grpc: service.upstream };
  const upstream = { respond: () => ({ body: "served" }) };
  [listener, cluster] = await Promise.all([
    startFaultEnvoy({ upstream, upstreams, workers: 2 }),
    startFaultEnvoy({ where: "upstream", upstream, upstreams, workers: 2 }),
  ]);
});

afterAll(async () => {
  for (const part of [listener, cluster, service?.upstream]) await part?.[Symbol.asyncDispose]();
});

describe.each(["listener", "cluster"] as const)("in the chain of a %s", (chain) => {
  const place = () => (chain === "listener" ? listener : cluster);
  beforeEach(() => showLogsOnFailure(place().envoy));

  /** Puts a rule in force that aborts after so many messages, and returns its name. */
  async function after(afterMessages: number, more: Partial<FaultRule> = {}): Promise<string> {
    const name = `after-${++rules}`;
    await place().rules({ name, abort: { grpcStatus: 8, afterMessages }, ...more });
    return name;
  }

  describe.each(["http1", "http2"] as const)("over %s", (protocol) => {
    const call = (body: ClientRequest["body"], type = "application/grpc") =>
      send(place().envoy.url, {
        method: "POST",
        protocol,
        headers: [
          ["content-type", type],
          ["te", "trailers"],
        ],
        ...(body === undefined ? {} : { body }),
      });
    const ABORTED = { status: 200, body: "" };
    const SERVED = { status: 200, body: "served" };

    test.each([1, 2, 4, 5, 6, 100, 1000])("messages in pieces of %i bytes are counted", async (size) => {
      const name = await after(3);
      const answer = await call(inPieces(THREE, size));
      expect(answer).toMatchObject(ABORTED);
      expect(answer.header("grpc-status")).toBe("8");
      expect(await place().outcomes(name)).toEqual({ armed: 1, aborted: 1 });
    });

    test.each<[string, ClientRequest["body"]]>([
      ["no body", undefined],
      ["an empty body", ""],
      ["two messages", Buffer.concat([message(3), message(0)])],
      ["a prefix that breaks off", Buffer.concat([message(3), message(0), message(0).subarray(0, 4)])],
      ["a message that breaks off", Buffer.concat([message(3), message(0), message(9, { claim: 10 })])],
      ["a size of 2^31", Buffer.concat([message(1), message(5000, { claim: 2 ** 31 }), message(1)])],
      ["the largest size", Buffer.concat([message(1), message(5000, { claim: 2 ** 32 - 1 }), message(1)])],
    ])("%s is fewer than three", async (_, body) => {
      const name = await after(3);
      expect(await call(body)).toMatchObject(SERVED);
      expect(await place().outcomes(name)).toEqual({ armed: 1 });
      await expect.poll(() => place().active(name)).toBe(0);
    });

    test("compressed messages, and flags that nobody knows, count as others do", async () => {
      await after(2);
      const body = [message(3, { flag: 1 }), message(3, { flag: 0xff })];
      expect((await call(body)).header("grpc-status")).toBe("8");
    });

    test("a message of a megabyte is one", async () => {
      const name = await after(2);
      expect(await call(message(1_000_000))).toMatchObject(SERVED);
      const two = Buffer.concat([message(500_000), message(200_000)]);
      expect((await call(two)).header("grpc-status")).toBe("8");
      expect(await place().outcomes(name)).toEqual({ armed: 2, aborted: 1 });
    });

    test.each(["text/plain", "application/grpc-web", "application/grpc-web-text", "application/grpc;x=y"])(
      "a request of the type %s is none of the rule's",
      async (type) => {
        const name = await after(1);
        expect(await call(THREE, type)).toMatchObject(SERVED);
        expect(await place().outcomes(name)).toEqual({});
      },
    );

    test("a shadow rule counts the call, and none of its messages", async () => {
      const name = await after(1, { shadow: true });
      expect(await call(THREE)).toMatchObject(SERVED);
      expect(await place().outcomes(name)).toEqual({ "shadow-armed": 1 });
    });

    test("messages that came while the call was delayed are counted", async () => {
      await after(3, { delay: { fixed: "60ms" } });
      expect((await call(inPieces(THREE, 7))).header("grpc-status")).toBe("8");
    });
  });

  test("a conversation over HTTP/2 is reset once it is answered, and no more is sent", async () => {
    const name = await after(2);
    const said = await talk(place().envoy, "Echo", ["one", "two", "three"]);
    expect(said).toMatchObject({ messages: ["one"] });
    expect([1, 13, 14]).toContain(said.code);
    expect(await place().outcomes(name)).toEqual({ armed: 1, aborted: 1 });
  });

  test("a conversation over HTTP/1.1 ends with its connection", async () => {
    const name = await after(2);
    const call = http.request(`${place().envoy.url}/test.Talk/Echo`, {
      method: "POST",
      agent: false,
      headers: { "content-type": "application/grpc", "x-mesh-destination": "grpc" },
    });
    call.on("error", () => {});
    call.write(message(1));
    const [answer] = (await once(call, "response")) as [http.IncomingMessage];
    const [echo] = (await once(answer, "data")) as [Buffer];
    expect(echo).toEqual(message(1));
    const broken = once(answer, "error");
    call.write(message(2));
    expect(await broken).toMatchObject([{ code: "ECONNRESET" }]);
    expect(await place().outcomes(name)).toEqual({ armed: 1, aborted: 1 });
    await expect.poll(() => place().active(name)).toBe(0);
  });

  test("a call that is answered before it was read ends as the server says", async () => {
    await after(500);
    const many = Array.from({ length: 1000 }, (_, i) => `message ${i}`);
    for (let i = 0; i < 20; i++) await talk(place().envoy, "Hasty", many);
    expect(await talk(place().envoy, "Collect", ["one"])).toMatchObject({ code: 0 });
  });

  test("clients that leave at any moment leave nothing behind", async () => {
    const name = await after(3);
    const session = http2.connect(place().envoy.url);
    session.on("error", () => {});
    const headers = {
      ":method": "POST",
      ":path": "/test.Talk/Echo",
      "content-type": "application/grpc",
      "x-mesh-destination": "grpc",
    };
    for (let pieces = 0; pieces <= 8; pieces++) {
      const stream = session.request(headers);
      stream.on("error", () => {});
      for (const piece of inPieces(THREE, 50).slice(0, pieces)) stream.write(piece);
      await new Promise((resolve) => setTimeout(resolve, pieces));
      stream.close(http2.constants.NGHTTP2_CANCEL);
    }
    session.close();
    await expect.poll(() => place().active(name)).toBe(0);
  });

  test("many conversations at once are all broken off", async () => {
    const name = await after(3);
    const all = Array.from({ length: 50 }, () => talk(place().envoy, "Echo", ["1", "2", "3", "4"]));
    for (const { messages, code } of await Promise.all(all)) {
      expect(messages).toEqual(["1", "2"]);
      expect(code).not.toBe(0);
    }
    expect(await place().outcomes(name)).toEqual({ armed: 50, aborted: 50 });
    await expect.poll(() => place().active(name)).toBe(0);
  });

  test("no trap has ended a VM", () => place().expectAlive());
});
