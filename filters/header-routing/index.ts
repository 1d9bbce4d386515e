// header-routing: writes the destination of a request into a header that Envoy's routes match.

import {
  Bytes,
  defineMetric,
  FilterHeadersStatus,
  FilterRoot,
  HttpContext,
  incrementMetric,
  MetricType,
  metricName,
  registerRootContext,
  requestHeaders,
  responseHeaders,
  TextBuffer,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { DecisionProperty, HostRequestView } from "../../assembly/rules";
import { HeaderRoutingConfig } from "./config";
import { Target } from "./split";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

const SET_COOKIE = Bytes.of("set-cookie");
const DECISIONS = "meshwright.header_routing.decisions_total";
const SHADOW_DECISIONS = "meshwright.header_routing.shadow_decisions_total";
/** Before the destination in `explainProperty`. */
const SHADOW_PREFIX = "shadow-";

/** What serves streams by one configuration. */
@final
class Router {
  /** Of one stream after another: it is used in the callback of request headers alone. */
  readonly request: HostRequestView;

  constructor(readonly config: HeaderRoutingConfig) {
    this.request = new HostRequestView(config.slots);
  }
}

@final
class RoutedStream extends HttpContext {
  /** The value of `set-cookie` for a visitor of a split; empty if the response sets none. */
  private readonly setCookie: TextBuffer = new TextBuffer();

  constructor(private readonly router: Router) {
    super();
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    this.router.request.begin();
    const target = this.decide();
    this.writeDestination(target);
    if (target) this.count(target);
    return FilterHeadersStatus.Continue;
  }

  /** The application's own cookies stay, beside this one. */
  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.setCookie.size > 0) responseHeaders.add(SET_COOKIE, this.setCookie.text());
    return FilterHeadersStatus.Continue;
  }

  override onRecycle(): bool {
    this.setCookie.clear();
    return true;
  }

  /** The target of the first rule that decides. Those in shadow mode before it are counted. */
  private decide(): Target | null {
    const request = this.router.request;
    const rules = this.router.config.rules;
    let rule = rules.first(request);
    while (rule && rule.isShadow) {
      const target = rule.choose(request, null);
      if (target) this.count(target);
      rule = rules.next(request);
    }
    return rule ? rule.choose(request, this.setCookie) : null;
  }

  private count(target: Target): void {
    incrementMetric(target.counter, 1);
    const property = this.router.config.explainProperty;
    if (property) property.add(target.decision);
  }

  /**
   * Each edit makes Envoy choose its route again. So a header that already has the right value,
   * once, is left alone.
   */
  private writeDestination(target: Target | null): void {
    const request = this.router.request;
    const name = this.router.config.destinationHeader;
    const slot = this.router.config.destinationSlot;
    const sent = request.header(slot);
    if (sent) {
      if (target && sent.equals(target.destination) && request.count(slot) == 1) return;
      requestHeaders.remove(name);
    }
    if (target) requestHeaders.add(name, target.destination);
  }
}

@final
class HeaderRoutingRoot extends FilterRoot<HeaderRoutingConfig, Router> {
  override parse(root: ConfigNode): HeaderRoutingConfig {
    return new HeaderRoutingConfig(root);
  }

  override accept(config: HeaderRoutingConfig): Router {
    defineCounters(config.targets);
    const property = config.explainProperty;
    if (property) describeDecisions(config.targets, property);
    return new Router(config);
  }

  /** Where no response is changed, nothing is kept for a stream. */
  override sharedContext(router: Router): HttpContext | null {
    return router.config.changesResponses ? null : new RoutedStream(router);
  }

  override streamContext(router: Router): HttpContext {
    return new RoutedStream(router);
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

registerRootContext((id: u32) => new HeaderRoutingRoot(id, "header-routing"));
