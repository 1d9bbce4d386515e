// Values that a filter leaves with a stream, for itself, for other filters, for the access log and
// for Envoy's own parts.

import { proxy_set_property } from "@solo-io/proxy-runtime/assembly/imports";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { ProtobufWriter } from "../text/protobuf";
import { callForeignFunction } from "./foreign";

/** How long a value lives, and who sees it. */
export enum LifeSpan {
  /** As long as the stream. */
  FilterChain = 0,
  /** As long as the downstream request: beyond an internal redirect. */
  DownstreamRequest = 1,
  /** As long as the downstream connection: later requests on it see the value too. */
  DownstreamConnection = 2,
}

/**
 * What the bytes of a property are, for expressions that read it. `getProperty` gives the bytes of
 * any.
 */
export enum PropertyType {
  Bytes = 0,
  String = 1,
  FlatBuffers = 2,
  Protobuf = 3,
}

/**
 * Sets a property of the stream, which `getProperty` of any Wasm filter reads by the same path; the
 * access log has it as `%FILTER_STATE(wasm.path)%`. It never changes what Envoy knows by itself: a
 * path that is an attribute's, such as `request`, is stored beside it, and reads go on to give the
 * attribute. `BadArgument` where the property was declared read-only and has a value; `NotFound`
 * where there is no stream. One host call.
 * @param path of one segment, for `getProperty` looks up the first and then goes inside its value
 */
export function setProperty(path: Bytes, value: Bytes): Status {
  return proxy_set_property(path.ptr, path.size, value.ptr, value.size);
}

/**
 * Says of what kind a property of that path is when `setProperty` first sets it. For `onConfigure`,
 * which declares for all streams of the root; a second declaration of a path is `BadArgument`.
 * Allocates.
 * @param schema of `FlatBuffers` the schema, of `Protobuf` the type URL, else empty
 */
export function declareProperty(
  path: Bytes,
  type: PropertyType,
  span: LifeSpan,
  readOnly: bool,
  schema: Bytes,
): Status {
  const argument = new ProtobufWriter();
  argument.bytes(1, path);
  argument.integer(2, readOnly ? 1 : 0);
  argument.integer(3, type);
  argument.bytes(4, schema);
  argument.integer(5, span);
  return callForeignFunction("declare_property", argument.finish()).status;
}

/**
 * Sets a value that Envoy's own parts read, such as `envoy.tcp_proxy.cluster` or
 * `envoy.network.upstream_server_name`. `NotFound` where Envoy knows no key of that name,
 * `BadArgument` where the value is not of its format. Allocates.
 */
export function setEnvoyFilterState(key: Bytes, value: Bytes, span: LifeSpan): Status {
  const argument = new ProtobufWriter();
  argument.bytes(1, key);
  argument.bytes(2, value);
  argument.integer(3, span);
  return callForeignFunction("set_envoy_filter_state", argument.finish()).status;
}
