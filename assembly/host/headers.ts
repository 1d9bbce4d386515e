// Header maps: request and response headers and trailers, read and written by name.

import {
  proxy_add_header_map_value,
  proxy_get_header_map_pairs,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE } from "../abi/memory";
import { HeaderMapType, Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { HeaderPairs } from "./header-pairs";

/**
 * One of the stream's header maps. Names are lower case. In a callback where the map does not exist yet (response headers while the
 * request is on its way) reads find nothing and writes give `BadArgument`.
 */
@final
export class HeaderMap {
  constructor(private readonly type: HeaderMapType) {}

  /**
   * The value of the first header of that name, or `null` where there is none. An empty value is a `Bytes` of size 0. Valid until the
   * callback ends. A repeated header has further values that only `pairs` shows. One host call.
   */
  get(name: Bytes): Bytes | null {
    clearOut();
    const status = proxy_get_header_map_value(this.type, name.ptr, name.size, OUT_PTR, OUT_SIZE);
    return status == Status.Ok ? adoptView() : null;
  }

  /** Adds a header beside those of the same name. One host call; on request headers Envoy forgets its route. */
  add(name: Bytes, value: Bytes): Status {
    return proxy_add_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
  }

  /**
   * Sets the first header of that name, or adds one. Where the name is repeated the others stay: use `remove` and `add` on a header that
   * a client may have repeated. One host call; on request headers Envoy forgets its route.
   */
  replace(name: Bytes, value: Bytes): Status {
    return proxy_replace_header_map_value(this.type, name.ptr, name.size, value.ptr, value.size);
  }

  /** Removes every header of that name. One host call; on request headers Envoy forgets its route. */
  remove(name: Bytes): Status {
    return proxy_remove_header_map_value(this.type, name.ptr, name.size);
  }

  /**
   * All headers in their order, repeated ones included, or `null` where the map does not exist. One host call, five times as dear as `get`. Valid
   * until the callback ends, and until the next call of `pairs`.
   */
  pairs(): HeaderPairs | null {
    clearOut();
    const status = proxy_get_header_map_pairs(this.type, OUT_PTR, OUT_SIZE);
    return status == Status.Ok ? HeaderPairs.over(adoptView()) : null;
  }
}

export const requestHeaders = new HeaderMap(HeaderMapType.RequestHeaders);
export const responseHeaders = new HeaderMap(HeaderMapType.ResponseHeaders);
