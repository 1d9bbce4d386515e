// Envoy's own filter that lets requests through or refuses them by who asks for what (RBAC).
import { type TypedConfig, typedConfig } from "./typed-config.js";

const HTTP = "envoy.extensions.filters.http.rbac.v3.RBAC";

/** A condition on a request: the fields of Envoy's `Principal`. */
export type Principal =
  | { readonly any: true }
  | { readonly authenticated: { readonly principal_name: { readonly exact: string } } }
  | { readonly header: { readonly name: string; readonly string_match: { readonly exact: string } } }
  | { readonly url_path: { readonly path: { readonly exact: string } | { readonly prefix: string } } }
  | { readonly and_ids: { readonly ids: readonly Principal[] } }
  | { readonly or_ids: { readonly ids: readonly Principal[] } }
  | { readonly not_id: Principal };

/** What the requests that meet a policy get, and all others do not. */
export interface RbacRules {
  readonly action: "ALLOW" | "DENY";
  /** By their names, which Envoy's statistics have. */
  readonly policies: Readonly<Record<string, readonly Principal[]>>;
}

export interface RbacOptions {
  /** Default: nothing is refused. */
  readonly rules?: RbacRules | undefined;
  /** These are counted, and refuse nothing. */
  readonly shadowRules?: RbacRules | undefined;
  /** A part of the names of its statistics. */
  readonly statPrefix: string;
}

/** The configuration of the filter in a listener's chain. */
export function httpRbac({ rules, shadowRules, statPrefix }: RbacOptions): TypedConfig {
  return typedConfig(HTTP, {
    ...(rules === undefined ? {} : { rules: fields(rules), rules_stat_prefix: statPrefix }),
    ...(shadowRules === undefined
      ? {}
      : { shadow_rules: fields(shadowRules), shadow_rules_stat_prefix: statPrefix }),
    track_per_rule_stats: true,
  });
}

function fields({ action, policies }: RbacRules) {
  return {
    action,
    policies: Object.fromEntries(
      Object.entries(policies).map(([name, principals]) => [
        name,
        { permissions: [{ any: true }], principals },
      ]),
    ),
  };
}

export function all(ids: readonly Principal[]): Principal {
  const [only = { any: true }] = ids;
  return ids.length <= 1 ? only : { and_ids: { ids } };
}

/** @param ids at least one */
export function some(ids: readonly Principal[]): Principal {
  const [only = { any: true }] = ids;
  return ids.length <= 1 ? only : { or_ids: { ids } };
}
