// Filters' calls to other services, which the scripted upstreams of a proxy answer.

import type { HeaderList, UpstreamResponse } from "../traffic.js";
import type { GrpcCall, HttpCall } from "./call-outs.js";
import { clusterOf } from "./calls/call-outs.js";
import { checkAnswer, checkGrpcAnswer } from "./check.js";
import { HeaderMap } from "./header-map.js";
import type { CallServices, Host } from "./host.js";
import type { GrpcAnswer } from "./proxy-options.js";
import type { ResetReason } from "./retry.js";
import { type AnswerSink, dateText, play } from "./script.js";
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
  /** The calls that reached their upstream, as requests. */
  private readonly received = new WeakMap<GrpcCall, ReceivedRequest>();
  /** Streams to which the service has answered. */
  private readonly begun = new WeakSet<GrpcCall>();

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
    checkAnswer(side.name, answer);
    play(answer, sink, this.host.clock, { protocol: side.protocol, method: request.method });
  }

  onGrpcCall(call: GrpcCall): void {
    this.grpc.add(call);
    this.host.post(() => {
      if (!call.isPending) return;
      const side = upstreamNamed(this.upstreams, clusterOf(call.service));
      if (side.isStopped) {
        call.close(UNAVAILABLE, resetText("remote connection failure", 1));
        return;
      }
      const request = receivedGrpcCall(call);
      keep(side, request);
      this.received.set(call, request);
      if (call.kind === "unary") this.onGrpcMessage(call, call.messages[0] ?? Buffer.alloc(0));
    });
  }

  onGrpcMessage(call: GrpcCall, message: Buffer): void {
    this.host.post(() => {
      this.received.get(call)?.take(framed(message));
      this.answerGrpc(call, message);
    });
  }

  private answerGrpc(call: GrpcCall, message: Buffer): void {
    const { grpc } = upstreamNamed(this.upstreams, clusterOf(call.service));
    const path = `/${call.serviceName}/${call.method}`;
    if (!call.isPending || Object.keys(grpc).length === 0) return;
    if (!Object.hasOwn(grpc, path)) {
      call.close(UNIMPLEMENTED, viaUpstream(`no method ${path}`));
      return;
    }
    const given = grpc[path]?.(message, call.initialMetadata);
    if (given === undefined) return;
    const answer: GrpcAnswer =
      typeof given === "string" || given instanceof Uint8Array ? { messages: [given] } : given;
    checkGrpcAnswer(path, answer);
    const { delayMs = 0 } = answer;
    if (delayMs === 0) this.giveGrpc(call, answer);
    else this.host.clock.after(delayMs, () => this.giveGrpc(call, answer));
  }

  private giveGrpc(call: GrpcCall, answer: GrpcAnswer): void {
    if (call.kind === "unary") giveUnary(call, answer);
    else {
      if (!this.begun.has(call)) this.beginStream(call, answer);
      giveInStream(call, answer);
    }
  }

  /** A stream's headers come with its first answer. */
  private beginStream(call: GrpcCall, { initialMetadata = [] }: GrpcAnswer): void {
    const { clock } = this.host;
    this.begun.add(call);
    call.sendInitialMetadata([
      [":status", "200"],
      ["content-type", "application/grpc"],
      ...initialMetadata,
      ["date", dateText(clock)],
      ["x-envoy-upstream-service-time", `${Math.round(clock.elapsedMs - call.madeAtMs)}`],
    ]);
  }
}

function pending<C extends { readonly isPending: boolean }>(calls: Set<C>): C[] {
  for (const call of calls) if (!call.isPending) calls.delete(call);
  return [...calls];
}

/** Gives either a message or a failure, never both. */
function giveUnary(call: GrpcCall, { messages = [], status = 0, message = "" }: GrpcAnswer): void {
  if (status !== 0) call.close(status, viaUpstream(message));
  else if (messages[0] === undefined) call.close(INTERNAL, viaUpstream(message));
  else call.sendMessage(messages[0]);
}

/** A stream ends with a status or trailing metadata, or once the filter sends no more. */
function giveInStream(call: GrpcCall, answer: GrpcAnswer): void {
  const { messages = [], trailingMetadata, status, message = "" } = answer;
  for (const bytes of messages) call.sendMessage(bytes);
  if (status === undefined && trailingMetadata === undefined && !call.halfClosed) return;
  const said: HeaderList = message === "" ? [] : [["grpc-message", message]];
  call.sendTrailingMetadata([["grpc-status", `${status ?? 0}`], ...said, ...(trailingMetadata ?? [])]);
  call.close(status ?? 0, viaUpstream(message));
}

/** Envoy appends where the status came from to the message. */
function viaUpstream(message: string): string {
  return message === "" ? "via_upstream" : `${message}{via_upstream}`;
}

function receivedCall(call: HttpCall, side: UpstreamSide): ReceivedRequest {
  const map = new HeaderMap(call.headers);
  if (map.get(":scheme") === undefined) map.entries.unshift([":scheme", "http"]);
  map.set("x-envoy-internal", "true");
  if (call.timeoutMs > 0) map.set("x-envoy-expected-rq-timeout-ms", `${call.timeoutMs}`);
  const request = new ReceivedRequest(map, call.body.length === 0, side.protocol);
  request.take(call.body);
  request.trailers = side.protocol === "http2" ? call.trailers : [];
  request.isWhole = true;
  return request;
}

function receivedGrpcCall({
  kind,
  service,
  serviceName,
  method,
  initialMetadata,
  timeoutMs,
}: GrpcCall): ReceivedRequest {
  const timeout: HeaderList = kind === "unary" ? [["grpc-timeout", `${timeoutMs}m`]] : [];
  const expected: HeaderList = timeoutMs > 0 ? [["x-envoy-expected-rq-timeout-ms", `${timeoutMs}`]] : [];
  const map = new HeaderMap([
    [":method", "POST"],
    [":path", `/${serviceName}/${method}`],
    [":authority", clusterOf(service)],
    [":scheme", "http"],
    ["te", "trailers"],
    ...timeout,
    ["content-type", "application/grpc"],
    ...initialMetadata,
    ["x-envoy-internal", "true"],
    ...expected,
  ]);
  return new ReceivedRequest(map, false, "http2");
}

const PREFIX_BYTES = 5;

/** A message as it goes over the wire: not compressed, its size, its bytes. */
function framed(message: Buffer): Buffer {
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Collects an answer, because a filter gets it only when it is complete. */
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
