// Properties (attributes): what Envoy knows about the stream beyond its headers. Source:
// https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes

import { proxy_get_property } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE } from "../abi/memory";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";

/**
 * Encodes a path such as `["source", "address"]`. Do it once, and read with the result many times.
 */
export function propertyPath(segments: StaticArray<string>): Bytes {
  let path = "";
  for (let i = 0; i < segments.length; i++) path += i == 0 ? segments[i] : "\0" + segments[i];
  return Bytes.of(path);
}

/**
 * The property's bytes (a string's characters; a number's little-endian bytes), or `null` if this
 * stream has no such property. Valid until the callback ends. One host call, as expensive as six
 * header reads: prefer a header that has the same value.
 */
export function getProperty(path: Bytes): Bytes | null {
  clearOut();
  const status = proxy_get_property(path.ptr, path.size, OUT_PTR, OUT_SIZE);
  return status == Status.Ok ? adoptView() : null;
}
