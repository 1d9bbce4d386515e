// The binding: reads the header, lets the policy decide, counts the outcome, and answers a request
// that is not allowed.

import {
  Bytes,
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
  sendLocalReply,
} from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { FilterConfig } from "./config";
import { Outcome, Policy } from "./policy";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
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

/** Serves every stream of the plugin, and keeps nothing of any. */
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
    const outcome = this.policy.decide(requestHeaders.all(this.config.header));
    incrementMetric(unchecked(this.counters[outcome]), 1);
    if (outcome == Outcome.Allowed || this.config.shadow) return FilterHeadersStatus.Continue;
    sendLocalReply(FORBIDDEN, unchecked(DETAILS[outcome]), BODY);
    return FilterHeadersStatus.StopIteration;
  }
}

@final
class TemplateRoot extends FilterRoot<FilterConfig, FilterContext> {
  override parse(root: ConfigNode): FilterConfig {
    return new FilterConfig(root);
  }

  override neededCallbacks(config: FilterConfig): u32 {
    return Callback.RequestHeaders;
  }

  override accept(config: FilterConfig): FilterContext {
    return new FilterContext(config);
  }

  override sharedContext(context: FilterContext): HttpContext {
    return context;
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

registerRootContext((id: u32) => new TemplateRoot(id, "template"));
