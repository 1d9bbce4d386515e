// Runs a scenario in the in-process host.

import { type HostedProxy, hostProxy } from "../../kit/host/proxy.js";
import type { GrpcRespond, HostedFilter } from "../../kit/host/proxy-options.js";
import type { ClientRequest, UpstreamRequest, UpstreamResponse } from "../../kit/traffic.js";
import type { ModuleFiles } from "./in-envoy.js";
import { normalHeaders, normalLine, normalMetrics } from "./normal.js";
import {
  PATIENCE_MS,
  type Scenario,
  type ScenarioFilter,
  type Seen,
  type SeenRequest,
  SHARED_VM,
  UPSTREAMS,
} from "./scenario.js";
import { AUTHORITY, byUpstream } from "./wire.js";

/** Envoy tries every plugin on the main thread before a worker starts it. So does the host. */
const MAIN_THREAD = -1;
/**
 * When the first request comes, Envoy has run long enough to restart a VM at once, in milliseconds.
 */
const SINCE_START_MS = 1_000;
/** The port never occurs in Envoy. Scenarios look only at the address. */
const CLIENT_ADDRESS = "127.0.0.1:50000";
const MARKER = "» ";

/** The outcome of a scenario in the in-process host. */
export function inProcess(scenario: Scenario, modules: ModuleFiles): Seen {
  const filters = (list: readonly ScenarioFilter[] = []) => list.map((filter) => hosted(filter, modules));
  const proxy = hostProxy({
    filters: filters(scenario.filters),
    upstreamFilters: filters(scenario.upstreamFilters),
    upstreams: Object.fromEntries(
      UPSTREAMS.map((name) => [
        name,
        { respond: answers(scenario, name), grpc: grpcAnswers(scenario), protocol: "http2" as const },
      ]),
    ),
    ...(scenario.routeOptions === undefined ? {} : { routeOptions: scenario.routeOptions }),
    workers: 1,
  });
  proxy.advance(SINCE_START_MS);
  const requests = (scenario.requests ?? [{}]).map((request) => drive(proxy, scenario, request));
  return {
    requests,
    upstreams: byUpstream(UPSTREAMS.flatMap((name) => seenBy(proxy, name))),
    logs: proxy.logs
      .filter(({ worker, text }) => worker !== MAIN_THREAD && text.startsWith(MARKER))
      .map(({ text }) => normalLine(text.slice(MARKER.length))),
    metrics: normalMetrics([...proxy.metrics].filter(([, value]) => value !== 0)),
  };
}

function hosted(filter: ScenarioFilter, modules: ModuleFiles): HostedFilter {
  const { module = "plan", vmId = SHARED_VM, configuration, ...rest } = filter;
  return {
    ...rest,
    vmId,
    module: modules[module],
    ...(configuration === undefined
      ? {}
      : { configuration: JSON.parse(JSON.stringify(configuration).replaceAll("{id}", "")) as string }),
  };
}

function answers(scenario: Scenario, name: (typeof UPSTREAMS)[number]): () => UpstreamResponse {
  let attempt = 0;
  return () => {
    const all = scenario.answers?.[name] ?? [];
    return all[attempt++] ?? all.at(-1) ?? {};
  };
}

function grpcAnswers({ grpc = {} }: Scenario): Readonly<Record<string, GrpcRespond>> {
  return Object.fromEntries(Object.entries(grpc).map(([path, answer]) => [path, () => answer]));
}

function drive(proxy: HostedProxy, scenario: Scenario, request: ClientRequest): SeenRequest {
  const { patienceMs = PATIENCE_MS, restMs = 0 } = scenario;
  const headers = request.headers ?? [];
  const hasHost = headers.some(([name]) => name === "host");
  const exchange = proxy.request({
    ...request,
    headers: hasHost ? headers : [["host", AUTHORITY], ...headers],
    properties: { "source.address": CLIENT_ADDRESS },
    protocol: "http2",
  });
  for (let ms = 0; exchange.response === undefined && ms < patienceMs; ms++) proxy.advance(1);
  exchange.cancel();
  proxy.advance(restMs + 1);
  const { response } = exchange;
  const isWhole = response?.end === "whole";
  return {
    client: {
      status: response?.status ?? 0,
      headers: normalHeaders(response?.headers ?? []),
      body: isWhole ? response.body : "",
      trailers: normalHeaders(isWhole ? response.trailers : []),
      end: response?.end ?? "reset",
    },
    details: exchange.details,
    flags: exchange.flags,
  };
}

function seenBy(proxy: HostedProxy, upstream: string): Seen["upstreams"] {
  return proxy.upstreamSaw(upstream).map((request: UpstreamRequest & { isWhole?: boolean }) => {
    const isWhole = request.isWhole !== false;
    return {
      upstream,
      headers: normalHeaders(request.headers),
      body: isWhole ? request.body : "",
      trailers: normalHeaders(isWhole ? request.trailers : []),
      end: isWhole ? "whole" : "reset",
    };
  });
}
