// What all streams of a plugin share: its configuration in use, and the counters of its targets.

import { defineMetric, MetricType, metricName } from "../../assembly";
import { DecisionProperty, HostRequestView } from "../../assembly/rules";
import { HeaderRoutingConfig } from "./config";
import { Target } from "./split";

const DECISIONS = "meshwright.header_routing.decisions_total";
const SHADOW_DECISIONS = "meshwright.header_routing.shadow_decisions_total";
/** Before the destination in `explainProperty`. */
const SHADOW_PREFIX = "shadow-";

/** Make it once the configuration is accepted: it defines metrics. */
@final
export class Plugin {
  /** Of one stream after another: it is used in the callback of request headers alone. */
  readonly request: HostRequestView;

  constructor(readonly config: HeaderRoutingConfig) {
    this.request = new HostRequestView(config.slots);
    defineCounters(config.targets);
    const property = config.explainProperty;
    if (property) describeDecisions(config.targets, property);
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
