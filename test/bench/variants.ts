// What is compared: for each variant one listener in the same Envoy, alike except for its filters.

import { join } from "node:path";
import { LeanModules } from "../../compose/lean-modules.js";
import type { HttpFilter } from "../../envoy/config/http-filter.js";
import type { Json } from "../../envoy/config/json.js";
import { wasmFilter } from "../../envoy/config/wasm.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { CircuitBreakerConfig } from "../../filters/circuit-breaker/schema.js";
import type { DeadlineConfig } from "../../filters/deadline/schema.js";
import type { FallbackConfig } from "../../filters/fallback/schema.js";
import type { FaultInjectionConfig } from "../../filters/fault-injection/schema.js";
import type { HeaderRoutingConfig } from "../../filters/header-routing/schema.js";
import type { RateLimitConfig } from "../../filters/rate-limit/schema.js";
import type { RetryBudgetConfig } from "../../filters/retry-budget/schema.js";
import type { TraceHeadersConfig } from "../../filters/trace-headers/schema.js";
import { buildBundle } from "../../toolchain/bundle/bundle.js";
import { findRunnable } from "../../toolchain/bundle/find.js";
import { compileModule, modulePath } from "../../toolchain/compile/build.js";
import { catalogUse } from "../support/catalog-use.js";
import { BY_HAND } from "./by-hand.js";
import {
  ALL_ANSWERS,
  CLOSED_CIRCUIT,
  DEADLINE,
  EAGER_ANSWERS,
  IN_FLIGHT,
  LEASED,
  limits,
  NAMED_CLUSTER,
  NO_FAULT,
  OTHER_ANSWERS,
  OTHER_LIMIT,
  PATH_REGEX,
  RATE_CIRCUIT,
  REGEX_RULE,
  SEGMENTS_RULE,
  TEN_FAULTS,
  TEN_RULES,
  TENANT_CIRCUIT,
} from "./configurations.js";
import { equalityRules } from "./equality-rules.js";
import type { Subject } from "./in-process.js";
import { buildHandWritten, FIVE_CALLBACKS, type HandWritten, idle } from "./modules.js";
import { fault, headerMutation, localRateLimit, lua, rbac, rbacOfPath } from "./native.js";
import { buildRustModule } from "./rust.js";
import { buildSoloModule, SOLO_ROOT_ID } from "./solo.js";

export interface Variant {
  readonly name: string;
  /** The listener's chain. */
  readonly filters: readonly HttpFilter[];
  /** The cluster's chain, for a variant whose requests go to an upstream. */
  readonly upstreamFilters?: readonly HttpFilter[];
  /** Whether its filters run on another route alone, and not on the one that is measured. */
  readonly onAnotherRoute?: true;
  /** The variant with which it is compared. Default: no filter. */
  readonly over?: string;
}

/** A module that someone else built. */
export interface Peer {
  readonly name: string;
  /** Its .wasm file. */
  readonly path: string;
  /** Its settings. Default: an empty object. */
  readonly configuration?: Json;
}

