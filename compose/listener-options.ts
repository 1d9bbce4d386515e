// What a person may say about listeners: what they speak, how they read paths, how long a request
// may last. And what every listener of `run` and `up` has.

import { isIP } from "node:net";
import { z } from "zod";
import type { EscapedSlashes, HttpListenerOptions } from "../envoy/config/listener.js";
import { duration, millisecondsOf } from "../filters/shared/rule-schema.js";

export const LOOPBACK = "127.0.0.1";

export const MAX_TRUSTED_HOPS = 100;

export const ESCAPED_SLASHES = ["redirect", "forward", "reject", "keep"] as const satisfies EscapedSlashes[];

export const idleTimeoutSchema = duration("0ms", "24h");
export const maxStreamDurationSchema = duration("1ms", "24h");

/** An IP address of this machine; IPv6 with or without brackets. */
export const addressSchema = z
  .string()
  .transform((text) => text.replace(/^\[(.*)\]$/, "$1"))
  .refine(
    (text) => isIP(text) !== 0,
    "must be an IP address of this machine, such as 127.0.0.1 or ::1, or :: or 0.0.0.0 for all of them",
  );

/** Options of every listener. */
export interface ListenerSettings {
  readonly http10?: boolean | undefined;
  readonly mergeSlashes?: boolean | undefined;
  readonly idleTimeout?: string | undefined;
  readonly maxStreamDuration?: string | undefined;
}

/** Options of the listener that takes requests from outside. */
export interface EdgeSettings {
  readonly address?: string | undefined;
  readonly trustedHops?: number | undefined;
  readonly escapedSlashes?: EscapedSlashes | undefined;
}

type Options = Partial<HttpListenerOptions>;

/**
 * What Envoy keeps of a body that a filter holds, whatever the protocol. It is the default for
 * HTTP/1.1; in HTTP/2 a client could make it keep sixteen times that for each stream.
 */
const BUFFER_LIMIT_BYTES = 1024 * 1024;

/** Any listener. It merges slashes, so that `//login` meets the rules for `/login`. */
export function listenerOptions(settings: ListenerSettings = {}): Options {
  const { http10, mergeSlashes = true, idleTimeout, maxStreamDuration } = settings;
  return {
    http1Trailers: true,
    mergeSlashes,
    bufferLimitBytes: BUFFER_LIMIT_BYTES,
    ...(http10 === undefined ? {} : { http10 }),
    ...(idleTimeout === undefined ? {} : { streamIdleTimeoutSeconds: seconds(idleTimeout) }),
    ...(maxStreamDuration === undefined ? {} : { maxStreamDurationSeconds: seconds(maxStreamDuration) }),
  };
}

/**
 * The listener that takes requests from outside. By default it lets no path with escaped slashes
 * in, because many servers take `/a%2Fb` for `/a/b` and a rule for `/a/b` does not; the client is
 * sent to `/a/b`. Listeners behind it keep such paths, which come from services alone.
 */
export function edgeListenerOptions(edge: EdgeSettings = {}, settings: ListenerSettings = {}): Options {
  const { address = LOOPBACK, trustedHops, escapedSlashes = "redirect" } = edge;
  return {
    ...listenerOptions(settings),
    address,
    useRemoteAddress: true,
    preserveExternalRequestId: true,
    ...(trustedHops === undefined ? {} : { xffTrustedHops: trustedHops }),
    escapedSlashes,
  };
}

/** The address at which this machine reaches a listener: that of all addresses is one of them. */
export function reachableAt(address: string): string {
  if (address === "0.0.0.0") return LOOPBACK;
  return /^[0:]*:[0:]*$/.test(address) ? "::1" : address;
}

function seconds(text: string): number {
  return (millisecondsOf(text) ?? 0) / 1000;
}
