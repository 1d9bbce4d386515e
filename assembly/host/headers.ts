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
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { HeaderMapType, Status } from "../abi/types";
import { bundleLink, HeaderEdit } from "../bundle-link";
import { Bytes } from "../text/bytes";
import { HeaderPairs } from "../text/header-pairs";

/** The host's limits on a header map that it is handed. */
const MAX_PAIRS: u32 = 1024;
const MAX_PAIRS_BYTES: i32 = 1024 * 1024;

/**
 * One of the stream's header maps. Names are lower case. In a callback where the map is not there,
 * reads find nothing and writes give `BadArgument`: not yet (response headers while the request is
 * on its way), or no more. A map that its own callback lets go on, with `Continue`, is gone in all
 * callbacks after it but `onLog`: what the response shall know of the request's headers, keep in
 * `onRequestHeaders`.
 */
@final
export class HeaderMap {
  constructor(private readonly type: HeaderMapType) {}

  /**
   * The value of the first header of that name, or `null` where there is none. An empty value is a
   * `Bytes` of size 0. Valid until the callback ends. A repeated header has further values that
   * only `pairs` shows. One host call.
   */
  get(name: Bytes): Bytes | null {
    clearOut();
    const status = proxy_get_header_map_value(this.type, name.ptr, name.size, OUT_PTR, OUT_SIZE);
    return status == Status.Ok ? adoptView() : null;
  }

  /**
   * Adds a header beside those of the same name. One host call; on request headers Envoy forgets
   * its route.
   */
  add(name: Bytes, value: Bytes): Status {
    const status = proxy_add_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
    this.edited(HeaderEdit.Add, name, value, status);
    return status;
  }

  /**
   * Removes every header of that name and adds this one, at the end. One host call; on request
   * headers Envoy forgets its route.
   */
  replace(name: Bytes, value: Bytes): Status {
    const status = proxy_replace_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
    this.edited(HeaderEdit.Replace, name, value, status);
    return status;
  }

  /**
   * Removes every header of that name. One host call; on request headers Envoy forgets its route.
   */
  remove(name: Bytes): Status {
    const status = proxy_remove_header_map_value(this.type, name.ptr, name.size);
    this.edited(HeaderEdit.Remove, name, name, status);
    return status;
  }

  /**
   * All headers in their order, repeated ones included, or `null` where the map does not exist. One
   * host call, five times as dear as `get`. Valid until the callback ends, and until the next call
   * of `pairs`.
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
   * Sets all headers at once, in place of those that are there. Request headers need `:method`,
   * `:path`, `:authority`, `:scheme` and `x-forwarded-proto` among them, or Envoy answers 404 or
   * 503; response headers need `:status`, or it answers 502. One host call; on request headers
   * Envoy forgets its route.
   * @param encoded what `encodePairs` gives; `BadArgument`, and nothing is changed, when it has
   * more than 1,024 pairs or 1 MiB
   */
  replaceAll(encoded: Bytes): Status {
    // The host takes what is over its limits for no headers at all, and would remove those that are
    // there.
    if (encoded.size < 4 || encoded.size > MAX_PAIRS_BYTES) return Status.BadArgument;
    if (load<u32>(encoded.ptr) > MAX_PAIRS) return Status.BadArgument;
    const bundle = bundleLink();
    if (bundle) bundle.headersReplaced(this.type);
    return proxy_set_header_map_pairs(this.type, encoded.ptr, encoded.size);
  }

  /**
   * How many bytes all names and values have; 0 where the map is not there. Of trailers ask in
   * their own callback only: it makes them, as a write does.
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

/** Of the request: there from `onRequestHeaders` on. */
export const requestHeaders = new HeaderMap(HeaderMapType.RequestHeaders);
/** Of the response, the upstream's or a local reply's: there from `onResponseHeaders` on. */
export const responseHeaders = new HeaderMap(HeaderMapType.ResponseHeaders);
/**
 * Of the request: there in `onRequestTrailers`. In the body callback that says `endOfStream` a
 * write makes trailers where there were none; an HTTP/1.1 peer is sent none.
 */
export const requestTrailers = new HeaderMap(HeaderMapType.RequestTrailers);
/** Of the response: there in `onResponseTrailers`, and made as the request's are. */
export const responseTrailers = new HeaderMap(HeaderMapType.ResponseTrailers);
/** Of the response to an HTTP call of the filter's own; can only be read, as the three below. */
export const httpCallHeaders = new HeaderMap(HeaderMapType.HttpCallResponseHeaders);
/** Of the response to an HTTP call of the filter's own. */
export const httpCallTrailers = new HeaderMap(HeaderMapType.HttpCallResponseTrailers);
/** What came first on a gRPC call of the filter's own. */
export const grpcInitialMetadata = new HeaderMap(HeaderMapType.GrpcReceiveInitialMetadata);
/** What came last on a gRPC call of the filter's own. */
export const grpcTrailingMetadata = new HeaderMap(HeaderMapType.GrpcReceiveTrailingMetadata);