/** The names of variants with which figures are compared. */
export const NAMES = {
  noFilter: "no filter",
  /** Makes the figures of different machines comparable. */
  yardstick: "Wasm that does nothing, five callbacks",
  yardstickAgain: "Wasm that does nothing, five callbacks (again)",
  anotherRoute: "Wasm that does nothing, five callbacks, on another route",
  oneCallback: "Wasm that does nothing, one callback",
  addOurs: "adds a response header: our SDK",
  addByHand: "adds a response header: written by hand",
  addRust: "adds a response header: Rust SDK",
  addSolo: "adds a response header: @solo-io/proxy-runtime",
  readOurs: "reads a request header: our SDK",
  readByHand: "reads a request header: written by hand",
  tenRules: "header-routing, ten rules",
  tenRulesExplained: "header-routing, ten rules, which says in a property what it decided",
  routingByHand: "the host calls of header-routing, by hand",
  oneRule: "header-routing, one equality rule",
  oneRuleByHand: "the host calls of header-routing, one rule, by hand",
  thousandRules: "header-routing, 1,000 equality rules",
  segmentsRule: "header-routing, one rule with segments of the path",
  regexRule: "header-routing, one rule with a regular expression of the path",
  nativeRegex: "native RBAC, a regular expression of the path",
  traceIn: "trace-headers, W3C in and out",
  traceWhole: "trace-headers, W3C in and out, the whole module",
  traceNew: "trace-headers, a new trace",
  traceByHand: "the host calls of trace-headers, by hand",
  nativeFault: "native fault, 0 %",
  noFault: "fault-injection, one rule, 0 %",
  tenFaults: "fault-injection, ten rules, none matches",
  nativeLimit: "native local rate limit",
  limit: "rate-limit, one key",
  limitByHand: "the host calls of rate-limit, one key, by hand",
  limitOther: "rate-limit, another path",
  limitWhole: "rate-limit, one key, the whole module",
  limitHeaders: "rate-limit, one key, with its response headers",
  limitLease: "rate-limit, one key, with leases",
  leaseByHand: "the host calls of rate-limit, a lease held, by hand",
  limitInFlight: "rate-limit, requests in flight",
  fiveLimits: "rate-limit, five keys, all must pass",
  fiveLimitsByHand: "the host calls of rate-limit, five keys, by hand",
  circuit: "circuit-breaker, a closed circuit",
  circuitByHand: "the host calls of circuit-breaker, by hand",
  circuitKeyed: "circuit-breaker, a closed circuit of a header",
  circuitRate: "circuit-breaker, a closed circuit, rate",
  deadline: "deadline, the rule's own time",
  deadlineByHand: "the host calls of deadline, by hand",
  deadlineInbound: "deadline, which remembers traces",
  fallback: "fallback, answers that are kept once a second",
  fallbackEager: "fallback, answers that are kept ten times a second",
  fallbackOther: "fallback, another path",
  noFilterUpstream: "no filter, to an upstream",
  idleUpstream: "Wasm that does nothing, five callbacks, upstream",
  anotherRouteUpstream: "Wasm that does nothing, five callbacks, upstream, on another route",
  noFaultUpstream: "fault-injection, one rule, 0 %, upstream",
  deadlineUpstream: "deadline, upstream",
  budget: "retry-budget, ratio",
  budgetNamed: "retry-budget, ratio, of a named cluster",
  budgetByHand: "the host calls of retry-budget, of a named cluster, by hand",
  budgetConcurrency: "retry-budget, concurrency",
  nativeChain: "native fault, rate limit, header mutation, RBAC in a chain",
  ourChain: "our filters in a chain",
  ourBundle: "our filters in one module",
  bundleByHand: "the host calls of our filters in one module, by hand",
} as const;

/**
 * All variants.
 * @param directory where modules go that are compiled for the comparison
 */
