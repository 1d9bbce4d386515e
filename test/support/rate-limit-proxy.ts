// A proxy in process with rate-limit before one upstream, and the questions that tests ask of it.

import type { Json } from "../../envoy/config/json.js";
import type { RateLimitConfig } from "../../filters/rate-limit/schema.js";
import { type HostedProxy, hostProxy } from "../../kit/host/proxy.js";
import type { HeaderList } from "../../kit/traffic.js";
import { buildFilters } from "../../toolchain/compile/build.js";
import type { Random } from "../agreement/random.js";

const FILTER = "rate-limit";
const WORKERS = 4;
const READ = "proxy_get_shared_data";
const WRITE = "proxy_set_shared_data";

export const PER_USER: RateLimitConfig["rules"][number]["key"] = [{ header: "x-user" }];

/** Builds the module and returns its path. */
export async function buildRateLimit(): Promise<string> {
  const [built] = await buildFilters([FILTER]);
  if (built === undefined) throw new Error("rate-limit was not built");
  return built.path;
}

/**
 * A proxy of four workers with the module. Its upstream also sends headers with names that the
 * filter uses.
 */
export function limitedProxy(module: string, config: RateLimitConfig): HostedProxy {
  const respond = () => ({ headers: [["ratelimit", "upstream"] as const, ["x-why", "upstream"] as const] });
  return hostProxy({
    workers: WORKERS,
    filters: [{ name: FILTER, module, configuration: config as Json }],
    upstreams: { upstream: respond },
  });
}

/** How many of this many requests pass. Each request goes to the next worker. */
export function passing(proxy: HostedProxy, requests: number, headers: HeaderList = []): number {
  let passed = 0;
  for (let i = 0; i < requests; i++) if (proxy.request({ headers }).response?.status === 200) passed++;
  return passed;
}

/** All values of a response header of one request. */
export function header(proxy: HostedProxy, name: string, headers: HeaderList = []): string[] {
  const { response } = proxy.request({ headers });
  return (response?.headers ?? []).filter(([other]) => other === name).map(([, value]) => value);
}

/** How often a rule had each outcome, without outcomes that never happened. */
export function decisions(proxy: HostedProxy, rule: string): Record<string, number> {
  const prefix = `meshwright.rate_limit.decisions_total;rule=${rule};outcome=`;
  return Object.fromEntries(
    [...proxy.metrics]
      .filter(([name, value]) => name.startsWith(prefix) && value > 0)
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );
}

/** The reads and writes of shared data that this makes. */
export function sharedCalls(proxy: HostedProxy, run: () => void): { reads: number; writes: number } {
  const made = { reads: 0, writes: 0 };
  proxy.host.intercept = (call) => {
    if (call === READ) made.reads++;
    if (call === WRITE) made.writes++;
    return undefined;
  };
  run();
  proxy.host.intercept = undefined;
  return made;
}

/**
 * Sends this many requests of two users to workers by chance, and others of them whenever a worker
 * is about to read or write shared data.
 */
export function interleave(proxy: HostedProxy, requests: number, random: Random): void {
  const often = 2 + random.below(8);
  // A worker within a host call serves nobody else.
  const busy = new Set<number>();
  const ask = () => {
    const worker = random.below(WORKERS);
    if (busy.has(worker)) return;
    busy.add(worker);
    proxy.request({ worker, headers: [["x-user", random.below(3) === 0 ? "bob" : "ann"]] });
    busy.delete(worker);
  };
  proxy.host.intercept = (call) => {
    if ((call === READ || call === WRITE) && random.below(often) === 0) ask();
    return undefined;
  };
  for (let i = 0; i < requests; i++) ask();
  proxy.host.intercept = undefined;
}
