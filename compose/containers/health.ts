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
}

/** How long a service may take that compiles itself first. */
const START_SECONDS = 60;
/** How long a database may take that makes its files first. */
const LONG_START_SECONDS = 180;
/** What each pod of a mesh adds: two processors with other work may take that long for it. */
const START_SECONDS_PER_POD = 5;

/** How long what was ready may be away before a look says so, in seconds. */
const AWAY_SECONDS = 10;
/** How long one look watches what is ready, and how often it asks, in seconds. */
const WATCH_SECONDS = 300;
const ASK_AGAIN_SECONDS = 15;

const ENVOY_SERVES =
  String.raw`{ printf 'GET /ready HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n' >&3` +
  ` && read -rt 5 _ status _ <&3 && [ "$status" = 200 ]; } 3<>/dev/tcp/127.0.0.1/${PORTS.admin}`;

/** Envoy serves. @param pods the number of pods that start together */
export function envoyHealth(pods: number): HealthCheck {
  return check([ENVOY_SERVES], START_SECONDS, pods);
}

/**
 * The app takes connections, and Envoy serves. Rules let nobody but Envoy's own user ask Envoy; its
 * listener for the app is there when it serves.
 * @param pods the number of pods that start together
 */
export function podHealth(
  pods: number,
  mesh: Mesh,
  { service, start, compose }: ServicePlan,
  hasRules: boolean,
): HealthCheck {
  const port = calledPort(mesh, service);
  if (!hasRules) {
    // A connection is a line in the log of many a database, and of no HTTP server.
    const app = mesh.services[service]?.protocol === "tcp" ? listens(port) : takesConnections(port);
    return check([ENVOY_SERVES, ...(start === undefined ? [] : [app])], START_SECONDS, pods);
  }
  const onlyCalls = compose !== undefined && mesh.services[service]?.port === undefined;
  const isHere = start !== undefined || compose !== undefined;
  const ports = [...(onlyCalls ? [PORTS.status] : [PORTS.inbound]), ...(isHere && !onlyCalls ? [port] : [])];
  return check(ports.map(listens), compose === undefined ? START_SECONDS : LONG_START_SECONDS, pods);
}

function takesConnections(port: number): string {
  return `: 3<>/dev/tcp/127.0.0.1/${port}`;
}

/**
 * Somebody in the namespace listens on the port, as the kernel's tables say. To read them takes
 * some 10 ms.
 */
function listens(port: number): string {
  return `listens ${port.toString(16).toUpperCase().padStart(4, "0")}`;
}

const LISTENS = [
  "listens() { for f in /proc/net/tcp /proc/net/tcp6; do [ -r $f ] || continue;",
  "while read -r _ address _ state _; do [[ $address == *:$1 && $state == 0A ]] && return 0; done < $f;",
  "done; return 1; }",
].join(" ");

/**
 * To start a look costs the engine some 70 ms of a processor, so that looks every second would keep
 * two processors busy with twenty pods. Therefore one look lasts: the first until the container is
 * ready, the next ones as long as it stays so. A look sleeps by reading from a pipe that nobody
 * writes to, which needs no process, and /dev/shm is new whenever the container starts.
 */
function look(conditions: readonly string[], startSeconds: number): string {
  return [
    ...(conditions.some((each) => each.startsWith("listens ")) ? [LISTENS] : []),
    `ready() { ${conditions.join(" && ")}; } 2>/dev/null`,
    "exec 9<> <(:)",
    'nap() { read -rt "$1" -u 9; }',
    "await() { until ready; do ((SECONDS < $1)) || exit 1; nap 1; done; }",
    `[ -e /dev/shm/ready ] || { await ${startSeconds}; : >/dev/shm/ready; exit 0; }`,
    `while ((SECONDS < ${WATCH_SECONDS})); do await $((SECONDS + ${AWAY_SECONDS})); nap ${ASK_AGAIN_SECONDS}; done`,
    "exit 0",
  ].join("\n");
}

function check(conditions: readonly string[], startSeconds: number, pods: number): HealthCheck {
  const seconds = startSeconds + START_SECONDS_PER_POD * pods;
  return {
    test: ["CMD", "/bin/bash", "-c", literal(look(conditions, seconds))],
    interval: "1s",
    // Longer than any look takes by itself.
    timeout: `${Math.max(seconds, WATCH_SECONDS) + 60}s`,
    retries: 1,
  };
}
