// One stream: what was decided for it, and how far it has got.

import {
  Bytes,
  CallProtocol,
  FilterDataStatus,
  FilterHeadersStatus,
  FilterTrailersStatus,
  GrpcStatus,
  HttpContext,
  LifeSpan,
  Reply,
  RootContext,
  requestBody,
  requestHeaders,
  requestProtocol,
  responseHeaders,
  Status,
  setEnvoyFilterState,
  Task,
  Timer,
} from "../../assembly";
import { Encounter } from "./encounter";
import { FaultEngine } from "./engine";
import { MessageMeter } from "./message-meter";
import { ResponseSpoiler } from "./spoiler";
import { FAULT_MESSAGE } from "./statuses";

const UPGRADE = Bytes.of("upgrade");
/** The names that Envoy expects in the upstream's certificate, for this request alone. */
const EXPECTED_NAMES = Bytes.of("envoy.network.upstream_subject_alt_names");
const NOTHING = Bytes.owned(0);
const GATEWAY_TIMEOUT: u32 = 504;
/** The end of a black hole that has one. */
const TIMED_OUT = new Reply(GATEWAY_TIMEOUT, GrpcStatus.DeadlineExceeded, NOTHING, null, [], FAULT_MESSAGE);
/**
 * Timers are never early, and Envoy ticks on a clock of 4 ms steps. With half a step less a delay
 * is as often too short as too long; without it the median delay would be 2 ms too long.
 */
const HALF_TICK_MS: i32 = 2;
/** A reset at once would take the bytes with it that pass before it. */
const RESET_AFTER_MS: u32 = 5;

/** What a stream waits for. */
enum Waiting {
  Nothing,
  /** The end of a delay. */
  Delay,
  /** The limit of a black hole. */
  BlackHole,
  /** The rate of a body. */
  Body,
  /** The time in which the bytes before a reset leave Envoy. */
  Reset,
}

/** What becomes of a request now. */
enum Step {
  GoesOn,
  Answered,
  Held,
}

/** The timer of a stream, made once for all the streams that its context serves. */
@final
class Waker extends Task {
  constructor(private readonly stream: FaultStream) {
    super();
  }

  run(): void {
    this.stream.onTimer();
  }
}

@final
export class FaultStream extends HttpContext {
  private readonly waker: Waker = new Waker(this);
  private readonly encounter: Encounter = new Encounter();
  private readonly spoiler: ResponseSpoiler = new ResponseSpoiler();

  private waiting: Waiting = Waiting.Nothing;
  private timer: Timer | null = null;
  /** The messages of the request, while they are counted. */
  private readonly messages: MessageMeter = new MessageMeter();
  /** The abort comes after so many messages. */
  private counts: bool = false;
  /** Something has begun to answer. */
  private begun: bool = false;
  /** The response is replaced or spoilt. */
  private spoils: bool = false;
  /** The upstream's response has come to its end. */
  private ended: bool = false;

