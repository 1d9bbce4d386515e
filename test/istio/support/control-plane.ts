// What the two control planes have in common: istiod-lite over a folder, and stock istiod in front
// of an API server.

import { stringify } from "yaml";

/** A resource as YAML has it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** What Istio's validation said of a resource. */
export interface Verdict {
  readonly event: "refused" | "warning";
  /** KIND NAMESPACE/NAME, or the document that could not be read. */
  readonly resource: string;
  readonly message: string;
}

/** By what a proxy is known to its control plane, in a pod by mounted files. */
export interface Identity {
  /** The service account's name. */
  readonly account: string;
  readonly token: string;
  /** The control plane's authority, PEM. */
  readonly root: string;
}

export interface ControlPlaneParts {
  /** Where proxies ask, as HOST:PORT. */
  readonly address: string;
  /** Absent where proxies ask without TLS. */
  readonly identity?: Identity;
  /**
   * Makes these the only resources. Settles when the control plane has them; proxies follow soon
   * after.
   * @param text documents in YAML
   * @returns what Istio refused, and so left out, and its warnings
   */
  apply(text: string): Promise<readonly Verdict[]>;
  logs(): string;
}

/** A running control plane. Disposing of it ends it. */
export type ControlPlane = ControlPlaneParts & AsyncDisposable;

/** Kubernetes and Istio read YAML 1.1, in which `yes` is no text. */
const KUBERNETES = { compat: "yaml-1.1" } as const;

/** Resources as one text. */
export function toYaml(...resources: readonly Resource[]): string {
  return resources.map((each) => stringify(each, KUBERNETES)).join("---\n");
}
