// A plugin's configuration at work, and the way of a request through it. Each stage is in a file of
// its own:
//
//   selection.ts      which rules count the request, under which key, at which cost
//   local/take.ts     whether several limits of this Envoy all have room; taking; shadows
//   concurrency/hold.ts  holding a place among the requests in flight
//   service/ask.ts    the question to the rate limit service, and its answer
//   stream.ts         waiting for that answer, and refusing
//   response-fields.ts  what the response says

import { Bytes, monotonicNanoseconds, NO_GRPC_STATUS, Reply, RootContext } from "../../assembly";
import { HostRequestView, sharedSeed } from "../../assembly/rules";
import { BodyTemplate } from "./answer/body-template";
import { Charges } from "./charge";
import { hold, settleHeld } from "./concurrency/hold";
import { RateLimitConfig } from "./config";
import { Decision } from "./decision";
import { ticksAt } from "./local/gcra";
import { lookAhead, shadow, take } from "./local/take";
import { ResponseFields } from "./response-fields";
import { Rule } from "./rule";
import { Selection } from "./selection";
import { ask, heed } from "./service/ask";
import { ServiceCall } from "./service/call";
import { FailureMode, RateLimitService } from "./service/service";

const SERVICE_UNAVAILABLE: u32 = 503;
const NOTHING = Bytes.owned(0);

/** What all streams of a plugin share. Make it once the configuration is accepted. */
@final
export class Pipeline {
  readonly request: HostRequestView;
  readonly rules: StaticArray<Rule>;
  readonly fields: ResponseFields;
  /** What a refused request gets. */
  readonly refusal: Reply;
  /** The body of a refusal. */
  readonly body: BodyTemplate;
  /** What a request gets where the service does not answer and `failureMode` is `deny`. */
  readonly failure: Reply;
  readonly service: RateLimitService | null;
  /** Whether anything is written to responses beside what a refusal itself says. */
  readonly writesResponses: bool;
  readonly explainHeader: Bytes | null;
  /** The slot of that header among the request's headers; -1 without one. */
  readonly explainSlot: i32;
  private readonly selection: Selection;
  /** The charges of the current request, which passes all stages within one callback. */
  private readonly charges: Charges = new Charges();

  private readonly countsInFlight: bool;

  constructor(config: RateLimitConfig, root: RootContext) {
    const plugin = root.pluginName;
    const rules = new StaticArray<Rule>(config.rules.length);
    for (let i = 0; i < rules.length; i++)
      rules[i] = new Rule(root, i, config.rules[i], plugin, config.explainProperty);
    const request = new HostRequestView(config.slots);
    this.request = request;
    this.rules = rules;
    this.selection = new Selection(rules, request, sharedSeed());
    this.fields = new ResponseFields(rules, config.fieldStyle, config.explainHeader);
    this.refusal = config.answer.reply;
    this.body = config.answer.template;
    this.failure = new Reply(
      SERVICE_UNAVAILABLE,
      NO_GRPC_STATUS,
      NOTHING,
      null,
      [],
      Bytes.of("rate limit service unavailable"),
    );
    let countsInFlight = false;
    for (let i = 0; i < rules.length; i++) if (rules[i].concurrency) countsInFlight = true;
    this.countsInFlight = countsInFlight;
    this.service = config.service;
    this.writesResponses = this.fields.isNeeded || config.service != null;
    this.explainHeader = config.explainHeader;
    this.explainSlot = config.explainSlot;
  }

  /**
   * Decides on the request of the current callback, as far as this Envoy can.
   * @param call `null` without a service
   * @returns whether the service must be asked as well: `call` has the questions, and must be
   * started in the same callback
   */
  decide(decision: Decision, call: ServiceCall | null): bool {
    const charges = this.charges;
    this.selection.select(charges, decision);
    if (charges.count == 0) return false;
    const time = monotonicNanoseconds();
    const now = ticksAt(time);
    lookAhead(charges, now, decision);
    const asks = call ? ask(charges, call, time, decision) : false;
    if (this.countsInFlight) hold(charges, time, decision);
    take(charges, now, decision);
    shadow(charges, now, decision);
    if (this.countsInFlight) settleHeld(charges, time, decision);
    return asks && !decision.refused;
  }

  /** Decides the rest, after the service has answered the call or failed. */
  decideAnswered(decision: Decision, call: ServiceCall): void {
    const service = this.service;
    const mode = service ? service.failureMode : FailureMode.Allow;
    if (!call.failed || mode != FailureMode.Local) {
      heed(call, mode, decision);
      return;
    }
    const now = ticksAt(monotonicNanoseconds());
    lookAhead(call.charges, now, decision);
    take(call.charges, now, decision);
    shadow(call.charges, now, decision);
  }
}
