// One request: decides on it, and acts.

import {
  Bytes,
  FilterDataStatus,
  FilterHeadersStatus,
  HttpContext,
  requestHeaders,
  requestProtocol,
} from "../../assembly";
import { Decision } from "./decision";
import { Outcome } from "./outcomes";
import { RETRY_AFTER } from "./own-fields";
import { Pipeline } from "./pipeline";
import { ServiceCall, ServiceCaller } from "./service/call";

const NOTHING = Bytes.owned(0);

@final
export class RateLimitStream extends HttpContext implements ServiceCaller {
  private readonly decision: Decision;
  private readonly call: ServiceCall | null;

  constructor(private readonly pipeline: Pipeline) {
    super();
    const service = pipeline.service;
    this.decision = new Decision(pipeline.fields.isNeeded || pipeline.body.needsQuota);
    this.call = service ? new ServiceCall(service) : null;
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const pipeline = this.pipeline;
    const decision = this.decision;
    pipeline.request.begin();
    this.dropExplanation();
    const call = this.call;
    if (pipeline.decide(decision, call) && call) {
      // Some other ways to wait would end with the first piece of a body.
      if (call.start(this)) return FilterHeadersStatus.StopAllIterationAndWatermark;
      pipeline.decideAnswered(decision, call);
    }
    if (!decision.refused) return FilterHeadersStatus.Continue;
    this.reply();
    return FilterHeadersStatus.StopIteration;
  }

  onServiceAnswer(): void {
    const call = this.call;
    if (!call) return;
    const decision = this.decision;
    this.pipeline.decideAnswered(decision, call);
    if (decision.refused) {
      this.reply();
    } else {
      call.addRequestHeaders();
      this.resumeRequest();
    }
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const decision = this.decision;
    const call = this.call;
    if (call && call.hasResponseHeaders) call.addResponseHeaders(decision.refused);
    const pipeline = this.pipeline;
    const fields = pipeline.fields;
    if (fields.isNeeded || (pipeline.writesResponses && decision.refused)) fields.write(decision);
    if (decision.dues.count > 0) decision.dues.readHeaders(endOfStream);
    return FilterHeadersStatus.Continue;
  }

  override onResponseBody(size: u32, endOfStream: bool): FilterDataStatus {
    const dues = this.decision.dues;
    if (dues.count > 0) dues.readBody(endOfStream);
    return FilterDataStatus.Continue;
  }

  override onRecycle(): bool {
    this.decision.end();
    const call = this.call;
    if (call) call.recycle();
    return true;
  }

  /**
   * Removes a client's header with the explanation's name: the upstream must neither see nor echo
   * it.
   */
  private dropExplanation(): void {
    const slot = this.pipeline.explainSlot;
    const name = this.pipeline.explainHeader;
    if (name && this.pipeline.request.header(slot)) requestHeaders.remove(name);
  }

  private reply(): void {
    const decision = this.decision;
    decision.giveUp();
    const pipeline = this.pipeline;
    const details = unchecked(pipeline.rules[decision.refusedBy]).details(decision.reason);
    const protocol = requestProtocol();
    if (decision.reason == Outcome.ServiceFailedDenied) {
      pipeline.failure.send(protocol, details);
      return;
    }
    const call = this.call;
    const sent = call ? call.body() : NOTHING;
    const isFixed = sent.size > 0 || pipeline.body.isFixed;
    const body = isFixed ? sent : pipeline.body.fill(decision, pipeline.rules);
    // Where nothing else is written to responses, a lean build has no callback for them.
    const wait = pipeline.writesResponses ? NOTHING : pipeline.fields.retryAfter(decision);
    pipeline.refusal.send(protocol, details, body, RETRY_AFTER, wait);
  }
}
