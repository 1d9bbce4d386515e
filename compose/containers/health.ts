// How the engine finds out whether a pod takes requests. The checks need a shell and nothing else,
// and run in Envoy's image, so that an app's image may have neither.

import type { ServicePlan } from "../mesh/plan-service.js";
import type { Mesh } from "../mesh/shape.js";
import { literal } from "./interpolation.js";
import { calledPort, PORTS } from "./places.js";

export interface HealthCheck {
  readonly test: readonly string[];
  readonly interval: string;
  readonly timeout: string;
  readonly retries: number;
  readonly start_period: string;
}

/** Enough for a service that compiles itself first. A check that succeeds ends it. */
const START_PERIOD = "60s";
/** Enough for a database that makes its files first. */
const LONG_START_PERIOD = "180s";

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

/**
 * The app takes connections, and Envoy serves. Rules let nobody but Envoy's own user ask Envoy; its
 * listener for the app is there when it serves.
 */
export function podHealth(
  interval: string,
  mesh: Mesh,
  { service, start, compose }: ServicePlan,
  hasRules: boolean,
): HealthCheck {
  const port = calledPort(mesh, service);
  if (!hasRules)
    return check([...ENVOY_SERVES, ...(start === undefined ? [] : [LISTENS, listens(port)])], interval);
  const onlyCalls = compose !== undefined && mesh.services[service]?.port === undefined;
  const isHere = start !== undefined || compose !== undefined;
  const ports = [...(onlyCalls ? [PORTS.status] : [PORTS.inbound]), ...(isHere && !onlyCalls ? [port] : [])];
  return check(
    [LISTENS, ...ports.map(listens)],
    interval,
    compose === undefined ? START_PERIOD : LONG_START_PERIOD,
  );
}

/**
 * Somebody in the namespace listens on the port. The kernel's tables say so: a connection would be
 * a line in the log of many a database.
 */
function listens(port: number): string {
  return `listens ${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

const LISTENS = [
  "listens() { for f in /proc/net/tcp /proc/net/tcp6; do [ -r $f ] || continue;",
  "while read -r _ address _ state _; do [[ $address == *:$1 && $state == 0A ]] && return 0; done < $f;",
  "done; return 1; }",
].join(" ");

function check(steps: readonly string[], interval: string, startPeriod = START_PERIOD): HealthCheck {
  return {
    test: ["CMD", "/bin/bash", "-c", literal(steps.join(" && "))],
    interval,
    timeout: "5s",
    retries: 3,
    start_period: startPeriod,
  };
}
