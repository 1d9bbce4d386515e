// A rate limit service to stand beside Envoy in a test. It speaks the real one's protocol, and
// answers whatever the test says, including nonsense.

import { setTimeout as sleep } from "node:timers/promises";
import { startGrpcUpstream, type UpstreamGrpcCall } from "../../kit/envoy/grpc-upstream.js";
import type { Upstream } from "../../kit/envoy/upstream.js";
import {
  decodeQuestion,
  encodeVerdict,
  type LimitQuestion,
  type LimitVerdict,
} from "./rate-limit-messages.js";

/** What the service does with a question, apart from answering it. */
export interface LimitReply extends LimitVerdict {
  /** How long it waits first, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** Bytes that are sent instead of a verdict. */
  readonly raw?: Uint8Array;
  /** Ends the call with this gRPC status and no answer. */
  readonly status?: number;
  /**
   * `reset` breaks the call off, `reset-in-answer` does so after a part of the answer, `never`
   * leaves it open.
   */
  readonly fault?: "reset" | "reset-in-answer" | "never";
}

export type LimitRespond = (question: LimitQuestion) => LimitReply | Promise<LimitReply>;

export interface RateLimitService extends Upstream {
  /** Every question so far, the oldest first. */
  readonly questions: readonly LimitQuestion[];
  /** How many calls their clients gave up. */
  readonly cancelled: number;
  /** Its answers from now on. */
  respond: LimitRespond;
}

const METHOD = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/** Starts a service on a free port. By default it lets everything pass. */
export async function startRateLimitService(respond: LimitRespond = allow): Promise<RateLimitService> {
  const questions: LimitQuestion[] = [];
  const state = { respond, cancelled: 0 };
  const shouldRateLimit = async (call: UpstreamGrpcCall): Promise<void> => {
    let isOurs = false;
    call.closed.then((end) => {
      if (end === "reset" && !isOurs) state.cancelled++;
    });
    for await (const message of call.messages) {
      const question = decodeQuestion(message);
      questions.push(question);
      const reply = await state.respond(question);
      isOurs = reply.fault?.startsWith("reset") ?? false;
      await answer(call, reply);
    }
  };
  const upstream = await startGrpcUpstream({ [METHOD]: shouldRateLimit }, { name: "rate-limit-service" });
  return Object.defineProperties(upstream, {
    questions: { value: questions },
    cancelled: { get: () => state.cancelled },
    respond: {
      get: () => state.respond,
      set: (next: LimitRespond) => {
        state.respond = next;
      },
    },
  }) as RateLimitService;
}

async function answer(call: UpstreamGrpcCall, reply: LimitReply): Promise<void> {
  const { delayMs = 0, raw, status, fault } = reply;
  if (delayMs > 0) await sleep(delayMs);
  if (fault === "reset") return call.reset();
  if (status !== undefined) return call.end(status, "no answer");
  if (fault === "never") return;
  if (fault === "reset-in-answer") {
    call.begin();
    return void setImmediate(() => call.reset());
  }
  call.send(Buffer.from(raw ?? encodeVerdict(reply)));
  call.end(0);
}

/** Lets everything pass. */
export function allow({ descriptors }: LimitQuestion): LimitVerdict {
  return { statuses: descriptors.map(() => ({})) };
}

/**
 * Lets this many hits of each key pass and then no more, as the real service does within a window.
 * @param resetSeconds the seconds until the window's end, asked again for each answer
 */
export function countingTo(limit: number, resetSeconds: () => number = () => 0): LimitRespond {
  const hits = new Map<string, number>();
  return ({ descriptors, hitsAddend }) => ({
    statuses: descriptors.map((descriptor) => {
      const key = JSON.stringify(descriptor.entries);
      const now = (hits.get(key) ?? 0) + (descriptor.hitsAddend ?? Math.max(1, hitsAddend));
      hits.set(key, now);
      return {
        over: now > limit,
        limit: { requestsPerUnit: limit, unit: "minute" },
        remaining: Math.max(0, limit - now),
        resetSeconds: resetSeconds(),
      };
    }),
  });
}
