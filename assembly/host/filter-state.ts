// Values that a filter stores with a stream, for itself, for other filters, for the access log and
// for Envoy's own parts.

import { proxy_set_property } from "@solo-io/proxy-runtime/assembly/imports";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { ProtobufWriter } from "../text/protobuf";
import { callForeignFunction } from "./foreign";

/** How long a value lives, and which requests see it. */
export enum LifeSpan {
  /** As long as the stream. */
  FilterChain = 0,
  /** As long as the downstream request, across internal redirects. */
  DownstreamRequest = 1,
  /** As long as the downstream connection: later requests on it see the value too. */
  DownstreamConnection = 2,
}

/**
 * The format of a property's bytes, for expressions that read it. `getProperty` returns the bytes
 * of any format.
 */
export enum PropertyType {
  Bytes = 0,
  String = 1,
  FlatBuffers = 2,
  Protobuf = 3,
}

/**
 * Sets a property of the stream. `getProperty` of any Wasm filter reads it by the same path; the
 * access log has it as `%FILTER_STATE(wasm.path)%`. It never changes Envoy's own attributes: if the
 * path is an attribute's, such as `request`, reads still return the attribute. `BadArgument` if the
 * property was declared read-only and has a value; `NotFound` if there is no stream. One host call.
 * @param path of one segment, because `getProperty` looks up the first segment and reads the others
 * inside its value
 */
export function setProperty(path: Bytes, value: Bytes): Status {
  return proxy_set_property(path.ptr, path.size, value.ptr, value.size);
}

/**
 * Declares the type of a property, for when `setProperty` first sets it. For `onConfigure`: the
 * declaration holds for all streams of the root. A second declaration of a path gives
 * `BadArgument`. Allocates.
 * @param schema for `FlatBuffers` the schema, for `Protobuf` the type URL, else empty
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
 * `envoy.network.upstream_server_name`. `NotFound` if Envoy knows no such key, `BadArgument` if the
 * value has the wrong format. Allocates.
 */
export function setEnvoyFilterState(key: Bytes, value: Bytes, span: LifeSpan): Status {
  const argument = new ProtobufWriter();
  argument.bytes(1, key);
  argument.bytes(2, value);
  argument.integer(3, span);
  return callForeignFunction("set_envoy_filter_state", argument.finish()).status;
}
