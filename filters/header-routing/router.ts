// Decides on requests and acts on the decision: writes the destination into a request header, and
// counts.

import { defineMetric, incrementMetric, MetricType, metricName, requestHeaders } from "../../assembly";
import { DecisionProperty, HostRequestView } from "../../assembly/rules";
import { HeaderRoutingConfig } from "./config";
import { Visit } from "./cookie/visit";
import { Target } from "./split";

const DECISIONS = "meshwright.header_routing.decisions_total";
const SHADOW_DECISIONS = "meshwright.header_routing.shadow_decisions_total";
/** Before the destination in `explainProperty`. */
const SHADOW_PREFIX = "shadow-";

/** Serves all streams by one configuration. Make it once the configuration is accepted. */
@final
export class HeaderRouter {
  private readonly request: HostRequestView;

  constructor(private readonly config: HeaderRoutingConfig) {
    this.request = new HostRequestView(config.slots);
    defineCounters(config.targets);
    const property = config.explainProperty;
    if (property) describeDecisions(config.targets, property);
  }

  /** A response may be changed, so a stream must know what was decided on its request. */
  get needsResponses(): bool {
    return this.config.needsResponses;
  }

  /** Routes the current request. `visit` keeps what its response is told. */
  route(visit: Visit): void {
    const request = this.request;
    const rules = this.config.rules;
    request.begin();
    let rule = rules.first(request);
    while (rule && rule.isShadow) {
      this.count(rule.choose(request, null));
      rule = rules.next(request);
    }
    const target = rule ? rule.choose(request, visit) : null;
    this.writeDestination(target);
    this.count(target);
  }

  private count(target: Target | null): void {
    if (!target) return;
    incrementMetric(target.counter, 1);
    const property = this.config.explainProperty;
    if (property) property.add(target.decision);
  }

  /**
   * Each edit makes Envoy choose its route again. So a header that already has the right value,
   * once, is left alone.
   */
  private writeDestination(target: Target | null): void {
    const name = this.config.destinationHeader;
    const slot = this.config.destinationSlot;
    const sent = this.request.header(slot);
    if (sent) {
      if (target && sent.equals(target.destination) && this.request.count(slot) == 1) return;
      requestHeaders.remove(name);
    }
    if (target) requestHeaders.add(name, target.destination);
  }
}

function defineCounters(targets: Array<Target>): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const labels: StaticArray<string> = ["rule", target.rule, "destination", target.destination.toString()];
    const name = metricName(target.isShadow ? SHADOW_DECISIONS : DECISIONS, labels);
    target.counter = defineMetric(MetricType.Counter, name);
  }
}

function describeDecisions(targets: Array<Target>, property: DecisionProperty): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const word = (target.isShadow ? SHADOW_PREFIX : "") + target.destination.toString();
    target.decision = property.item(target.rule + ":" + word);
  }
}
