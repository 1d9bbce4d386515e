// Active health checks in a mesh file. Each sidecar asks its own app; callers ask the sidecar,
// which answers for its app. So an app is asked by one Envoy, however many call it, and what stands
// in the sidecar's chain, such as rules of who may call, does not see the checks.

import { z } from "zod";
import type { HealthCheckOptions, HealthQuestion } from "../../../envoy/config/health-check.js";
import { exactlyOneOf } from "../../../filters/shared/match-schema.js";
import { duration, millisecondsOf } from "../../../filters/shared/rule-schema.js";
import { secondsOf, whole } from "./numbers.js";

/** The path at which a sidecar answers for its app. No service's path has a tilde by chance. */
export const HEALTH_PATH = "/meshwright~health";

const DEFAULTS = { interval: "5s", timeout: "1s", unhealthyThreshold: 2, healthyThreshold: 1 } as const;

const httpSchema = z.strictObject({
  path: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,1000}$/, 'must be a path that begins with "/", without spaces')
    .describe("What is asked for, by GET."),
  host: z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "must be a host, without spaces")
    .optional()
    .describe("The host that is asked for. Default: the name of the mesh's cluster."),
  statuses: z
    .array(whole(100, 599))
    .min(1, "must name at least one status")
    .max(50, "must name at most 50 statuses")
    .optional()
    .describe("The statuses of a healthy instance. Default 200."),
});

const grpcSchema = z.strictObject({
  service: z
    .string()
    .regex(/^[A-Za-z0-9_.]{1,200}$/, "must be the name of a gRPC service, such as shop.Stock")
    .optional()
    .describe("The service that gRPC's health service is asked about. Default: the server as a whole."),
});

export const healthChecksSchema = z
  .strictObject({
    http: httpSchema.optional().describe("Asks by HTTP, in the service's protocol."),
    grpc: grpcSchema.optional().describe("Asks grpc.health.v1.Health."),
    tcp: z.strictObject({}).optional().describe("Looks whether the app takes connections."),
    interval: duration("100ms", "1h").optional().describe("From one check to the next. Default 5s."),
    timeout: duration("10ms", "1h").optional().describe("How long an answer may take. Default 1s."),
    unhealthyThreshold: whole(1, 100)
      .optional()
      .describe("After so many failures in a row an instance is unhealthy. Default 2."),
    healthyThreshold: whole(1, 100)
      .optional()
      .describe("After so many good answers in a row it is healthy again. Default 1."),
  })
  .refine(exactlyOneOf(["http", "grpc", "tcp"]), "needs exactly one of http, grpc, tcp")
  .refine(
    ({ interval = DEFAULTS.interval, timeout = DEFAULTS.timeout }) =>
      (millisecondsOf(timeout) ?? 0) <= (millisecondsOf(interval) ?? 0),
    { path: ["timeout"], message: "must not be above the interval (default 5s), or checks would overlap" },
  );

export type HealthChecks = z.output<typeof healthChecksSchema>;

/** How a sidecar asks its app. */
export function appCheck(checks: HealthChecks, protocol: "http1" | "http2"): HealthCheckOptions {
  return { ...rhythm(checks), question: questionOf(checks, protocol) };
}

/** How a caller asks a sidecar. */
export function sidecarCheck(checks: HealthChecks, protocol: "http1" | "http2"): HealthCheckOptions {
  const question = { kind: "http", path: HEALTH_PATH, protocol } as const;
  // The sidecar counts failures in a row already.
  return { ...rhythm(checks), unhealthyThreshold: 1, healthyThreshold: 1, question };
}

function rhythm(checks: HealthChecks): Omit<HealthCheckOptions, "question"> {
  return {
    intervalSeconds: secondsOf(checks.interval ?? DEFAULTS.interval),
    timeoutSeconds: secondsOf(checks.timeout ?? DEFAULTS.timeout),
    unhealthyThreshold: checks.unhealthyThreshold ?? DEFAULTS.unhealthyThreshold,
    healthyThreshold: checks.healthyThreshold ?? DEFAULTS.healthyThreshold,
  };
}

function questionOf({ http, grpc }: HealthChecks, protocol: "http1" | "http2"): HealthQuestion {
  if (grpc !== undefined) {
    return { kind: "grpc", ...(grpc.service === undefined ? {} : { service: grpc.service }) };
  }
  if (http === undefined) return { kind: "tcp" };
  const { path, host, statuses } = http;
  return {
    kind: "http",
    path,
    protocol,
    ...(host === undefined ? {} : { host }),
    ...(statuses === undefined ? {} : { statuses }),
  };
}
