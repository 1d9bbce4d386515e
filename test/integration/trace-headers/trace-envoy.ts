// An Envoy with trace-headers before one upstream, for the tests of that filter.

import { expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { TraceHeadersConfig } from "../../../filters/trace-headers/schema.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../../kit/envoy/upstream.js";
import { buildFilters } from "../../../toolchain/compile/build.js";

const FILTER = "trace-headers";
const KNOWN =
  /^(traceparent|tracestate|b3|x-b3-(traceid|spanid|parentspanid|sampled|flags)|x-trace-id|x-amzn-trace-id|x-cloud-trace-context|x-datadog-.*|sw8(-.*)?|baggage)$/;

/** Disposing of it ends Envoy and the upstream. */
export interface TraceEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** Gives the filter a configuration that it must accept. */
  configure(configuration: TraceHeadersConfig): Promise<void>;
  /**
   * The trace headers that reached the upstream in its latest request; none of them may be
   * repeated.
   */
  arrived(): Record<string, string>;
}

export async function startTraceEnvoy(options: UpstreamOptions = {}): Promise<TraceEnvoy> {
  await buildFilters([FILTER]);
  const upstream = await startUpstream(options);
  const envoy = await startEnvoy({
    filters: [{ name: FILTER, module: FILTER, configuration: {} }],
    upstreams: { service: upstream },
    listenerOptions: { maxRequestHeaders: 2000, maxRequestHeadersKb: 512 },
  });
  return {
    envoy,
    upstream,
    async configure(configuration) {
      expect(await envoy.configure(FILTER, configuration as unknown as Json)).toEqual({ accepted: true });
    },
    arrived() {
      const headers = upstream.requests.at(-1)?.headers.filter(([name]) => KNOWN.test(name)) ?? [];
      const byName = Object.fromEntries(headers);
      expect(Object.keys(byName)).toHaveLength(headers.length);
      return byName;
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}
