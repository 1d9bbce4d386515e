// An Envoy with rate-limit before one upstream, and a rate limit service beside it, for the tests
// of global limits.

import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import type { Json } from "../../../envoy/config/json.js";
import type { WasmFilterOptions } from "../../../envoy/config/wasm.js";
import type { RateLimitConfig } from "../../../filters/rate-limit/schema.js";
import { type SendOptions, send } from "../../../kit/envoy/client.js";
import { startEnvoy, type TestEnvoy } from "../../../kit/envoy/envoy.js";
import { showLogsOnFailure } from "../../../kit/envoy/failure-logs.js";
import type { Destination, EnvoyOptions } from "../../../kit/envoy/options.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { ClientResponse, HeaderList } from "../../../kit/traffic.js";
import { allow, type RateLimitService, startRateLimitService } from "../../support/rate-limit-service.js";

const FILTER = "rate-limit";
const DECISIONS = "wasmcustom.meshwright.rate_limit.decisions_total";

/** The cluster of the service, and one where no server listens. */
export const SERVICE = "limits";
export const DEAD = "dead";

export type Service = NonNullable<RateLimitConfig["service"]>;
export type Rule = RateLimitConfig["rules"][number];

/** Disposing of it ends Envoy and the upstream. Whoever started the service ends it. */
export interface GlobalLimitEnvoy extends AsyncDisposable {
  readonly envoy: TestEnvoy;
  readonly upstream: Upstream;
  /** Gives the filter a configuration that it must accept. */
  configure(config: RateLimitConfig): Promise<void>;
  send(options?: SendOptions): Promise<ClientResponse>;
  /** Sends the given number of requests at once, and returns how often each status occurred. */
  statuses(count: number, options?: SendOptions): Promise<Readonly<Record<string, number>>>;
  /** How often each outcome of a rule was counted so far. */
  outcomes(rule: string): Promise<Readonly<Record<string, number>>>;
}

/**
 * @param service the server behind the cluster `limits`
 * @param more other options of the filter in Envoy's configuration
 * @param listenerOptions options of the listener
 */
export async function startGlobalLimitEnvoy(
  service: Destination,
  more: Pick<WasmFilterOptions, "allowOnHeadersStopIteration"> = {},
  listenerOptions: EnvoyOptions["listenerOptions"] = {},
): Promise<GlobalLimitEnvoy> {
  const upstream = await startUpstream();
  // No server listens on the port of TCP's multiplexer.
  const dead: Destination = { port: 1, protocol: "http2" };
  const envoy = await startEnvoy({
    filters: [{ name: FILTER, module: FILTER, configuration: { rules: [] }, ...more }],
    upstreams: { upstream, [SERVICE]: service, [DEAD]: dead },
    listenerOptions: { maxRequestHeadersKb: 512, ...listenerOptions },
  });
  const ask = (options: SendOptions = {}) => send(envoy.url, options);
  return {
    envoy,
    upstream,
    async configure(config) {
      expect(await envoy.configure(FILTER, config as unknown as Json)).toEqual({ accepted: true });
    },
    send: ask,
    async statuses(count, options) {
      const counts: Record<string, number> = {};
      const responses = await Promise.all(Array.from({ length: count }, () => ask(options)));
      for (const { status } of responses) counts[status] = (counts[status] ?? 0) + 1;
      return counts;
    },
    async outcomes(rule) {
      const prefix = `${DECISIONS};rule=${rule};outcome=`;
      const stats = [...(await envoy.admin.stats("decisions_total"))];
      const counted = stats.filter(([name, value]) => name.startsWith(prefix) && value > 0);
      return Object.fromEntries(counted.map(([name, value]) => [name.slice(prefix.length), value]));
    },
    async [Symbol.asyncDispose]() {
      await envoy[Symbol.asyncDispose]();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

/** A configuration with these rules, whose service has a timeout that is kept on a busy machine. */
export function globalConfig(
  rules: readonly Rule[],
  service: Partial<Service> = {},
  more: Omit<RateLimitConfig, "rules" | "service"> = {},
): RateLimitConfig {
  return {
    ...more,
    service: { cluster: SERVICE, domain: "shop", timeout: "5s", ...service },
    rules: [...rules],
  };
}

/** A rule that asks about the header `x-user`, under the name `user`. */
export function perUser(name: string, more: Partial<Rule> = {}): Rule {
  return { name, key: [{ header: "x-user", as: "user" }], global: {}, ...more } as Rule;
}

/** The headers of that user. */
export const user = (name: string): HeaderList => [["x-user", name]];

/** An Envoy and a scripted service for all tests of a file. */
export class GlobalLimitBench {
  service!: RateLimitService;
  limited!: GlobalLimitEnvoy;
  #names = 0;

  /**
   * Make it once, at a file's top level. It starts both before the file's tests, and makes the
   * service allow everything before each test.
   * @param prefix prefix of the rules' names
   */
  constructor(readonly prefix: string) {
    beforeAll(async () => {
      this.service = await startRateLimitService();
      this.limited = await startGlobalLimitEnvoy(this.service);
    });
    afterAll(async () => {
      await this.limited?.[Symbol.asyncDispose]();
      await this.service?.[Symbol.asyncDispose]();
    });
    beforeEach(() => {
      showLogsOnFailure(this.limited.envoy);
      this.service.respond = allow;
    });
  }

  /** Counters belong to the whole process, so the rule of each test has a name of its own. */
  newName(): string {
    return `${this.prefix}-${this.#names++}`;
  }

  /** What the service was asked from question number `start` onwards. */
  questionsSince(start: number): RateLimitService["questions"] {
    return this.service.questions.slice(start);
  }

  /** Configures one rule with a limit for each user, and returns its name. */
  async only(rule: Partial<Rule> = {}, service: Partial<Service> = {}): Promise<string> {
    const name = this.newName();
    await this.limited.configure(globalConfig([perUser(name, rule)], service));
    return name;
  }
}
