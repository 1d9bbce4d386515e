// A workload's proxy: Istio's agent with stock Envoy, as in a pod, but without redirection. Its
// outbound listeners stand on 127.0.0.1, each on its service's port.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { AdminClient } from "../../../envoy/runtime/admin.js";
import { type ManagedChild, startChild } from "../../../envoy/runtime/child.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { ownVarLib, programPath } from "../../support/istio-programs.js";
import type { ControlPlane, Identity } from "./control-plane.js";
import { guardedFolder } from "./folder.js";
import { owning } from "./owning.js";
import { untilReady } from "./ready.js";

export interface WorkloadOptions {
  readonly name: string;
  /** Default: `sidecar`. */
  readonly kind?: "sidecar" | "router";
  readonly control: Pick<ControlPlane, "address" | "identity">;
  /** Default: `{ app: NAME }`. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Default: `shop`. */
  readonly namespace?: string;
  /**
   * Its loopback address. istiod takes the labels of an endpoint with the same address for the
   * proxy's own, so each workload needs another one. Default: 127.0.1.1.
   */
  readonly address?: string;
  /** Worker threads. Default: 2. */
  readonly workers?: number;
}

/** A running proxy with its agent. Disposing of it ends both. */
export interface Workload extends AsyncDisposable {
  readonly name: string;
  readonly admin: AdminClient;
  /** What agent and Envoy wrote last. */
  logs(): string;
  /** Ends both and starts new ones, which have nothing from before. */
  restart(): Promise<void>;
}

const PORTS = ["admin", "status", "health", "prometheus"] as const;

/**
 * Starts the agent and waits until its Envoy is ready, which is after its first configuration.
 * @throws MeshwrightError `service-failed` with the agent's last lines
 */
export async function startWorkload(options: WorkloadOptions): Promise<Workload> {
  const { path: envoy } = await findEnvoy();
  let running = await run(options, envoy);
  return {
    name: options.name,
    get admin() {
      return running.admin;
    },
    logs: () => running.child.logs(),
    async restart() {
      await running[Symbol.asyncDispose]();
      running = await run(options, envoy);
    },
    [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
  };
}

interface RunningParts {
  readonly admin: AdminClient;
  readonly child: ManagedChild;
}

type Running = RunningParts & AsyncDisposable;

function run(options: WorkloadOptions, envoy: string): Promise<Running> {
  return owning<RunningParts>(async (use) => {
    const { path: folder } = use(await guardedFolder(options.name));
    await mkdir(path.join(folder, "proxy"));
    await writeIdentity(folder, options.control.identity);
    const [admin = 0, status = 0, health = 0, prometheus = 0] = await freePorts(PORTS.length);
    const places = { folder, envoy, admin, status, health, prometheus };
    const [command = "", ...args] = [...ownVarLib(), programPath("pilot-agent"), ...agentArgs(options)];
    const env = { ...process.env, ...agentEnv(options, places) };
    const child = use(startChild({ name: options.name, command, args, env, cwd: folder }));
    const client = new AdminClient(`http://127.0.0.1:${admin}`);
    await untilReady(child, () => client.ready());
    return { admin: client, child };
  });
}

/** Where a pod has them. The agent takes the paths from its own folder. */
async function writeIdentity(folder: string, identity: Identity | undefined): Promise<void> {
  if (identity === undefined) return;
  const secrets = path.join(folder, "var/run/secrets");
  await mkdir(path.join(secrets, "tokens"), { recursive: true });
  await mkdir(path.join(secrets, "istio"));
  await writeFile(path.join(secrets, "tokens/istio-token"), identity.token, { mode: 0o600 });
  await writeFile(path.join(secrets, "istio/root-cert.pem"), identity.root);
}

function agentArgs({ kind = "sidecar", namespace = "shop" }: WorkloadOptions): readonly string[] {
  return ["proxy", kind, "--domain", `${namespace}.svc.cluster.local`, "--proxyLogLevel", "warning"];
}

type Places = Readonly<Record<"folder" | "envoy", string> & Record<(typeof PORTS)[number], number>>;

/** What a pod's specification says, and what makes a stock Envoy do. */
function agentEnv(options: WorkloadOptions, places: Places): Readonly<Record<string, string>> {
  const { name, namespace = "shop", labels = { app: name }, address = "127.0.1.1", workers = 2 } = options;
  const { address: discovery, identity } = options.control;
  return {
    POD_NAME: name,
    POD_NAMESPACE: namespace,
    INSTANCE_IP: address,
    SERVICE_ACCOUNT: identity?.account ?? "default",
    ISTIO_BOOTSTRAP: programPath("envoy_bootstrap.json"),
    ISTIO_META_CLUSTER_ID: "Kubernetes",
    ISTIO_META_INTERCEPTION_MODE: "NONE",
    ISTIO_META_WORKLOAD_NAME: name,
    ISTIO_META_NAMESPACE: namespace,
    ISTIO_METAJSON_LABELS: JSON.stringify(labels),
    ENVOY_STATUS_PORT: String(places.health),
    ENVOY_PROMETHEUS_PORT: String(places.prometheus),
    // istiod-lite has no certificate authority: the agent must not look for one.
    ...(identity === undefined ? { FILE_MOUNTED_CERTS: "true" } : { CA_ADDR: discovery }),
    PILOT_CERT_PROVIDER: "istiod",
    PROXY_CONFIG: JSON.stringify({
      binaryPath: places.envoy,
      configPath: path.join(places.folder, "proxy"),
      discoveryAddress: discovery,
      controlPlaneAuthPolicy: identity === undefined ? "NONE" : "MUTUAL_TLS",
      proxyAdminPort: places.admin,
      statusPort: places.status,
      concurrency: workers,
      terminationDrainDuration: "1s",
    }),
  };
}
