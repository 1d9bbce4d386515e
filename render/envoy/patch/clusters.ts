// The clusters of an operator's file: their chains, whose filters see each attempt.

import type { HttpFilter } from "../../../envoy/config/http-filter.js";
import { upstreamCodecFilter } from "../../../envoy/config/http-filter.js";
import { markedOutliers } from "../../../envoy/config/outlier-detection.js";
import { typeUrl } from "../../../envoy/config/typed-config.js";
import { CODEC, withFilters } from "./chain.js";
import { type Fields, fieldsAt, type PatchContext, type Path, refuse } from "./place.js";

const OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
/** Fields that Envoy refuses beside the options above. */
const OLD_FIELDS = ["http_protocol_options", "http2_protocol_options", "common_http_protocol_options"];

/** What the clusters get. */
export interface ClusterChain {
  /** The filters that see each attempt. */
  readonly attempts: readonly HttpFilter[];
  /** Response headers by which these mark failures of hosts. */
  readonly outlierHeaders: readonly string[];
}

export function withChain(context: PatchContext, cluster: Fields, path: Path, chain: ClusterChain): Fields {
  if (chain.attempts.length === 0) return cluster;
  const { origins } = context;
  const at = [...path, "typed_extension_protocol_options"];
  const all = fieldsAt(context, cluster.typed_extension_protocol_options, at);
  const options = fieldsAt(context, all?.[OPTIONS], [...at, OPTIONS]);
  const made =
    options === undefined
      ? newOptions(context, cluster, path, chain)
      : withOptions(context, options, [...at, OPTIONS], chain);
  const value = all === undefined ? { [OPTIONS]: made } : origins.changed(all, { [OPTIONS]: made });
  return origins.changed(cluster, { typed_extension_protocol_options: value });
}

function newOptions(
  context: PatchContext,
  cluster: Fields,
  path: Path,
  { attempts, outlierHeaders }: ClusterChain,
): Fields {
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
    http_filters: [...attempts, upstreamCodecFilter()],
    ...(outlierHeaders.length === 0 ? {} : { outlier_detection: markedOutliers(outlierHeaders) }),
  };
}

function withOptions(
  context: PatchContext,
  options: Fields,
  path: Path,
  { attempts: ours, outlierHeaders }: ClusterChain,
): Fields {
  const key = "http_filters";
  const chain =
    options[key] === undefined
      ? [...ours, upstreamCodecFilter()]
      : withFilters(context, options[key], [...path, key], { ours, last: CODEC });
  const at = [...path, "outlier_detection"];
  const outliers = outlierHeaders.length === 0 ? {} : withMarks(context, options, at, outlierHeaders);
  return context.origins.changed(options, { [key]: chain, ...outliers });
}

/** A matcher of the operator's own stays, and must name the marks. */
function withMarks(context: PatchContext, options: Fields, path: Path, headers: readonly string[]): Fields {
  const own = fieldsAt(context, options.outlier_detection, path);
  const matcher = own?.error_matcher;
  if (matcher === undefined) {
    const made = markedOutliers(headers);
    return { outlier_detection: own === undefined ? made : context.origins.changed(own, { ...made }) };
  }
  const missing = headers.filter((name) => !JSON.stringify(matcher).includes(JSON.stringify(name)));
  if (missing.length > 0) {
    context.warn(
      `${context.placeOf([...path, "error_matcher"])}: does not match ${missing.join(", ")}, by which a filter marks failures: add it to the rules`,
    );
  }
  return {};
}