export async function benchVariants(directory: string, peers: readonly Peer[]): Promise<readonly Variant[]> {
  const byHand = async (name: string, does: HandWritten): Promise<Variant> =>
    wasm(name, await buildHandWritten(directory, fileName(name), does));
  const compiled = async (name: string, entry: string): Promise<Variant> => {
    const module = join(directory, `${fileName(name)}.wasm`);
    await compileModule(entry, module);
    return wasm(name, module);
  };
  const lean = new LeanModules(directory);
  const filtered = (name: string, filter: string, configuration: OurConfig): Variant => {
    const config = configuration as unknown as Json;
    return wasm(name, lean.pathOf(modulePath(filter), catalogUse(filter, config)), config);
  };
  const routing = (name: string, rules: HeaderRoutingConfig) => filtered(name, "header-routing", rules);
  const tracing = (name: string, config: TraceHeadersConfig) => filtered(name, "trace-headers", config);
  const tenRules = routing(NAMES.tenRules, TEN_RULES);
  const traceIn = tracing(NAMES.traceIn, {});
  const yardstick = await byHand(NAMES.yardstick, idle(FIVE_CALLBACKS));
  return [
    { name: NAMES.noFilter, filters: [] },
    yardstick,
    { ...yardstick, name: NAMES.anotherRoute, onAnotherRoute: true },
    await byHand(NAMES.oneCallback, idle(["proxy_on_request_headers"])),
    await byHand("Wasm that does nothing, no callback", {}),
    { name: "adds a response header: native header mutation", filters: [headerMutation()] },
    { name: "adds a response header: Lua", filters: [lua()] },
    await compiled(NAMES.addOurs, "test/probes/add-header/index.ts"),
    await byHand(NAMES.addByHand, BY_HAND.addHeader),
    ...(await otherSdks(directory)),
    await compiled(NAMES.readOurs, "test/probes/read-header/index.ts"),
    await byHand(NAMES.readByHand, BY_HAND.readHeader),
    tenRules,
    routing(NAMES.tenRulesExplained, { ...TEN_RULES, explainProperty: "mesh" }),
    await byHand(NAMES.routingByHand, BY_HAND.tenRules),
    routing(NAMES.oneRule, equalityRules(1)),
    await byHand(NAMES.oneRuleByHand, BY_HAND.oneRule),
    routing(NAMES.thousandRules, equalityRules(1000)),
    routing(NAMES.segmentsRule, SEGMENTS_RULE),
    routing(NAMES.regexRule, REGEX_RULE),
    { name: NAMES.nativeRegex, filters: [rbacOfPath(PATH_REGEX)] },
    traceIn,
    wasm(NAMES.traceWhole, modulePath("trace-headers")),
    tracing(NAMES.traceNew, { trustIncoming: false }),
    await byHand(NAMES.traceByHand, BY_HAND.traceIn),
    { name: NAMES.nativeFault, filters: [fault()] },
    filtered(NAMES.noFault, "fault-injection", NO_FAULT),
    filtered(NAMES.tenFaults, "fault-injection", TEN_FAULTS),
    { name: NAMES.nativeLimit, filters: [localRateLimit()] },
    filtered(NAMES.limit, "rate-limit", limits("x-user-id")),
    await byHand(NAMES.limitByHand, BY_HAND.limit),
    filtered(NAMES.limitOther, "rate-limit", OTHER_LIMIT),
    wasm(NAMES.limitWhole, modulePath("rate-limit"), limits("x-user-id") as unknown as Json),
    filtered(NAMES.limitHeaders, "rate-limit", { ...limits("x-user-id"), headers: "ietf" }),
    filtered(NAMES.limitLease, "rate-limit", LEASED),
    await byHand(NAMES.leaseByHand, BY_HAND.lease),
    filtered(NAMES.limitInFlight, "rate-limit", IN_FLIGHT),
    filtered(NAMES.fiveLimits, "rate-limit", limits("x-user-id", "user-agent", "accept", "x-a", "x-b")),
    await byHand(NAMES.fiveLimitsByHand, BY_HAND.fiveLimits),
    filtered(NAMES.circuit, "circuit-breaker", CLOSED_CIRCUIT),
    await byHand(NAMES.circuitByHand, BY_HAND.circuit),
    filtered(NAMES.circuitKeyed, "circuit-breaker", TENANT_CIRCUIT),
    filtered(NAMES.circuitRate, "circuit-breaker", RATE_CIRCUIT),
    filtered(NAMES.deadline, "deadline", DEADLINE),
    await byHand(NAMES.deadlineByHand, BY_HAND.deadline),
    filtered(NAMES.deadlineInbound, "deadline", { ...DEADLINE, trace: "inbound" }),
    filtered(NAMES.fallback, "fallback", ALL_ANSWERS),
    filtered(NAMES.fallbackEager, "fallback", EAGER_ANSWERS),
    filtered(NAMES.fallbackOther, "fallback", OTHER_ANSWERS),
    { name: NAMES.noFilterUpstream, filters: [], upstreamFilters: [] },
    upstream({ ...yardstick, name: NAMES.idleUpstream }),
    { ...upstream({ ...yardstick, name: NAMES.anotherRouteUpstream }), onAnotherRoute: true },
    upstream(filtered(NAMES.noFaultUpstream, "fault-injection", { ...NO_FAULT, where: "upstream" })),
    upstream(filtered(NAMES.deadlineUpstream, "deadline", { ...DEADLINE, where: "upstream" })),
    upstream(filtered(NAMES.budget, "retry-budget", {})),
    upstream(filtered(NAMES.budgetNamed, "retry-budget", NAMED_CLUSTER)),
    upstream(await byHand(NAMES.budgetByHand, BY_HAND.budgetNamed)),
    upstream(
      filtered(NAMES.budgetConcurrency, "retry-budget", { budgets: [{ name: "default", concurrency: {} }] }),
    ),
    { name: "native RBAC, allow any", filters: [rbac()] },
    { name: NAMES.nativeChain, filters: [fault(), localRateLimit(), headerMutation(), rbac()] },
    { name: NAMES.ourChain, filters: [...tenRules.filters, ...traceIn.filters] },
    await bundled(directory, lean),
    await byHand(NAMES.bundleByHand, BY_HAND.bundle),
    ...peers.map(({ name, path, configuration }) => wasm(name, path, configuration)),
    { ...yardstick, name: NAMES.yardstickAgain },
  ];
}

