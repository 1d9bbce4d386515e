// Header maps by their type, and `stream_context`, which has one object for each map.

import {
  proxy_add_header_map_value,
  proxy_get_header_map_size,
  proxy_get_header_map_value,
  proxy_remove_header_map_value,
  proxy_replace_header_map_value,
} from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../../assembly/abi/memory";
import { Status } from "../../assembly/abi/types";
import { HeaderMap } from "../../assembly/host/headers";
import { encodeHeaders, Headers, listOf } from "./header-pairs";
import { bufferOf, encode, viewOf } from "./text";
import { HeaderMapTypeValues, WasmResultValues } from "./values";

export function add_header_map_value(
  typ: HeaderMapTypeValues,
  key: ArrayBuffer,
  value: ArrayBuffer,
): WasmResultValues {
  const keyPtr = changetype<usize>(key);
  return proxy_add_header_map_value(typ, keyPtr, key.byteLength, changetype<usize>(value), value.byteLength);
}

export function add_header_map_value_string(
  typ: HeaderMapTypeValues,
  key: string,
  value: string,
): WasmResultValues {
  const name = encode(key);
  const text = encode(value);
  return proxy_add_header_map_value(typ, name.ptr, name.size, text.ptr, text.size);
}

/** The value of the first header of that name; an empty buffer if there is none. */
export function get_header_map_value(typ: HeaderMapTypeValues, key: ArrayBuffer): ArrayBuffer {
  clearOut();
  const status = proxy_get_header_map_value(typ, changetype<usize>(key), key.byteLength, OUT_PTR, OUT_SIZE);
  return bufferOf(status == Status.Ok ? adoptView() : null);
}

/** Does nothing if the map does not exist, like the three below. */
export function replace_header_map_value(
  typ: HeaderMapTypeValues,
  key: ArrayBuffer,
  value: ArrayBuffer,
): void {
  const name = viewOf(key);
  const bytes = viewOf(value);
  proxy_replace_header_map_value(typ, name.ptr, name.size, bytes.ptr, bytes.size);
}

export function replace_header_map_value_string(typ: HeaderMapTypeValues, key: string, value: string): void {
  const name = encode(key);
  const text = encode(value);
  proxy_replace_header_map_value(typ, name.ptr, name.size, text.ptr, text.size);
}

export function remove_header_map_value(typ: HeaderMapTypeValues, key: ArrayBuffer): void {
  proxy_remove_header_map_value(typ, changetype<usize>(key), key.byteLength);
}

export function remove_header_map_value_string(typ: HeaderMapTypeValues, key: string): void {
  const name = encode(key);
  proxy_remove_header_map_value(typ, name.ptr, name.size);
}

/** How many bytes all names and values have; 0 if the map does not exist. */
export function get_header_map_size(typ: HeaderMapTypeValues): usize {
  store<u32>(OUT_WORD, 0);
  const status = proxy_get_header_map_size(typ, OUT_WORD);
  return status == Status.Ok ? load<usize>(OUT_WORD) : 0;
}

/** One header map of the current stream. */
class HeaderStreamManipulator {
  typ: HeaderMapTypeValues;
  private map: HeaderMap;

  constructor(typ: HeaderMapTypeValues) {
    this.typ = typ;
    this.map = new HeaderMap(<i32>typ);
  }

  /** Adds a header beside those of the same name. */
  add(key: string, value: string): void {
    this.map.add(encode(key), encode(value));
  }

  /** Removes every header of that name and adds this one. */
  replace(key: string, value: string): void {
    this.map.replace(encode(key), encode(value));
  }

  /** The value of the first header of that name; `""` if there is none. */
  get(key: string): string {
    const value = this.map.get(encode(key));
    return value ? value.toString() : "";
  }

  /** Removes every header of that name. */
  remove(key: string): void {
    this.map.remove(encode(key));
  }

  /** All headers in their order; an empty list if the map does not exist. */
  get_headers(): Headers {
    return listOf(this.map.pairs());
  }

  /** Sets all headers at once. Does nothing with more than 1,024 of them, or more than 1 MiB. */
  set_headers(headers: Headers): void {
    this.map.replaceAll(encodeHeaders(headers));
  }
}

/** All header maps, or all trailer maps, that a filter sees. */
class HeaderMapManipulator {
  constructor(
    public request: HeaderStreamManipulator,
    public response: HeaderStreamManipulator,
    /** Of the response to an HTTP call, in its callback. */
    public http_callback: HeaderStreamManipulator,
  ) {}
}

class StreamContext {
  constructor(
    public headers: HeaderMapManipulator,
    public trailers: HeaderMapManipulator,
  ) {}
}

/** The current stream. */
export const stream_context = new StreamContext(
  new HeaderMapManipulator(
    new HeaderStreamManipulator(HeaderMapTypeValues.RequestHeaders),
    new HeaderStreamManipulator(HeaderMapTypeValues.ResponseHeaders),
    new HeaderStreamManipulator(HeaderMapTypeValues.HttpCallResponseHeaders),
  ),
  new HeaderMapManipulator(
    new HeaderStreamManipulator(HeaderMapTypeValues.RequestTrailers),
    new HeaderStreamManipulator(HeaderMapTypeValues.ResponseTrailers),
    new HeaderStreamManipulator(HeaderMapTypeValues.HttpCallResponseTrailers),
  ),
);
