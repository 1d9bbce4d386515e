// A plugin's configuration at work: all that its streams have in common.

import { Bytes, encodePairs } from "../../assembly";
import { HostRequestView, sharedSeed } from "../../assembly/rules";
import { AnswerPolicy, RateLimitConfig } from "./config";
import { Limits } from "./limits";
import { ResponseFields } from "./response-fields";
import { Rule } from "./rule";
import { ServiceRules } from "./service/rules";
import { FailureMode, RateLimitService } from "./service/service";

const CONTENT_TYPE = Bytes.of("content-type");

/** Make it once the configuration is accepted. */
@final
export class Plan {
  readonly request: HostRequestView;
  readonly limits: Limits;
  readonly fields: ResponseFields;
  readonly answer: AnswerPolicy;
  /** Of a refusal, as `encodePairs` has them. */
  readonly answerHeaders: Bytes | null;
  readonly service: RateLimitService | null;
  readonly explainHeader: Bytes | null;
  /** Of that header among the request's; -1 without one. */
  readonly explainSlot: i32;

  /** @param plugin its name */
  constructor(config: RateLimitConfig, plugin: Bytes) {
    const rules = new StaticArray<Rule>(config.rules.length);
    for (let i = 0; i < rules.length; i++) rules[i] = new Rule(i, config.rules[i], plugin);
    const type = config.answer.contentType;
    const service = config.service;
    const request = new HostRequestView(config.slots);
    this.request = request;
    const failureMode = service ? service.failureMode : FailureMode.Allow;
    this.limits = new Limits(rules, request, sharedSeed(), new ServiceRules(rules, failureMode));
    this.fields = new ResponseFields(rules, config.fieldStyle, config.explainHeader);
    this.answer = config.answer;
    this.answerHeaders = type ? encodePairs([CONTENT_TYPE, type]) : null;
    this.service = service;
    this.explainHeader = config.explainHeader;
    this.explainSlot = config.explainSlot;
  }
}
