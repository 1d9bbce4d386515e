// What a person says about the cluster, beside the files.

import type { GatewayPorts, Ports } from "./ports.js";
import type { FailStrategy, IstioMinor } from "./version.js";

/** Where filters of files without a mesh stand. */
export type Target =
  | {
      readonly kind: "service";
      readonly name: string;
      /** Wherever it is called, or before its app. */
      readonly at: "outbound" | "inbound";
      /** The services that call it; none: every workload of the namespace. */
      readonly callers: readonly string[];
    }
  | {
      readonly kind: "gateway";
      /** The service whose attempts filters of the upstream chain see. */
      readonly service?: string;
    };

/** Kinds that are written only where a person asks for them, or left out. */
export const EXTRAS = ["PeerAuthentication", "AuthorizationPolicy", "Telemetry", "outlierDetection"] as const;
export type Extra = (typeof EXTRAS)[number];
export const OMITTABLE = ["Sidecar", "VirtualService", "DestinationRule", "ConfigMap"] as const;
export type Omittable = (typeof OMITTABLE)[number];

export interface IstioOptions {
  /** Undefined: the output must be right for every supported release. */
  readonly minor: IstioMinor | undefined;
  readonly namespace: string;
  readonly clusterDomain: string;
  /** The labels of pods that have the service's and the version's name. */
  readonly labels: { readonly app: string; readonly version: string };
  readonly ports: Ports;
  readonly gateway: {
    /** The value of the label `istio` of the gateway's pods. */
    readonly name: string;
    /** The namespace of these pods. */
    readonly namespace: string;
    /** Whether a person said the namespace. */
    readonly isPlaced: boolean;
    /** Their service account. */
    readonly account: string;
    readonly ports: GatewayPorts;
    readonly hosts: readonly string[];
    /** An existing Gateway, NAME or NAMESPACE/NAME; undefined: one is written. */
    readonly resource: string | undefined;
  };
  readonly target: Target | undefined;
  /** For filters' files: the version that takes the requests for which no filter decides. */
  readonly fallback: string | undefined;
  /** For filters' files: what the service speaks. */
  readonly protocol: "http1" | "http2" | "grpc" | undefined;
  /** For filters' files: URLs of the services that filters call, by name. */
  readonly grpcServices: Readonly<Record<string, string>>;
  readonly httpServices: Readonly<Record<string, string>>;
  /** Before the authentication by tokens, or after it. Both are before authorization. */
  readonly phase: "AUTHN" | "AUTHZ";
  readonly failStrategy: FailStrategy | undefined;
  readonly extras: ReadonlySet<Extra>;
  readonly omitted: ReadonlySet<Omittable>;
  /** Leaves out what Istio has no word for, also where requests are then treated differently. */
  readonly leaveOut: boolean;
}
