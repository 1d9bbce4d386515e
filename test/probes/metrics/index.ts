// A filter for the tests of metrics in stock Envoy. Every request counts in a counter, a gauge and
// a histogram with labels.

import {
  Bytes,
  defineMetric,
  FilterHeadersStatus,
  getMetric,
  HttpContext,
  incrementMetric,
  MetricType,
  metricName,
  RootContext,
  recordMetric,
  registerRootContext,
  requestHeaders,
  responseHeaders,
} from "../../../assembly";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "../../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../../assembly/exports/stream";

const RULE = Bytes.of("x-rule");
const SAW = Bytes.of("x-saw");
const UNKNOWN: u32 = 0x7ffffff3;

class Probe extends HttpContext {
  private saw: string = "";

  onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const rule = requestHeaders.get(RULE);
    const labels: StaticArray<string> = ["rule", rule ? rule.toString() : "", "outcome", "seen"];
    const counter = defineMetric(MetricType.Counter, metricName("probe_requests", labels));
    const gauge = defineMetric(MetricType.Gauge, metricName("probe_level", labels));
    const histogram = defineMetric(MetricType.Histogram, metricName("probe_size", labels));
    this.saw = `${incrementMetric(counter, 2)} ${incrementMetric(counter, 0)} ${incrementMetric(counter, -1)}`;
    this.saw += ` ${recordMetric(gauge, 10)} ${incrementMetric(gauge, -3)} ${recordMetric(histogram, 300)}`;
    this.saw += ` ${getMetric(counter)} ${getMetric(gauge)} ${getMetric(histogram, 77)} ${getMetric(UNKNOWN, 78)}`;
    this.saw += ` ${incrementMetric(UNKNOWN, 1)} ${recordMetric(UNKNOWN, 1)}`;
    return FilterHeadersStatus.Continue;
  }

  onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    responseHeaders.add(SAW, Bytes.of(this.saw));
    return FilterHeadersStatus.Continue;
  }
}

class ProbeRoot extends RootContext {
  createHttpContext(): HttpContext {
    return new Probe();
  }
}

registerRootContext((id: u32) => new ProbeRoot(id));
