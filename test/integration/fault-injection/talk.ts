// A gRPC service that listens and answers in several manners, and a real gRPC client that talks to
// it through Envoy, for the tests of calls that are aborted after so many messages.

import { Client, credentials, Metadata, type ServiceError } from "@grpc/grpc-js";
import type { TestEnvoy } from "../../../kit/envoy/envoy.js";
import { type GrpcMethod, startGrpcUpstream } from "../../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../../kit/envoy/upstream.js";

/** What came in at the service, and how each call ended there. */
export interface Heard {
  readonly messages: string[];
  ended: "end" | "reset" | undefined;
}

export interface Service {
  /** Disposing of it ends the service. */
  readonly upstream: Upstream;
  /** The calls so far, the latest last. */
  readonly calls: readonly Heard[];
}

/** Makes a method that notes its messages. */
function noting(calls: Heard[], method: (call: Parameters<GrpcMethod>[0], heard: Heard) => Promise<void>) {
  return async (call: Parameters<GrpcMethod>[0]) => {
    const heard: Heard = { messages: [], ended: undefined };
    calls.push(heard);
    void call.closed.then((end) => {
      heard.ended = end;
    });
    await method(call, heard);
  };
}

export async function startService(): Promise<Service> {
  const calls: Heard[] = [];
  const upstream = await startGrpcUpstream({
    /** Answers when the client has sent all. */
    "/test.Talk/Collect": noting(calls, async (call, heard) => {
      for await (const message of call.messages) heard.messages.push(String(message));
      call.send(`${heard.messages.length} messages`);
      call.end(0);
    }),
    /** Answers each message. */
    "/test.Talk/Echo": noting(calls, async (call, heard) => {
      for await (const message of call.messages) {
        heard.messages.push(String(message));
        call.send(message);
      }
      call.end(0);
    }),
    /** Answers, and reads nothing. */
    "/test.Talk/Hasty": noting(calls, async (call) => {
      call.send("enough");
      call.end(0);
    }),
  });
  return { upstream, calls };
}

/** What a client got. */
export interface Said {
  readonly code: number;
  readonly details: string;
  readonly messages: readonly string[];
}

/**
 * Sends messages to a method of the service. After each it waits for an echo, if the method gives
 * one, and then half-closes.
 */
export async function talk(envoy: TestEnvoy, method: string, messages: readonly string[]): Promise<Said> {
  const client = new Client(`127.0.0.1:${envoy.port}`, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("x-mesh-destination", "grpc");
  const bytes = (value: Buffer) => value;
  const got: string[] = [];
  try {
    const call = client.makeBidiStreamRequest(`/test.Talk/${method}`, bytes, bytes, metadata);
    const ended = new Promise<{ code: number; details: string }>((resolve) => {
      call.on("error", (error: ServiceError) => resolve(error));
      call.on("status", resolve);
    });
    let echoed = () => {};
    call.on("data", (message: Buffer) => {
      got.push(String(message));
      echoed();
    });
    for (const message of messages) {
      const echo = new Promise<void>((resolve) => {
        echoed = resolve;
      });
      call.write(Buffer.from(message));
      if (method === "Echo") await Promise.race([echo, ended]);
    }
    call.end();
    const { code, details } = await ended;
    return { code, details, messages: got };
  } finally {
    client.close();
  }
}
