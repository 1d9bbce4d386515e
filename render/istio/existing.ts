// What the cluster already says about a service, and a patch of its clusters would replace: the
// protocol of its port, and the connection settings of its DestinationRule.

import { z } from "zod";
import type { LiveResource } from "../diff/live.js";

const httpPool = z.looseObject({
  idleTimeout: z.string().optional(),
  maxRequestsPerConnection: z.number().optional(),
  h2UpgradePolicy: z.string().optional(),
  useClientProtocol: z.boolean().optional(),
});
const tls = z.looseObject({
  mode: z.string().optional(),
  sni: z.string().optional(),
  subjectAltNames: z.array(z.string()).optional(),
  insecureSkipVerify: z.boolean().optional(),
});
const settings = z.looseObject({
  connectionPool: z
    .looseObject({
      http: httpPool.optional(),
      tcp: z.looseObject({ maxConnectionDuration: z.string().optional() }).optional(),
    })
    .optional(),
  tls: tls.optional(),
});
const policy = settings.extend({
  portLevelSettings: z.array(settings.extend({ port: z.looseObject({ number: z.number() }) })).optional(),
});
const destinationRule = z.looseObject({
  spec: z.looseObject({
    host: z.string(),
    trafficPolicy: policy.optional(),
    subsets: z.array(z.looseObject({ name: z.string(), trafficPolicy: policy.optional() })).optional(),
  }),
});
const service = z.looseObject({
  spec: z.looseObject({
    ports: z
      .array(
        z.looseObject({
          port: z.number(),
          name: z.string().optional(),
          appProtocol: z.string().optional(),
        }),
      )
      .optional(),
  }),
});

type Settings = z.output<typeof settings>;

/** What a cluster speaks: `downstream` where Istio finds it out by itself. */
export type Spoken = "http1" | "http2" | "downstream";

/** The settings of some of a service's clusters, which later ones of a list replace. */
export interface ClusterScope {
  readonly subset?: string;
  readonly portNumber?: number;
  readonly protocol?: Spoken;
  /** `common_http_protocol_options`. */
  readonly common: Readonly<Record<string, string | number>>;
  /** `upstream_http_protocol_options`. */
  readonly upstream: Readonly<Record<string, boolean>>;
}

/**
 * The settings of a host's DestinationRules: of all its clusters first, then of single subsets and
 * ports.
 */
export function clusterScopes(
  host: string,
  namespace: string,
  live: readonly LiveResource[],
): readonly ClusterScope[] {
  const rules = live
    .filter(({ kind }) => kind === "DestinationRule")
    .flatMap((each) => {
      const rule = destinationRule.safeParse(each);
      if (!rule.success) return [];
      return meansHost(rule.data.spec.host, each.metadata.namespace ?? namespace, host)
        ? [rule.data.spec]
        : [];
    });
  const whole = rules.map(({ trafficPolicy }) => trafficPolicy ?? {});
  const all: ClusterScope = scopeOf({}, Object.assign({}, ...whole));
  const parts = rules.flatMap(({ trafficPolicy = {}, subsets = [] }) => [
    ...portScopes({}, trafficPolicy, trafficPolicy),
    ...subsets.flatMap(({ name, trafficPolicy: own }) =>
      own === undefined
        ? []
        : [
            scopeOf({ subset: name }, { ...trafficPolicy, ...own }),
            ...portScopes({ subset: name }, { ...trafficPolicy, ...own }, own),
          ],
    ),
  ]);
  return [all, ...parts.filter((scope) => !isSame(scope, all))];
}

function portScopes(
  of: { readonly subset?: string },
  base: Settings,
  { portLevelSettings = [] }: z.output<typeof policy>,
) {
  return portLevelSettings.map(({ port, ...own }) =>
    scopeOf({ ...of, portNumber: port.number }, { ...base, ...own }),
  );
}

function scopeOf(
  match: Pick<ClusterScope, "subset" | "portNumber">,
  { connectionPool, tls: used }: Settings,
): ClusterScope {
  const { idleTimeout, maxRequestsPerConnection, h2UpgradePolicy, useClientProtocol } =
    connectionPool?.http ?? {};
  const { maxConnectionDuration } = connectionPool?.tcp ?? {};
  const protocol = useClientProtocol ? "downstream" : h2UpgradePolicy === "UPGRADE" ? "http2" : undefined;
  return {
    ...match,
    ...(protocol === undefined ? {} : { protocol }),
    common: {
      ...(idleTimeout === undefined ? {} : { idle_timeout: idleTimeout }),
      ...(maxRequestsPerConnection === undefined
        ? {}
        : { max_requests_per_connection: maxRequestsPerConnection }),
      ...(maxConnectionDuration === undefined ? {} : { max_connection_duration: maxConnectionDuration }),
    },
    upstream: autoSni(used),
  };
}

/** What Istio sets where a client begins TLS and nobody says for which name. */
function autoSni(used: Settings["tls"]): Readonly<Record<string, boolean>> {
  const begins = used?.mode === "SIMPLE" || used?.mode === "MUTUAL";
  if (!begins || (used.sni ?? "") !== "") return {};
  const checks = (used.subjectAltNames ?? []).length === 0 && used.insecureSkipVerify !== true;
  return { auto_sni: true, ...(checks ? { auto_san_validation: true } : {}) };
}

function isSame(a: ClusterScope, b: ClusterScope): boolean {
  const text = ({ protocol, common, upstream }: ClusterScope) => JSON.stringify([protocol, common, upstream]);
  return text(a) === text(b);
}

/** What a Service's port speaks by its name and `appProtocol`; undefined for an unknown Service. */
export function spokenAt(
  name: string,
  namespace: string,
  port: number,
  live: readonly LiveResource[],
): Spoken | undefined {
  const found = live.find(
    (each) =>
      each.kind === "Service" &&
      each.metadata.name === name &&
      (each.metadata.namespace ?? namespace) === namespace,
  );
  const read = service.safeParse(found);
  const entry = read.success ? read.data.spec.ports?.find((each) => each.port === port) : undefined;
  if (entry === undefined) return undefined;
  const said = (entry.appProtocol ?? entry.name ?? "").toLowerCase();
  if (/^(kubernetes\.io\/h2c|http2|grpc)/.test(said)) return "http2";
  return /^http(-|$)/.test(said) ? "http1" : "downstream";
}

/** Whether a host of a resource, which may be short or have a wildcard, means this host. */
export function meansHost(written: string, namespace: string, host: string): boolean {
  if (written.startsWith("*")) return host.endsWith(written.slice(1));
  if (written === host) return true;
  const [service = "", of = namespace, ...rest] = written.split(".");
  const isShort = rest.length === 0 || rest.join(".") === "svc";
  return isShort && host.startsWith(`${service}.${of}.svc.`);
}
