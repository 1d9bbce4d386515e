// How the engine finds out whether a pod takes requests. The checks need a shell and nothing else,
// and run in Envoy's image, so that an app's image may have neither.

import { literal } from "./interpolation.js";
import { PORTS } from "./places.js";

export interface HealthCheck {
  readonly test: readonly string[];
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
  readonly start_period: string;
}

const ENVOY_SERVES = [
  `exec 3<>/dev/tcp/127.0.0.1/${PORTS.admin}`,
  String.raw`printf 'GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n' >&3`,
  "read -r _ status _ <&3",
  '[ "$status" = 200 ]',
];

/** Envoy serves. */
export function envoyHealth(interval: string): HealthCheck {
  return check(ENVOY_SERVES, interval);
}

/** Envoy serves, and the app beside it takes connections. */
export function podHealth(interval: string, appPort: number | undefined): HealthCheck {
  const takesConnections = appPort === undefined ? [] : [`exec 4<>/dev/tcp/127.0.0.1/${appPort}`];
  return check([...ENVOY_SERVES, ...takesConnections], interval);
}

function check(steps: readonly string[], interval: string): HealthCheck {
  return {
    test: ["CMD", "/bin/bash", "-c", literal(steps.join(" && "))],
    interval,
    timeout: "5s",
    retries: 3,
    // Enough for a service that compiles itself first. A check that succeeds ends it.
    start_period: "60s",
  };
}
