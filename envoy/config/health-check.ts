// Active health checks: Envoy asks each endpoint again and again, and one that does not answer as
// it should gets no requests. And the filter by which an Envoy answers such a check for its own.
import type { HttpFilter } from "./http-filter.js";
import { duration, typedConfig } from "./typed-config.js";

/** What is asked. */
export type HealthQuestion =
  | {
      readonly kind: "http";
      readonly path: string;
      /** Default: the cluster's name. */
      readonly host?: string;
      /** Default: 200. */
      readonly statuses?: readonly number[];
      /** Default: `http1`. */
      readonly protocol?: "http1" | "http2";
    }
  /** The health service of gRPC. `service` is the name that it is asked for. */
  | { readonly kind: "grpc"; readonly service?: string }
  /** Whether it takes a connection. */
  | { readonly kind: "tcp" };

export interface HealthCheckOptions {
  readonly question: HealthQuestion;
  readonly intervalSeconds: number;
  readonly timeoutSeconds: number;
  /** So many failures in a row make an endpoint unhealthy; an HTTP status does so at once. */
  readonly unhealthyThreshold: number;
  readonly healthyThreshold: number;
}

const UNHEALTHY_INTERVAL_S = 1;

/** An entry of Envoy's `Cluster.health_checks`. */
export type HealthCheck = Readonly<Record<string, unknown>>;

export function healthCheck(options: HealthCheckOptions): HealthCheck {
  const interval = duration(options.intervalSeconds, "intervalSeconds");
  return {
    timeout: duration(options.timeoutSeconds, "timeoutSeconds"),
    interval,
    // Envoy would ask a cluster without requests once a minute.
    no_traffic_interval: interval,
    // What is down may be up again at any time, above all while a mesh starts.
    unhealthy_interval: duration(Math.min(options.intervalSeconds, UNHEALTHY_INTERVAL_S), "intervalSeconds"),
    unhealthy_threshold: options.unhealthyThreshold,
    healthy_threshold: options.healthyThreshold,
    ...checker(options.question),
  };
}

function checker(question: HealthQuestion): HealthCheck {
  switch (question.kind) {
    case "tcp":
      return { tcp_health_check: {} };
    case "grpc": {
      const { service } = question;
      return { grpc_health_check: service === undefined ? {} : { service_name: service } };
    }
    case "http": {
      const { path, host, statuses = [200], protocol = "http1" } = question;
      const http_health_check = {
        path,
        ...(host === undefined ? {} : { host }),
        // The end of a range does not belong to it.
        expected_statuses: statuses.map((status) => ({ start: status, end: status + 1 })),
        codec_client_type: protocol === "http2" ? "HTTP2" : "HTTP1",
      };
      return { http_health_check };
    }
  }
}

/**
 * Answers a path of its own with 200 while every endpoint of a cluster is healthy, and with 503
 * otherwise.
 */
export function healthAnswer(options: { readonly path: string; readonly cluster: string }): HttpFilter {
  return {
    name: "envoy.filters.http.health_check",
    typed_config: typedConfig("envoy.extensions.filters.http.health_check.v3.HealthCheck", {
      pass_through_mode: false,
      headers: [{ name: ":path", string_match: { exact: options.path } }],
      cluster_min_healthy_percentages: { [options.cluster]: { value: 100 } },
    }),
  };
}
