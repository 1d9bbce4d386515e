// Envoy's log, under the component `wasm`.

import { proxy_log } from "@solo-io/proxy-runtime/assembly/imports";
import { proxy_get_log_level } from "../abi/env";
import { OUT_WORD } from "../abi/memory";
import { LogLevel, Status } from "../abi/types";
import { Bytes } from "../text/bytes";

/**
 * Whether a message of that level is written. Ask before building a message on the request path.
 * One host call.
 */
export function logEnabled(level: LogLevel): bool {
  store<u32>(OUT_WORD, LogLevel.Info);
  proxy_get_log_level(OUT_WORD);
  return <u32>level >= load<u32>(OUT_WORD);
}

/** Writes one line. Allocates; on the request path ask `logEnabled` first. */
export function log(level: LogLevel, message: string): Status {
  return logBytes(level, Bytes.of(message));
}

/**
 * Writes one line of bytes as they are. Bytes that a client sent may contain line ends and forge
 * further lines. Allocates nothing. One host call.
 */
export function logBytes(level: LogLevel, message: Bytes): Status {
  return proxy_log(level, message.ptr, message.size);
}
