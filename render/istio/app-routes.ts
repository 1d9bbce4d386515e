// The routes of a sidecar to its app. Istio writes one for all paths, and no resource of Istio's
// divides it: an EnvoyFilter puts routes for some paths before it.

import { type NamedEntry, pathParts } from "../../compose/filter-paths.js";
import type { FilterConfigs } from "../../envoy/config/filter-by-route.js";
import type { Json } from "../../envoy/config/json.js";
import type { Resource } from "../resource.js";
import { upstreamDraftOf } from "./attempts.js";
import { chainDraftOf } from "./chains.js";
import type { Draft, IstioContext } from "./context.js";
import { envoyFilter } from "./envoy-filter.js";
import { serviceHost } from "./hosts.js";
import { portOf } from "./ports.js";
import { enabledAt, mergeInto } from "./route-patches.js";
import { portProtocol } from "./versions.js";
import { appWorkload, workloads } from "./workloads.js";

/** The name that Istio gives to a sidecar's route to its app. */
const DEFAULT_ROUTE = "default";

/** One for each app before which a filter runs on some paths. */
export function appRouteDrafts(context: IstioContext): readonly Draft[] {
  return workloads(context.mesh).flatMap((envoy) => {
    const { app } = envoy;
    if (app === undefined) return [];
    const chains = [chainDraftOf(context, envoy), upstreamDraftOf(context, app.service)];
    const filters = chains.flatMap(
      (chain) => chain?.beforeApp.map((each) => ({ ...each, parts: chain.parts })) ?? [],
    );
    if (filters.length === 0) return [];
    return [
      {
        kind: "EnvoyFilter",
        parts: [app.service, "app", "routes"],
        make: (name, nameOf) => {
          const entries = filters.map(({ idOf, paths, parts }) => ({
            name: idOf(nameOf("EnvoyFilter", parts)),
            paths,
          }));
          return appRoutes(context, app.service, entries, name);
        },
      },
    ];
  });
}

function appRoutes(
  context: IstioContext,
  service: string,
  entries: readonly NamedEntry[],
  name: string,
): Resource {
  const { options, labels } = context;
  const workload = appWorkload(service, options);
  // Each is put before the others: the longest prefix is the first in the end.
  const patches = pathParts(entries)
    .toReversed()
    .flatMap((part) => routePatch(context, service, part, enabledAt(entries, part)));
  return envoyFilter({
    metadata: { name, namespace: workload.namespace, labels },
    workload: workload.labels,
    patches,
    comment: [
      `The routes to the app of ${service} on which filters run that only some paths have. Each is as Istio's own route to the app, for these paths.`,
    ],
  });
}

function routePatch(
  context: IstioContext,
  service: string,
  part: string,
  configs: FilterConfigs,
): readonly Json[] {
  const cluster = clusterOf(context, service);
  if (part === "/") {
    return mergeInto(
      "SIDECAR_INBOUND",
      { name: cluster, vhost: { route: { name: DEFAULT_ROUTE } } },
      configs,
    );
  }
  return [
    {
      applyTo: "HTTP_ROUTE",
      match: { context: "SIDECAR_INBOUND", routeConfiguration: { name: cluster } },
      patch: { operation: "INSERT_FIRST", value: appRoute(context, service, part, configs) },
    },
  ];
}

/** Istio gives this name to the route configuration of an app's port too. */
function clusterOf({ options }: IstioContext, service: string): string {
  return `inbound|${portOf(options.ports, service).target}||`;
}

/** What Istio writes for all paths. */
function appRoute(context: IstioContext, service: string, part: string, configs: FilterConfigs): Json {
  const { mesh, options } = context;
  const isGrpc = portProtocol(mesh.services[service]) === "grpc";
  const retries = { retry_on: "reset-before-request", num_retries: 2 };
  return {
    name: `${DEFAULT_ROUTE}:${part}`,
    match: { prefix: part },
    decorator: { operation: `${serviceHost(service, options)}:${portOf(options.ports, service).port}/*` },
    route: {
      cluster: clusterOf(context, service),
      timeout: "0s",
      max_stream_duration: { max_stream_duration: "0s", grpc_timeout_header_max: "0s" },
      ...(isGrpc ? {} : { retry_policy: retries }),
    },
    ...(Object.keys(configs).length === 0 ? {} : { typed_per_filter_config: configs as unknown as Json }),
  };
}
