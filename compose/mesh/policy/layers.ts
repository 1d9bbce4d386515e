// Times and retries over the layers of a mesh: the gateway's route, the service behind it, and what
// that calls. Nothing here is wrong for Envoy, so all of it is a warning.

import type { Problem } from "../../../envoy/problems.js";
import { millisecondsOf } from "../../../filters/shared/rule-schema.js";
import { longestWait } from "../../retry-options.js";
import type { Mesh, MeshService } from "../shape.js";

/** Places that mean less, or more, than their writer may think. Each names both layers. */
export function layerWarnings(mesh: Mesh): Problem[] {
  const services = Object.entries(mesh.services);
  return [
    ...mesh.gateway.routes.flatMap((_, i) => routeWarnings(mesh, i)),
    ...services.flatMap(([name, service]) => [
      ...attemptWarnings(name, service),
      ...(service.calls ?? []).flatMap((called) => callWarnings(mesh, name, called)),
    ]),
    ...multiplied(mesh),
  ];
}

const milliseconds = (text: string | undefined) => millisecondsOf(text ?? "0s") ?? 0;

/** A route that gives up before its service may have answered. */
function routeWarnings({ gateway, services }: Mesh, i: number): Problem[] {
  const { prefix, service, timeout } = gateway.routes[i] ?? { prefix: "", service: "" };
  const [above, below] = [milliseconds(timeout), milliseconds(services[service]?.timeout)];
  if (timeout === undefined || above === 0 || (below !== 0 && below <= above)) return [];
  const limit = below === 0 ? "has no timeout" : `may take ${services[service]?.timeout}`;
  const reason = `gives up after ${timeout}, and its service ${service} ${limit}: the gateway's route ${prefix} ends first, retries of ${service} included`;
  return [{ path: ["gateway", "routes", i, "timeout"], reason }];
}

/** A timeout within which not all attempts fit. */
function attemptWarnings(name: string, { timeout, retries }: MeshService): Problem[] {
  const whole = milliseconds(timeout);
  const perTry = milliseconds(retries?.perTryTimeout);
  if (retries === undefined || whole === 0 || perTry === 0) return [];
  const { attempts = 1 } = retries;
  const waits = Array.from({ length: attempts }, (_, i) => longestWait(retries, i + 1));
  const all = (attempts + 1) * perTry + waits.reduce((sum, wait) => sum + wait, 0);
  if (all <= whole) return [];
  const reason = `${attempts + 1} attempts of ${retries.perTryTimeout} each, with the waits between them, may take ${inWords(all)}, and the timeout of ${name} ends them after ${timeout}`;
  return [{ path: ["services", name, "timeout"], reason }];
}

/** A callee that may take longer than its caller has. */
function callWarnings({ services }: Mesh, caller: string, called: string): Problem[] {
  const { timeout, retries } = services[caller] ?? {};
  const below = milliseconds(services[called]?.timeout);
  const limits = [
    { what: "an attempt at", text: retries?.perTryTimeout },
    { what: "a call of", text: timeout },
  ].filter(({ text }) => milliseconds(text) > 0);
  const [least] = limits.toSorted((a, b) => milliseconds(a.text) - milliseconds(b.text));
  if (least === undefined || (below > 0 && below < milliseconds(least.text))) return [];
  const it = below === 0 ? "has no timeout" : `may take ${services[called]?.timeout}`;
  const reason = `${called} ${it}, and ${caller}, which calls it, has ${least.text} for ${least.what} ${caller} itself: give ${called} less`;
  // Where there is no timeout, the callee itself is the place to write one.
  const path = ["services", called, ...(below === 0 ? [] : ["timeout"])];
  return [{ path, reason }];
}

function inWords(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}

interface Chain {
  readonly attempts: number;
  /** The services that repeat on the way, the first one first. */
  readonly layers: readonly string[];
}

/** The worst way through the mesh, where more than one layer repeats what failed. */
function multiplied(mesh: Mesh): Problem[] {
  const worst = worstChains(mesh);
  const routed = [...new Set(mesh.gateway.routes.map(({ service }) => service))];
  const chains = routed.flatMap((service) => worst.get(service) ?? []);
  const [most] = chains.toSorted((a, b) => b.attempts - a.attempts);
  if (most === undefined || most.layers.length < 2) return [];
  const factors = most.layers.map((name) => String(attemptsOf(mesh.services[name]))).join(" x ");
  const last = most.layers.at(-1) ?? "";
  const reason = `retries multiply over ${most.layers.join(", ")}: one request may become ${factors} = ${most.attempts} attempts at ${last}; let one layer retry, or give ${last} a budget of retries`;
  return [{ path: ["services", last, "retries"], reason }];
}

function attemptsOf(service: MeshService | undefined): number {
  return service?.retries === undefined ? 1 : 1 + (service.retries.attempts ?? 1);
}

/**
 * For each service the way through it and what it calls that makes the most attempts. A call that
 * closes a circle is left out. A file may have thousands of services in a row, so nothing here
 * calls itself.
 */
function worstChains({ services }: Mesh): ReadonlyMap<string, Chain> {
  const known = new Map<string, Chain>();
  const open = new Set<string>();
  for (const start of Object.keys(services)) {
    const stack = [start];
    for (let name = stack.at(-1); name !== undefined; name = stack.at(-1)) {
      const service = Object.hasOwn(services, name) ? services[name] : undefined;
      const calls = service?.calls ?? [];
      const isFirst = !open.has(name) && !known.has(name);
      open.add(name);
      const waiting = isFirst ? calls.filter((each) => !known.has(each) && !open.has(each)) : [];
      if (waiting.length > 0) {
        stack.push(...waiting);
        continue;
      }
      stack.pop();
      open.delete(name);
      if (!known.has(name)) known.set(name, chainOf(name, service, calls, known));
    }
  }
  return known;
}

function chainOf(
  name: string,
  service: MeshService | undefined,
  calls: readonly string[],
  known: ReadonlyMap<string, Chain>,
): Chain {
  const below = calls.flatMap((each) => known.get(each) ?? []);
  const worst = below.reduce<Chain>((most, each) => (each.attempts > most.attempts ? each : most), {
    attempts: 1,
    layers: [],
  });
  const own = attemptsOf(service);
  if (own === 1) return worst;
  return { attempts: own * worst.attempts, layers: [name, ...worst.layers] };
}
