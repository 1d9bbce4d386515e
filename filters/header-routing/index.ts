// header-routing: writes the destination of a request into a header that Envoy's routes match.

import {
  Callback,
  defineMetric,
  FilterHeadersStatus,
  FilterRoot,
  HttpContext,
  incrementMetric,
  MetricType,
  metricName,
  registerRootContext,
  requestHeaders,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { DecisionProperty, HostRequestView } from "../../assembly/rules";
import { HeaderRoutingConfig } from "./config";
import { Target } from "./split";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_request_headers } from "../../assembly/exports/stateless";

@final
class HeaderRouter extends HttpContext {
  private readonly request: HostRequestView;

  constructor(private readonly config: HeaderRoutingConfig) {
    super();
    this.request = new HostRequestView(config.slots);
  }

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.request.begin();
    const target = this.config.rules.decide(this.request);
    this.writeDestination(target);
    if (target) this.count(target);
    return FilterHeadersStatus.Continue;
  }

  private count(target: Target): void {
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

@final
class HeaderRoutingRoot extends FilterRoot<HeaderRoutingConfig, HeaderRouter> {
  override parse(root: ConfigNode): HeaderRoutingConfig {
    return new HeaderRoutingConfig(root);
  }

  override neededCallbacks(config: HeaderRoutingConfig): u32 {
    return Callback.RequestHeaders;
  }

  override accept(config: HeaderRoutingConfig): HeaderRouter {
    defineCounters(config.targets);
    const property = config.explainProperty;
    if (property) describeDecisions(config.targets, property);
    return new HeaderRouter(config);
  }

  override sharedContext(router: HeaderRouter): HttpContext {
    return router;
  }
}

function defineCounters(targets: Array<Target>): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const labels: StaticArray<string> = ["rule", target.rule, "destination", target.destination.toString()];
    const name = metricName("meshwright.header_routing.decisions_total", labels);
    target.counter = defineMetric(MetricType.Counter, name);
  }
}

function describeDecisions(targets: Array<Target>, property: DecisionProperty): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    target.decision = property.item(target.rule + ":" + target.destination.toString());
  }
}

registerRootContext((id: u32) => new HeaderRoutingRoot(id, "header-routing"));
