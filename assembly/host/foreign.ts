// Foreign functions: what Envoy offers beside the ABI's host calls.

import { proxy_call_foreign_function } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, allocate, clearOut, OUT_PTR, OUT_SIZE } from "../abi/memory";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";

/** The result of a foreign function. There is only one such object; the next call overwrites it. */
@final
export class ForeignResult {
  /** `NotFound` if the host has no function of that name. */
  status: Status = Status.Ok;
  /**
   * What the function returned, valid until the callback ends; `null` unless the status is `Ok`.
   */
  value: Bytes | null = null;
}

const result = new ForeignResult();

/** Calls the host's function of that name with an argument in the function's own encoding. */
export function callForeignFunction(name: string, argument: Bytes): ForeignResult {
  return call(name, argument.ptr, argument.size);
}

function call(name: string, argument: usize, argumentSize: i32): ForeignResult {
  const nameSize = String.UTF8.byteLength(name);
  const namePtr = allocate(nameSize);
  String.UTF8.encodeUnsafe(changetype<usize>(name), name.length, namePtr);
  clearOut();
  const status = <Status>(
    proxy_call_foreign_function(namePtr, nameSize, argument, argumentSize, OUT_PTR, OUT_SIZE)
  );
  result.status = status;
  result.value = status == Status.Ok ? adoptView() : null;
  return result;
}

/** Makes Envoy choose the request's route again. An edit of request headers does so by itself. */
export function clearRouteCache(): Status {
  return call("clear_route_cache", 0, 0).status;
}

/**
 * Compresses bytes in zlib's format (not gzip's). The result is valid until the callback ends;
 * `null` if the host refuses.
 */
export function compress(bytes: Bytes): Bytes | null {
  return callForeignFunction("compress", bytes).value;
}

/**
 * The bytes that `compress` was given, valid until the callback ends; `null` if the input is not in
 * zlib's format. A small input may expand without limit: never pass bytes that a peer chose.
 */
export function uncompress(bytes: Bytes): Bytes | null {
  return callForeignFunction("uncompress", bytes).value;
}
