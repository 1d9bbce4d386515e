// The rules of a service as a filter of Envoy's own, which stands before every other filter of the
// service's sidecars: a refused call costs and counts nothing behind it.

import { all, httpRbac, type Principal, type RbacRules, some } from "../../envoy/config/rbac.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import type { FilterUse } from "../filter-use.js";
import { NATIVE, nativeUse } from "../native-filters.js";
import {
  type AccessedMesh,
  type AccessedService,
  type AccessRule,
  ANYBODY,
  hasAccessRules,
} from "./access.js";
import { namedCallers, type OrderedRule, orderedRules } from "./access-order.js";
import { type IdentifiedMesh, spiffeId } from "./identity.js";

type RuledMesh = AccessedMesh & IdentifiedMesh;

/** A native filter whose listener also refuses paths that could be read in two ways. */
const ACCESS: FilterDescriptor = {
  ...NATIVE,
  restartKeys: (config) => ({
    ...NATIVE.restartKeys?.(config),
    paths: JSON.stringify(config).includes('"url_path"'),
  }),
};

/** The filter's name in Envoy; a person's own RBAC filter has another. */
export const ACCESS_FILTER = "meshwright.access";

/**
 * The filter before the app of a sidecar; none where calls are not looked at.
 * @param sidecar its name, which the statistics have
 */
export function accessUses(mesh: RuledMesh, service: string, sidecar: string): readonly FilterUse[] {
  if (!hasAccessRules(mesh, service)) return [];
  const { allow = [], deny = [] } = mesh.services[service] ?? {};
  const everything = { allow, deny };
  const inForce = { allow: allow.filter(isInForce), deny: deny.filter(isInForce) };
  const isDry = mesh.access?.dryRun === true;
  const hasShadow = isDry || [...allow, ...deny].some((rule) => !isInForce(rule));
  const typed_config = httpRbac({
    rules: isDry ? undefined : rbacRules(mesh, inForce),
    shadowRules: hasShadow ? rbacRules(mesh, everything) : undefined,
    statPrefix: `${sidecar}.`,
  });
  return [{ ...nativeUse({ name: ACCESS_FILTER, typed_config }), descriptor: ACCESS }];
}

function isInForce({ dryRun }: AccessRule): boolean {
  return dryRun !== true;
}

/** Whether a rule of the service is about paths. */
export function hasPathRules({ services }: AccessedMesh, service: string): boolean {
  return orderedRules(services[service] ?? {}).some(({ path }) => path !== undefined);
}

/**
 * Envoy takes the policies in no order. So each says too that no rule before it, of the other kind,
 * matches.
 */
function rbacRules(mesh: RuledMesh, service: AccessedService): RbacRules {
  const rules = orderedRules(service);
  const callers = namedCallers(rules);
  const decisive = mesh.access?.denyByDefault === true ? "allow" : "deny";
  const policies: Record<string, Principal[]> = {};
  for (const [i, rule] of rules.entries()) {
    if (rule.action !== decisive) continue;
    const before = rules.slice(0, i).filter(({ action }) => action !== decisive);
    const matches = before.map((each) => principalOf(mesh, each, callers));
    const name = `${decisive}_${rule.index + 1}`;
    policies[name] ??= [];
    policies[name].push(
      all([principalOf(mesh, rule, callers), ...(matches.length === 0 ? [] : [{ not_id: some(matches) }])]),
    );
  }
  return { action: decisive === "allow" ? "ALLOW" : "DENY", policies };
}

function principalOf(mesh: RuledMesh, rule: OrderedRule, callers: readonly string[]): Principal {
  const { from, methods, path } = rule;
  return all([
    ...callerIs(mesh, from, callers),
    ...(methods === undefined ? [] : [some(methods.map(methodIs))]),
    ...(path === undefined ? [] : [some([pathIs({ exact: path }), pathIs({ prefix: `${path}/` })])]),
  ]);
}

/** Everybody is who has no rules of its own. */
function callerIs(mesh: RuledMesh, from: string, callers: readonly string[]): readonly Principal[] {
  const isCaller = (account: string): Principal => ({
    authenticated: { principal_name: { exact: spiffeId(mesh, account) } },
  });
  if (from !== ANYBODY) return [isCaller(from)];
  return callers.length === 0 ? [] : [{ not_id: some(callers.map(isCaller)) }];
}

function methodIs(method: string): Principal {
  return { header: { name: ":method", string_match: { exact: method } } };
}

function pathIs(path: { readonly exact: string } | { readonly prefix: string }): Principal {
  return { url_path: { path } };
}
