// header-routing: writes where a request shall go into a header that Envoy's routes match.

import {
  Bytes,
  defineMetric,
  FilterHeadersStatus,
  HttpContext,
  incrementMetric,
  LogLevel,
  log,
  MetricType,
  RootContext,
  registerRootContext,
  requestHeaders,
} from "../../assembly";
import { HostRequestView } from "../../assembly/host/request-view";
import { Config } from "../../assembly/text/config";
import { HeaderRoutingConfig } from "./config";
import { decide, Target } from "./policy";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
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
    const target = decide(this.config.rules, this.request);
    this.writeDestination(target);
    if (target) incrementMetric(target.counter, 1);
    return FilterHeadersStatus.Continue;
  }

  /** Each edit makes Envoy choose its route again, so a header that says the right thing already, once, is left alone. */
  private writeDestination(target: Target | null): void {
    const name = this.config.destinationHeader;
    const sent = requestHeaders.get(name);
    if (sent) {
      if (target && sent.equals(target.destination) && isSingle(name)) return;
      requestHeaders.remove(name);
    }
    if (target) requestHeaders.add(name, target.destination);
  }
}

/** Whether the request has exactly one header of that name. */
function isSingle(name: Bytes): bool {
  const pairs = requestHeaders.pairs();
  if (!pairs) return false;
  let count = 0;
  while (pairs.next()) {
    if (pairs.name.equals(name)) count++;
  }
  return count == 1;
}

@final
class HeaderRoutingRoot extends RootContext {
  private router: HttpContext = new HttpContext();

  onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    const config = new HeaderRoutingConfig(document.root);
    if (document.failed) {
      log(LogLevel.Error, "header-routing: configuration refused: " + document.error);
      return false;
    }
    defineCounters(config.targets);
    this.router = new HeaderRouter(config);
    return true;
  }

  createHttpContext(): HttpContext {
    return this.router;
  }
}

function defineCounters(targets: Array<Target>): void {
  for (let i = 0; i < targets.length; i++) {
    const target = targets[i];
    const labels = ";rule=" + target.rule + ";destination=" + target.destination.toString();
    target.counter = defineMetric(MetricType.Counter, "meshwright.header_routing.decisions_total" + labels);
  }
}

registerRootContext((id: u32) => new HeaderRoutingRoot(id));
