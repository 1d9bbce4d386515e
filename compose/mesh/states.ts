// The states of filters, such as open circuits, from the gauges that their descriptors name.

import type { FilterState } from "../../filters/descriptor.js";
import type { Mesh } from "./shape.js";
import { type Hop, type MeshEnvoy, meshEnvoys } from "./topology.js";

const PREFIX = "wasmcustom.";

/** A state of a filter in one Envoy, and the requests that the filter decides about. */
export interface StateGauge extends FilterState {
  readonly envoy: string;
  readonly service: string;
  /** Absent where the filter stands before all versions of the service. */
  readonly version?: string;
}

/**
 * The states that the filters before services can have. Those at the gateway's public listener
 * belong to no service.
 */
export function stateGauges(mesh: Mesh): readonly StateGauge[] {
  return meshEnvoys(mesh).flatMap((envoy) =>
    envoy.hops.flatMap((hop) => {
      const place = placeOf(envoy, hop);
      if (place === undefined) return [];
      const states = hop.filters.flatMap(({ descriptor, config }) => descriptor.states?.(config) ?? []);
      return states.map((state) => ({ envoy: envoy.name, ...place, ...state }));
    }),
  );
}

function placeOf({ app }: MeshEnvoy, { target }: Hop): Pick<StateGauge, "service" | "version"> | undefined {
  if (target.kind === "service") return { service: target.service };
  return target.kind === "app" && app !== undefined
    ? { service: app.service, version: app.version }
    : undefined;
}

/** Whether a statistic is a filter's own. Of those only states are read. */
export function isState(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Matches the names of the gauges in Envoy's statistics; undefined where there are none. */
export function statePattern(gauges: readonly StateGauge[]): string | undefined {
  const names = [...new Set(gauges.map(({ gauge }) => gauge.replace(/[^\w;=%-]/g, "\\$&")))];
  return names.length === 0 ? undefined : `${PREFIX.replace(".", "\\.")}(${names.join("|")})`;
}

/**
 * What holds for a version, in words: `orders open`, with a number where it holds more than once.
 * Empty where nothing holds, undefined where no filter has states.
 * @param readings the statistics of the Envoys that answer, by their names
 */
export function statesOf(
  gauges: readonly StateGauge[],
  { service, version }: { readonly service: string; readonly version: string },
  readings: ReadonlyMap<string, ReadonlyMap<string, number>>,
): string | undefined {
  const own = gauges.filter(
    (each) => each.service === service && (each.version === undefined || each.version === version),
  );
  if (own.length === 0) return undefined;
  const counts = new Map<string, number>();
  for (const { envoy, gauge, words } of own) {
    const count = readings.get(envoy)?.get(`${PREFIX}${gauge}`) ?? 0;
    counts.set(words, (counts.get(words) ?? 0) + count);
  }
  const holding = [...counts].filter(([, count]) => count > 0);
  return holding.map(([words, count]) => (count === 1 ? words : `${words} (${count})`)).join(", ");
}
