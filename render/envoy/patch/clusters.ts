// The clusters of an operator's file: their chains, whose filters see each attempt.

import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import { upstreamCodecFilter } from "../../../envoy/config/http-filter.js";
import { typeUrl } from "../../../envoy/config/typed-config.js";
import { CODEC, withFilters } from "./chain.js";
import { type Fields, fieldsAt, type PatchContext, type Path, refuse } from "./place.js";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Fields that Envoy refuses beside the options above. */
const OLD_FIELDS = ["http_protocol_options", "http2_protocol_options", "common_http_protocol_options"];

export function withChain(
  context: PatchContext,
  cluster: Fields,
  path: Path,
  ours: readonly HttpFilter[],
): Fields {
  if (ours.length === 0) return cluster;
  const { origins } = context;
  const at = [...path, "typed_extension_protocol_options"];
  const all = fieldsAt(context, cluster.typed_extension_protocol_options, at);
  const options = fieldsAt(context, all?.[OPTIONS], [...at, OPTIONS]);
  const made =
    options === undefined
      ? newOptions(context, cluster, path, ours)
      : withOptions(context, options, [...at, OPTIONS], ours);
  const value = all === undefined ? { [OPTIONS]: made } : origins.changed(all, { [OPTIONS]: made });
  return origins.changed(cluster, { typed_extension_protocol_options: value });
}

function newOptions(context: PatchContext, cluster: Fields, path: Path, ours: readonly HttpFilter[]): Fields {
  const old = OLD_FIELDS.find((field) => cluster[field] !== undefined);
  if (old !== undefined) {
    refuse(
      context,
      [...path, old],
      `must be in typed_extension_protocol_options, "${OPTIONS}", where filters of a cluster's chain stand too`,
    );
  }
  return {
    "@type": typeUrl(OPTIONS),
    explicit_http_config: { http_protocol_options: {} },
    http_filters: [...ours, upstreamCodecFilter()],
  };
}

function withOptions(
  context: PatchContext,
  options: Fields,
  path: Path,
  ours: readonly HttpFilter[],
): Fields {
  const key = "http_filters";
  const chain =
    options[key] === undefined
      ? [...ours, upstreamCodecFilter()]
      : withFilters(context, options[key], [...path, key], { ours, last: CODEC });
  return context.origins.changed(options, { [key]: chain });
}
