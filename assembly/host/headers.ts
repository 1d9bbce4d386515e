// Header maps: request and response headers and trailers, read and written by name.

import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_header_map_size,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
  proxy_set_header_map_pairs,
} from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD, scratch, viewOf } from "../abi/memory";
import { HeaderMapType, Status } from "../abi/types";
import { bundleLink, HeaderEdit } from "../bundle-link";
import { Bytes } from "../text/bytes";
import { HeaderPairs } from "../text/header-pairs";
import { JoinedLines } from "../text/joined-lines";
import { getProperty } from "./properties";

/** The host's limits on a header map that a module passes to it. */
const MAX_PAIRS: u32 = 1024;
const MAX_PAIRS_BYTES: i32 = 1024 * 1024;
const COMMA = Bytes.of(",");
const NO_ATTRIBUTE = Bytes.owned(0);

/**
 * One of the stream's header maps. Names are lower case. In a callback in which the map does not
 * exist, reads find nothing and writes give `BadArgument`. It may not exist yet (response headers
 * while the request is on its way), or no more: a map that its own callback let go on, with
 * `Continue`, is gone in all later callbacks except `onLog`. If the response needs something from
 * the request's headers, keep it in `onRequestHeaders`.
 */
@final
export class HeaderMap {
  /**
   * @param attribute the path of the attribute that has the values of all lines, up to the header's
   * name; empty where Envoy has none
   */
  constructor(
    private readonly type: HeaderMapType,
    private readonly attribute: Bytes = NO_ATTRIBUTE,
  ) {}

  /**
   * The values of all headers of that name, joined by `,` in their order, or `null` if there is
   * none: what Envoy's own matchers and limits see. Decide by this and not by `get`, because a
   * client can send any number of lines. Valid until the callback ends. One host call, about as
   * expensive as `get`; for request trailers and the answers of calls, one call of `pairs`.
   */
  all(name: Bytes): Bytes | null {
    const attribute = this.attribute;
    if (attribute.size == 0) return this.joined(name);
    const path = scratch(attribute.size + name.size);
    memory.copy(path.ptr, attribute.ptr, attribute.size);
    memory.copy(path.ptr + attribute.size, name.ptr, name.size);
    return getProperty(path);
  }

  private joined(name: Bytes): Bytes | null {
    const pairs = this.pairs();
    if (!pairs) return null;
    const lines = new JoinedLines(1);
    let all: Bytes | null = null;
    while (pairs.next()) {
      if (!pairs.name.equals(name)) continue;
      if (all) lines.append(0, all, COMMA, pairs.value);
      else all = viewOf(pairs.value, 0, pairs.value.size);
    }
    return all;
  }

  /**
   * The value of the first header of that name, or `null` if there is none. An empty value is a
   * `Bytes` of size 0. Valid until the callback ends. `all` and `pairs` show the further values of
   * a repeated header. One host call.
   */
  get(name: Bytes): Bytes | null {
    clearOut();
    const status = proxy_get_header_map_value(this.type, name.ptr, name.size, OUT_PTR, OUT_SIZE);
    return status == Status.Ok ? adoptView() : null;
  }

  /**
   * Adds a header beside those of the same name. One host call. On request headers, Envoy forgets
   * its route.
   */
  add(name: Bytes, value: Bytes): Status {
    const status = proxy_add_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
    this.edited(HeaderEdit.Add, name, value, status);
    return status;
  }

  /**
   * Removes every header of that name and adds this one, at the end. One host call. On request
   * headers, Envoy forgets its route.
   */
  replace(name: Bytes, value: Bytes): Status {
    const status = proxy_replace_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
    this.edited(HeaderEdit.Replace, name, value, status);
    return status;
  }

  /**
   * Removes every header of that name. One host call. On request headers, Envoy forgets its route.
   */
  remove(name: Bytes): Status {
    const status = proxy_remove_header_map_value(this.type, name.ptr, name.size);
    this.edited(HeaderEdit.Remove, name, name, status);
    return status;
  }

