// The connection pool of a service in a mesh file: how much may go on at once, from each Envoy to
// each version.

import { z } from "zod";
import type { ClusterOptions } from "../../../envoy/config/cluster.js";
import { duration } from "../../../filters/shared/rule-schema.js";
import { secondsOf, whole } from "./numbers.js";

const limit = (least: number) => whole(least, 1_000_000);

export const connectionPoolSchema = z.strictObject({
  maxConnections: limit(1).optional().describe("Connections at once. Default 1024."),
  maxPendingRequests: limit(0)
    .optional()
    .describe("Requests that wait for a connection; 0 is none. Default 1024."),
  maxRequests: limit(1).optional().describe("Requests at once. Default 1024."),
  maxRetries: limit(0).optional().describe("Retries at once; 0 is none. Default 1024."),
  maxConnectionsPerHost: limit(1)
    .optional()
    .describe("Connections at once to each instance. Default: no separate limit."),
  maxRequestsPerConnection: limit(1)
    .optional()
    .describe("After so many requests a connection is closed. Default: no limit."),
  connectTimeout: duration("1ms", "1h")
    .optional()
    .describe("How long a new connection may take. Default 5s."),
  idleTimeout: duration("0ms", "24h")
    .optional()
    .describe("How long a connection without requests stays open; 0s is no limit. Default 1h."),
});

export type ConnectionPool = z.output<typeof connectionPoolSchema>;

export function connectionPoolOptions(pool: ConnectionPool, maxRetries: number): Partial<ClusterOptions> {
  const { maxRequestsPerConnection, maxConnectionsPerHost } = pool;
  const limits = {
    maxConnections: pool.maxConnections,
    maxPendingRequests: pool.maxPendingRequests,
    maxRequests: pool.maxRequests,
    maxRetries: pool.maxRetries ?? maxRetries,
    maxConnectionsPerHost,
  };
  const given = Object.entries(limits).filter(([, value]) => value !== undefined);
  const connectTimeoutSeconds = secondsOf(pool.connectTimeout);
  const idleTimeoutSeconds = secondsOf(pool.idleTimeout);
  return {
    circuitBreakers: Object.fromEntries(given),
    ...(maxRequestsPerConnection === undefined ? {} : { maxRequestsPerConnection }),
    ...(connectTimeoutSeconds === undefined ? {} : { connectTimeoutSeconds }),
    ...(idleTimeoutSeconds === undefined ? {} : { idleTimeoutSeconds }),
  };
}