  /** @param root has the timers */
  constructor(
    private readonly root: RootContext,
    private readonly engine: FaultEngine,
  ) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (!this.encounter.decide(this.engine)) return FilterHeadersStatus.Continue;
    const delayMs = this.encounter.delayMs;
    if (delayMs <= 0) return statusOf(this.proceed());
    this.wait(Waiting.Delay, max(1, delayMs - HALF_TICK_MS));
    return FilterHeadersStatus.StopAllIterationAndWatermark;
  }

  override onRequestBody(size: u32, endOfStream: bool): FilterDataStatus {
    // What is to be reset needs no more bytes.
    if (this.isBreaking) return FilterDataStatus.StopIterationNoBuffer;
    if (!this.counts || this.messages.skip(size)) return FilterDataStatus.Continue;
    const piece = size > 0 ? requestBody.read(0, size) : null;
    if (piece) this.messages.admit(piece);
    return this.messages.isFull ? this.abortCall() : FilterDataStatus.Continue;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const engine = this.encounter.engine;
    if (!engine) return FilterHeadersStatus.Continue;
    // Something else has answered a request that is held here: a limit of Envoy, or another filter.
    if (this.waiting != Waiting.Nothing) this.stopWaiting();
    this.begun = true;
    if (this.spoils) this.spoiler.onHeaders(endOfStream);
    const explainHeader = engine.config.explainHeader;
    if (explainHeader) this.encounter.explanation.writeTo(responseHeaders, explainHeader);
    return FilterHeadersStatus.Continue;
  }

  override onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    if (this.isBreaking) return FilterDataStatus.StopIterationAndWatermark;
    if (!this.spoils) return FilterDataStatus.Continue;
    if (endOfStream) this.ended = true;
    const earlyMs = this.spoiler.onBody(size);
    // Held bytes wait for everything that has arrived since, or all of it would go on too early.
    if (this.waiting == Waiting.Body) return FilterDataStatus.StopIterationAndWatermark;
    if (earlyMs > 0) {
      this.wait(Waiting.Body, earlyMs);
      return FilterDataStatus.StopIterationAndWatermark;
    }
    if (!this.spoiler.mustReset) return FilterDataStatus.Continue;
    this.resetSoon();
    // The end of the response must not come before the reset.
    return endOfStream ? FilterDataStatus.StopIterationAndWatermark : FilterDataStatus.Continue;
  }

  override onResponseTrailers(trailers: u32): FilterTrailersStatus {
    if (this.isBreaking) return FilterTrailersStatus.StopIteration;
    if (!this.spoils) return FilterTrailersStatus.Continue;
    this.ended = true;
    this.spoiler.onTrailers();
    const holds = this.waiting == Waiting.Body || this.waiting == Waiting.Reset;
    return holds ? FilterTrailersStatus.StopIteration : FilterTrailersStatus.Continue;
  }

  override onRecycle(): bool {
    this.stopWaiting();
    this.encounter.clear();
    this.spoiler.clear();
    this.counts = false;
    this.begun = false;
    this.spoils = false;
    this.ended = false;
    return true;
  }

  /** The timer of this stream has fired. */
  onTimer(): void {
    const waiting = this.waiting;
    this.waiting = Waiting.Nothing;
    this.timer = null;
    if (this.activate() != Status.Ok) return;
    switch (waiting) {
      case Waiting.Delay:
        if (this.proceed() == Step.GoesOn) this.resumeRequest();
        break;
      case Waiting.BlackHole:
        this.endBlackHole();
        break;
      case Waiting.Body:
        this.releaseBody();
        break;
      case Waiting.Reset:
        this.reset();
        break;
    }
  }

  /** Continues after the delay. */
  private proceed(): Step {
    const abort = this.encounter.abort;
    const rule = this.encounter.rule;
    if (rule && rule.countsMessages) return this.count(rule.abortAfter);
    if (abort) return this.answer(abort);
    if (rule && rule.blackHole) {
      if (rule.limitMs > 0) this.wait(Waiting.BlackHole, rule.limitMs);
      return Step.Held;
    }
    const expectedName = rule ? rule.expectedName : null;
    if (expectedName) setEnvoyFilterState(EXPECTED_NAMES, expectedName, LifeSpan.FilterChain);
    const response = rule ? rule.response : null;
    if (response) {
      this.spoiler.spoil(response);
      this.spoils = true;
    } else {
      this.encounter.end();
    }
    return Step.GoesOn;
  }

  private count(messages: u32): Step {
    this.messages.begin(messages);
    this.counts = true;
    return Step.GoesOn;
  }

  /** The last message that passes is whole. */
  private abortCall(): FilterDataStatus {
    this.counts = false;
    const engine = this.encounter.engine;
    const metrics = this.encounter.metrics;
    const abort = this.encounter.abort;
    if (!engine || !metrics || !abort) return FilterDataStatus.Continue;
    this.encounter.reachAbort();
    // No filter can end a response that has begun, but it can break it off.
    if (this.begun) {
      this.resetSoon();
      return FilterDataStatus.StopIterationNoBuffer;
    }
    if (engine.config.upstream) {
      this.spoiler.replaceWith(abort, CallProtocol.Grpc);
      this.spoils = true;
      return FilterDataStatus.Continue;
    }
    this.encounter.end();
    this.send(abort, CallProtocol.Grpc, metrics.abortDetails, engine);
    return FilterDataStatus.StopIterationNoBuffer;
  }

  /** The call was aborted after its response had begun: it is to be reset. */
  private get isBreaking(): bool {
    return this.waiting == Waiting.Reset && !this.spoils;
  }

  private answer(abort: Reply): Step {
    const engine = this.encounter.engine;
    const metrics = this.encounter.metrics;
    if (!engine || !metrics) return Step.GoesOn;
    // The router retries responses, but a local reply from here ends the request. A request that
    // changes to another protocol is not retried, and has no end to wait for.
    if (engine.config.upstream && !requestHeaders.get(UPGRADE)) {
      this.spoiler.replaceWith(abort, requestProtocol());
      this.spoils = true;
      return Step.GoesOn;
    }
    this.encounter.end();
    this.send(abort, requestProtocol(), metrics.abortDetails, engine);
    return Step.Answered;
  }

  private endBlackHole(): void {
    const engine = this.encounter.engine;
    const metrics = this.encounter.metrics;
    if (!engine || !metrics) return;
    this.send(TIMED_OUT, requestProtocol(), metrics.blackHoleDetails, engine);
  }

  private send(reply: Reply, protocol: CallProtocol, details: Bytes, engine: FaultEngine): void {
    const explanation = this.encounter.explanation.text();
    reply.send(protocol, details, NOTHING, replyExplainHeader(engine), explanation);
  }

  private releaseBody(): void {
    const earlyMs = this.spoiler.earlyByMs();
    if (earlyMs > 0) {
      this.wait(Waiting.Body, earlyMs);
    } else {
      this.letGo();
    }
  }

  /** A held end would go on with the bytes, so that a reset takes both. */
  private letGo(): void {
    const resets = this.spoiler.mustReset;
    if (resets) this.resetSoon();
    if (!resets || !this.ended) this.resumeResponse();
  }

  private resetSoon(): void {
    if (this.waiting != Waiting.Reset) this.wait(Waiting.Reset, RESET_AFTER_MS);
  }

  private wait(what: Waiting, ms: u32): void {
    this.waiting = what;
    this.timer = this.root.after(ms, this.waker);
  }

  private stopWaiting(): void {
    const timer = this.timer;
    if (timer) timer.cancel();
    this.timer = null;
    this.waiting = Waiting.Nothing;
  }
}

/**
 * The header that a local reply must carry itself: in a cluster's chain the filter never sees its
 * own reply.
 */
function replyExplainHeader(engine: FaultEngine): Bytes | null {
  return engine.config.upstream ? engine.config.explainHeader : null;
}

function statusOf(step: Step): FilterHeadersStatus {
  switch (step) {
    case Step.GoesOn:
      return FilterHeadersStatus.Continue;
    case Step.Answered:
      return FilterHeadersStatus.StopIteration;
    default:
      return FilterHeadersStatus.StopAllIterationAndWatermark;
  }
}