  /**
   * All headers in their order, repeated ones included, or `null` if the map does not exist. One
   * host call, five times as expensive as `get`. Valid until the callback ends, and until the next
   * call of `pairs`.
   */
  pairs(): HeaderPairs | null {
    const bundle = bundleLink();
    const known = bundle ? bundle.knownPairs(this.type) : null;
    if (known) return HeaderPairs.over(known);
    clearOut();
    const status = proxy_get_header_map_pairs(this.type, OUT_PTR, OUT_SIZE);
    if (status != Status.Ok) return null;
    const encoded = adoptView();
    if (bundle) bundle.pairsRead(this.type, encoded);
    return HeaderPairs.over(encoded);
  }

  /**
   * Whether `pairs` costs no host call, because another filter of the same module has made it for
   * this callback.
   */
  arePairsKnown(): bool {
    const bundle = bundleLink();
    return bundle != null && bundle.knownPairs(this.type) != null;
  }

  /**
   * Sets all headers at once, in place of the existing ones. Request headers need `:method`,
   * `:path`, `:authority`, `:scheme` and `x-forwarded-proto` among them, or Envoy answers 404 or
   * 503. Response headers need `:status`, or it answers 502. One host call. On request headers,
   * Envoy forgets its route.
   * @param encoded the result of `encodePairs`; with more than 1,024 pairs or 1 MiB nothing is
   * changed, and the result is `BadArgument`
   */
  replaceAll(encoded: Bytes): Status {
    // The host would take a map over its limits for an empty one, and remove all existing headers.
    if (encoded.size < 4 || encoded.size > MAX_PAIRS_BYTES) return Status.BadArgument;
    if (load<u32>(encoded.ptr) > MAX_PAIRS) return Status.BadArgument;
    const bundle = bundleLink();
    if (bundle) bundle.headersReplaced(this.type);
    return proxy_set_header_map_pairs(this.type, encoded.ptr, encoded.size);
  }

  /**
   * How many bytes all names and values have; 0 if the map does not exist. For trailers call it
   * only in their own callback: it creates them, as a write does.
   */
  byteSize(): u32 {
    store<u32>(OUT_WORD, 0);
    const status = proxy_get_header_map_size(this.type, OUT_WORD);
    return status == Status.Ok ? load<u32>(OUT_WORD) : 0;
  }

  private edited(edit: HeaderEdit, name: Bytes, value: Bytes, status: Status): void {
    const bundle = bundleLink();
    if (bundle && status == Status.Ok) bundle.headerEdited(this.type, edit, name, value);
  }
}

/** Of the request: available from `onRequestHeaders` on. */
export const requestHeaders = new HeaderMap(HeaderMapType.RequestHeaders, Bytes.of("request\0headers\0"));
/** Of the response, the upstream's or a local reply's: available from `onResponseHeaders` on. */
export const responseHeaders = new HeaderMap(HeaderMapType.ResponseHeaders, Bytes.of("response\0headers\0"));
/**
 * Of the request: available in `onRequestTrailers`. In the body callback with `endOfStream` a write
 * creates trailers if there are none; an HTTP/1.1 peer does not get these.
 */
export const requestTrailers = new HeaderMap(HeaderMapType.RequestTrailers);
/** Of the response: available in `onResponseTrailers`, and created like the request's. */
export const responseTrailers = new HeaderMap(
  HeaderMapType.ResponseTrailers,
  Bytes.of("response\0trailers\0"),
);
/** Of the response to the filter's own HTTP call; can only be read, like the three below. */
export const httpCallHeaders = new HeaderMap(HeaderMapType.HttpCallResponseHeaders);
/** Of the response to the filter's own HTTP call. */
export const httpCallTrailers = new HeaderMap(HeaderMapType.HttpCallResponseTrailers);
/** The initial metadata of the filter's own gRPC call. */
export const grpcInitialMetadata = new HeaderMap(HeaderMapType.GrpcReceiveInitialMetadata);
/** The trailing metadata of the filter's own gRPC call. */
export const grpcTrailingMetadata = new HeaderMap(HeaderMapType.GrpcReceiveTrailingMetadata);