/**
 * The variants with one of these texts in their names, and those with which they are compared; all
 * of them without a text.
 * @throws MeshwrightError `usage` for a text that no name has
 */
export function only(variants: readonly Variant[], texts: readonly string[]): readonly Variant[] {
  if (texts.length === 0) return variants;
  const unknown = texts.find((text) => !variants.some(({ name }) => name.includes(text)));
  if (unknown !== undefined)
    throw new MeshwrightError(
      "usage",
      `no variant has "${unknown}" in its name: leave --only out to see all`,
    );
  const chosen = variants.filter(({ name }) => texts.some((text) => name.includes(text)));
  const needed = new Set<string>([
    ...[NAMES.noFilter, NAMES.yardstick, NAMES.yardstickAgain],
    ...chosen.flatMap(({ name, over }) => (over === undefined ? [name] : [name, over])),
  ]);
  return variants.filter(({ name }) => needed.has(name));
}

/** The same filters in a cluster's chain. */
function upstream({ name, filters }: Variant): Variant {
  return { name, filters: [], upstreamFilters: filters, over: NAMES.noFilterUpstream };
}

/** Our filters as in the first part, for the second part. */
export function inProcessSubjects(): readonly Subject[] {
  return [
    { name: NAMES.tenRules, module: modulePath("header-routing"), configuration: TEN_RULES },
    { name: NAMES.traceIn, module: modulePath("trace-headers"), configuration: {} },
  ];
}

/** The same task as `addOurs` in other SDKs, if they are available here. */
async function otherSdks(directory: string): Promise<readonly Variant[]> {
  const rust = await buildRustModule(directory);
  const solo = { name: NAMES.addSolo, module: await buildSoloModule(directory), rootId: SOLO_ROOT_ID };
  return [
    ...(rust === undefined ? [] : [wasm(NAMES.addRust, rust)]),
    {
      name: solo.name,
      filters: [wasmFilter({ ...solo, name: fileName(solo.name), configuration: {} })],
    },
  ];
}

/** Our filters in one module, with the configurations that they have alone. */
async function bundled(directory: string, lean: LeanModules): Promise<Variant> {
  const name = "our-filters";
  await buildBundle(name, ["header-routing", "trace-headers"], { outDir: directory });
  const module = modulePath(name, directory);
  const config = { "header-routing": TEN_RULES, "trace-headers": {} } as unknown as Json;
  const use = { filter: name, descriptor: await findRunnable(module), config };
  return wasm(NAMES.ourBundle, lean.pathOf(module, use), config);
}

/** The settings of a filter of the catalog. */
type OurConfig =
  | HeaderRoutingConfig
  | TraceHeadersConfig
  | FaultInjectionConfig
  | RetryBudgetConfig
  | RateLimitConfig
  | CircuitBreakerConfig
  | DeadlineConfig
  | FallbackConfig;

function wasm(name: string, module: string, configuration: Json = {}): Variant {
  return { name, filters: [wasmFilter({ name: fileName(name), module, configuration })] };
}

function fileName(name: string): string {
  return name.replaceAll(/[^a-z0-9]+/gi, "-");
}
