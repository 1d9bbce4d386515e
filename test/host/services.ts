// Filters' calls to other services, answered by the scripted upstreams of a proxy.

import type { UpstreamResponse } from "../traffic.js";
import type { GrpcCall, HttpCall } from "./call-outs.js";
import { clusterOf } from "./calls/call-outs.js";
import { HeaderMap } from "./header-map.js";
import type { CallServices, Host } from "./host.js";
import type { GrpcAnswer } from "./proxy-options.js";
import type { ResetReason } from "./retry.js";
import { type AnswerSink, play } from "./script.js";
import {
  keep,
  ReceivedRequest,
  resetText,
  type UpstreamSide,
  type Upstreams,
  upstreamNamed,
} from "./upstream-side.js";

const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;
const INTERNAL = 13;

export class Services implements CallServices {
  private readonly http = new Set<HttpCall>();
  private readonly grpc = new Set<GrpcCall>();

  constructor(
    private readonly host: Host,
    private readonly upstreams: Upstreams,
  ) {}

  /** HTTP calls that wait for an answer, the oldest first. */
  get httpCalls(): HttpCall[] {
    return pending(this.http);
  }

  /** gRPC calls and streams that are open, the oldest first. */
  get grpcCalls(): GrpcCall[] {
    return pending(this.grpc);
  }

  onHttpCall(call: HttpCall): void {
    this.http.add(call);
    this.host.post(() => this.answerHttp(call, upstreamNamed(this.upstreams, call.cluster)));
  }

  private answerHttp(call: HttpCall, side: UpstreamSide): void {
    if (!call.isPending) return;
    const sink = new CallSink(call, this.host);
    if (side.isStopped) {
      sink.reset("remote connection failure");
      return;
    }
    const request = receivedCall(call, side);
    keep(side, request);
    const answer = side.respond(request, 1);
    if (answer === undefined) return;
    play(answer, sink, this.host.clock, { protocol: side.protocol, method: request.method });
  }

  onGrpcCall(call: GrpcCall): void {
    this.grpc.add(call);
    this.host.post(() => {
      if (!call.isPending) return;
      const side = upstreamNamed(this.upstreams, clusterOf(call.service));
      if (side.isStopped) call.close(UNAVAILABLE, resetText("remote connection failure", 1));
      else if (call.kind === "unary") this.answerGrpc(call, call.messages[0] ?? Buffer.alloc(0));
    });
  }

  onGrpcMessage(call: GrpcCall, message: Buffer): void {
    this.host.post(() => this.answerGrpc(call, message));
  }

  private answerGrpc(call: GrpcCall, message: Buffer): void {
    const { grpc } = upstreamNamed(this.upstreams, clusterOf(call.service));
    const path = `/${call.serviceName}/${call.method}`;
    if (!call.isPending || Object.keys(grpc).length === 0) return;
    if (!Object.hasOwn(grpc, path)) {
      call.close(UNIMPLEMENTED, `no method ${path}`);
      return;
    }
    const given = grpc[path]?.(message, call.initialMetadata);
    if (given === undefined) return;
    const answer: GrpcAnswer =
      typeof given === "string" || given instanceof Uint8Array ? { messages: [given] } : given;
    const { delayMs = 0 } = answer;
    if (delayMs <= 0) giveGrpc(call, answer);
    else this.host.clock.after(delayMs, () => giveGrpc(call, answer));
  }
}

function pending<C extends { readonly isPending: boolean }>(calls: Set<C>): C[] {
  for (const call of calls) if (!call.isPending) calls.delete(call);
  return [...calls];
}

/** A stream ends with a status, or once the filter sends no more. */
function giveGrpc(call: GrpcCall, answer: GrpcAnswer): void {
  const { messages = [], initialMetadata, trailingMetadata, status, message = "" } = answer;
  const isUnary = call.kind === "unary";
  if (initialMetadata !== undefined) call.sendInitialMetadata(initialMetadata);
  const fails = status !== undefined && status !== 0;
  if (!isUnary || !fails) for (const bytes of messages) call.sendMessage(bytes);
  if (trailingMetadata !== undefined) call.sendTrailingMetadata(trailingMetadata);
  if (fails || (!isUnary && (status === 0 || call.halfClosed))) call.close(status ?? 0, message);
  else if (isUnary && messages.length === 0) call.close(INTERNAL, message);
}

function receivedCall(call: HttpCall, side: UpstreamSide): ReceivedRequest {
  const map = new HeaderMap(call.headers);
  if (map.get(":scheme") === undefined) map.entries.unshift([":scheme", "http"]);
  map.set("x-envoy-internal", "true");
  if (call.timeoutMs > 0) map.set("x-envoy-expected-rq-timeout-ms", `${call.timeoutMs}`);
  const request = new ReceivedRequest(map, call.body.length === 0, side.protocol);
  if (call.body.length > 0) request.pieces.push(call.body);
  request.trailers = side.protocol === "http2" ? call.trailers : [];
  request.isWhole = true;
  return request;
}

/** Gathers an answer: a filter is told of the whole of it. */
class CallSink implements AnswerSink {
  private map: HeaderMap | undefined;
  private readonly pieces: Buffer[] = [];

  constructor(
    private readonly call: HttpCall,
    private readonly host: Host,
  ) {}

  get isOver(): boolean {
    return !this.call.isPending;
  }

  responseHeaders(map: HeaderMap, end: boolean): void {
    map.set("x-envoy-upstream-service-time", `${Math.round(this.host.clock.elapsedMs - this.call.madeAtMs)}`);
    this.map = map;
    if (end) this.respond();
  }

  responseData(bytes: Buffer, end: boolean): void {
    this.pieces.push(bytes);
    if (end) this.respond();
  }

  responseTrailers(map: HeaderMap): void {
    this.respond(map);
  }

  reset(reason: ResetReason): void {
    if (this.map !== undefined) {
      this.call.fail();
      return;
    }
    const body = resetText(reason, 1);
    const headers: UpstreamResponse["headers"] = [
      [":status", "503"],
      ["content-length", `${body.length}`],
      ["content-type", "text/plain"],
    ];
    this.call.respond({ headers, body });
  }

  settle(): void {
    this.host.settle();
  }

  private respond(trailers?: HeaderMap): void {
    this.call.respond({
      headers: this.map?.entries ?? [],
      body: Buffer.concat(this.pieces),
      ...(trailers === undefined ? {} : { trailers: trailers.entries }),
    });
  }
}
