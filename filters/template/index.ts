// The binding: reads the header, lets the policy decide, counts the outcome, and answers a request
// that may not pass.

import {
  Bytes,
  defineMetric,
  FilterHeadersStatus,
  HttpContext,
  incrementMetric,
  LogLevel,
  log,
  MetricType,
  metricName,
  RootContext,
  registerRootContext,
  requestHeaders,
  sendLocalReply,
} from "../../assembly";
import { FilterConfig } from "./config";
import { Outcome, Policy } from "./policy";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_request_headers } from "../../assembly/exports/stateless";

/** By `Outcome`. */
const OUTCOMES: StaticArray<string> = ["allowed", "missing", "unknown"];
/** Response code details by `Outcome`, as access logs show them. */
const DETAILS: StaticArray<Bytes> = [
  Bytes.of(""),
  Bytes.of("template_missing"),
  Bytes.of("template_unknown"),
];
const FORBIDDEN: u32 = 403;
const BODY = Bytes.of("forbidden\n");

/** Serves every stream of the plugin: it keeps nothing of one. */
@final
class FilterContext extends HttpContext {
  private readonly policy: Policy;
  /** By `Outcome`. */
  private readonly counters: StaticArray<u32> = defineCounters();

  constructor(private readonly config: FilterConfig) {
    super();
    this.policy = new Policy(config.values);
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const outcome = this.policy.decide(requestHeaders.get(this.config.header));
    incrementMetric(unchecked(this.counters[outcome]), 1);
    if (outcome == Outcome.Allowed || this.config.shadow) return FilterHeadersStatus.Continue;
    sendLocalReply(FORBIDDEN, unchecked(DETAILS[outcome]), BODY);
    return FilterHeadersStatus.StopIteration;
  }
}

@final
class FilterRoot extends RootContext {
  private context: HttpContext | null = null;

  override onConfigure(configuration: Bytes): bool {
    const config = FilterConfig.parse(configuration);
    if (config.error.length > 0) {
      log(LogLevel.Error, "template: configuration refused: " + config.error);
      return false;
    }
    this.context = new FilterContext(config);
    return true;
  }

  override sharedHttpContext(): HttpContext | null {
    return this.context;
  }
}

function defineCounters(): StaticArray<u32> {
  const counters = new StaticArray<u32>(OUTCOMES.length);
  for (let i = 0; i < counters.length; i++) {
    const name = metricName("template.requests_total", ["outcome", OUTCOMES[i]]);
    counters[i] = defineMetric(MetricType.Counter, name);
  }
  return counters;
}

registerRootContext((id: u32) => new FilterRoot(id));
