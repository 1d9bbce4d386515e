// A filter of an author's. It counts each stream that enters its module, by a name in its settings.

export const COUNTER = `
import {
  Bytes, defineMetric, FilterHeadersStatus, FilterRoot, HttpContext, incrementMetric, MetricType, metricName,
  registerRootContext,
} from "meshwright/assembly";
import { ConfigNode } from "meshwright/assembly/config";

export { malloc, proxy_abi_version_0_2_1, proxy_on_configure } from "meshwright/assembly/exports/plugin";
export { proxy_on_context_create, proxy_on_delete, proxy_on_request_headers } from "meshwright/assembly/exports/stream";

class Counted {
  readonly counter: u32;

  constructor(name: Bytes) {
    this.counter = defineMetric(MetricType.Counter, metricName("counter.streams_total", ["by", name.toString()]));
  }
}

class Stream extends HttpContext {
  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    return FilterHeadersStatus.Continue;
  }
}

class CounterRoot extends FilterRoot<Bytes, Counted> {
  override parse(root: ConfigNode): Bytes {
    root.keys(["name"]);
    return root.get("name").text(1, 64);
  }

  override accept(name: Bytes): Counted {
    return new Counted(name);
  }

  override streamContext(counted: Counted): HttpContext {
    incrementMetric(counted.counter, 1);
    return new Stream();
  }
}

registerRootContext((id: u32) => new CounterRoot(id, "counter"));
`;
