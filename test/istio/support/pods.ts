// A mesh file's services as pods would be: each version is a process beside Istio's agent with
// stock Envoy, and calls others by their names in the cluster.

import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { parse } from "yaml";
import { startChild } from "../../../envoy/runtime/child.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type ControlPlane, type Resource, toYaml, type Verdict } from "./control-plane.js";
import { guardedFolder } from "./folder.js";
import { startIstiodLite } from "./istiod-lite.js";
import { owning } from "./owning.js";
import { startWorkload, type Workload } from "./workload.js";

/** What of a mesh file stands in a cluster's own resources. */
interface MeshFile {
  readonly services: Readonly<Record<string, MeshService>>;
}

interface MeshService {
  readonly versions: Readonly<Record<string, { readonly command: readonly [string, ...string[]] }>>;
  readonly calls?: readonly string[];
  readonly protocol?: "http" | "http2" | "grpc";
}

/** The ports of services, which `render istio` is told by `--port` and `--gateway-port`. */
export interface ClusterPorts {
  readonly gateway: number;
  /** By service. `target` is where its pods listen. */
  readonly services: Readonly<Record<string, { readonly port: number; readonly target: number }>>;
}

export const NAMESPACE = "shop";

/** Free ports for each service and the gateway. */
export async function clusterPorts(file: string): Promise<ClusterPorts> {
  const names = Object.keys((await readMesh(file)).services);
  const [gateway = 0, ...ports] = await freePorts(1 + 2 * names.length);
  const services = names.map((name, i) => [name, { port: ports[2 * i] ?? 0, target: ports[2 * i + 1] ?? 0 }]);
  return { gateway, services: Object.fromEntries(services) };
}

async function readMesh(file: string): Promise<MeshFile> {
  return parse(await readFile(file, "utf8"));
}

/** One version of a service. */
interface Pod {
  readonly service: string;
  readonly version: string;
  /** Its loopback address, as a pod has an address. */
  readonly address: string;
  /** Where its process listens, on 127.0.0.1. */
  readonly appPort: number;
  readonly command: readonly [string, ...string[]];
}

interface PodsParts {
  readonly control: ControlPlane;
  /** By SERVICE-VERSION, and `gateway`. */
  readonly workloads: ReadonlyMap<string, Workload>;
  /** `http://127.0.0.1:PORT` */
  readonly gatewayUrl: string;
  /** Applies other resources in place of the rendered ones. */
  apply(rendered: string): Promise<readonly Verdict[]>;
}

/** Disposing of it ends all processes. */
export type Pods = PodsParts & AsyncDisposable;

export interface PodsOptions {
  readonly file: string;
  readonly ports: ClusterPorts;
  /** What `render istio` wrote for the file, without Sidecars. */
  readonly rendered: string;
  /** The gateway's, as `render istio` takes them. */
  readonly gateway: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
}

export function startPods({ file, ports, rendered, gateway }: PodsOptions): Promise<Pods> {
  return owning<PodsParts>(async (use) => {
    const mesh = await readMesh(file);
    const pods = await podsOf(mesh);
    const control = use(await startIstiodLite());
    const cluster = clusterResources(mesh, pods, ports);
    const apply: PodsParts["apply"] = (text) =>
      control.apply([...cluster.map((each) => toYaml(each)), text].join("\n---\n"));
    await apply(rendered);
    const { path: folder } = use(await guardedFolder("pods"));
    const workloads = new Map<string, Workload>();
    for (const pod of pods) {
      const name = `${pod.service}-${pod.version}`;
      const hosts = path.join(folder, `${name}.hosts`);
      await writeFile(hosts, hostsOf(mesh, pod));
      use(startChild(appOf(mesh, pod, ports, { hosts, cwd: path.dirname(file) })));
      const labels = labelsOf(pod);
      const options = { name, control, labels, address: pod.address, namespace: NAMESPACE, workers: 1 };
      workloads.set(name, use(await startWorkload(options)));
    }
    const front = { name: "gateway", kind: "router", control, address: "127.0.9.1", workers: 1 } as const;
    workloads.set("gateway", use(await startWorkload({ ...front, ...gateway })));
    return { control, workloads, gatewayUrl: `http://127.0.0.1:${ports.gateway}`, apply };
  });
}

async function podsOf({ services }: MeshFile): Promise<readonly Pod[]> {
  const pods = Object.entries(services).flatMap(([service, { versions }], i) =>
    Object.entries(versions).map(([version, { command }], k) => ({
      service,
      version,
      command,
      address: `127.0.${10 + i}.${k + 1}`,
    })),
  );
  const ports = await freePorts(pods.length);
  return pods.map((pod, i) => ({ ...pod, appPort: ports[i] ?? 0 }));
}

const labelsOf = ({ service, version }: Pod) => ({ app: service, version });
const hostOf = (service: string) => `${service}.${NAMESPACE}.svc.cluster.local`;

/** A pod asks the cluster's DNS. Here a sidecar's listeners stand on its own address. */
function hostsOf({ services }: MeshFile, { service, address }: Pod): string {
  const names = (services[service]?.calls ?? []).map(hostOf);
  return ["127.0.0.1 localhost", ...names.map((name) => `${address} ${name}`), ""].join("\n");
}

function appOf(
  { services }: MeshFile,
  pod: Pod,
  ports: ClusterPorts,
  { hosts, cwd }: { readonly hosts: string; readonly cwd: string },
) {
  const urls = (services[pod.service]?.calls ?? []).map((name) => [
    `${name.toUpperCase().replaceAll("-", "_")}_URL`,
    `http://${hostOf(name)}:${ports.services[name]?.port}`,
  ]);
  const env = {
    ...process.env,
    ...Object.fromEntries(urls),
    PORT: String(pod.appPort),
    SERVICE_NAME: pod.service,
    SERVICE_VERSION: pod.version,
  };
  const withHosts = ["-m", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', hosts];
  return {
    name: `${pod.service} ${pod.version}`,
    command: "unshare",
    args: [...withHosts, ...pod.command],
    env,
    cwd,
  };
}

/** istiod-lite has no certificate authority. */
const WITHOUT_TLS: Resource = {
  apiVersion: "security.istio.io/v1",
  kind: "PeerAuthentication",
  metadata: { name: "default", namespace: NAMESPACE },
  spec: { mtls: { mode: "DISABLE" } },
};

/**
 * What a cluster has by itself: its services with their pods, and redirection, in whose place each
 * sidecar's listeners are told where to stand.
 */
function clusterResources(mesh: MeshFile, pods: readonly Pod[], ports: ClusterPorts): readonly Resource[] {
  const portOf = (service: string, number: number) => {
    const { protocol = "http" } = mesh.services[service] ?? {};
    return { number, name: protocol, protocol: protocol.toUpperCase() };
  };
  const services = Object.keys(mesh.services).map((name) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace: NAMESPACE },
    spec: {
      hosts: [hostOf(name)],
      location: "MESH_INTERNAL",
      resolution: "STATIC",
      ports: [{ ...portOf(name, ports.services[name]?.port ?? 0), targetPort: ports.services[name]?.target }],
      endpoints: pods
        .filter(({ service }) => service === name)
        .map((pod) => ({ address: pod.address, labels: labelsOf(pod) })),
    },
  }));
  const sidecars = pods.map((pod) => ({
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: `${pod.service}-${pod.version}`, namespace: NAMESPACE },
    spec: {
      workloadSelector: { labels: labelsOf(pod) },
      ingress: [
        {
          port: portOf(pod.service, ports.services[pod.service]?.target ?? 0),
          bind: pod.address,
          defaultEndpoint: `127.0.0.1:${pod.appPort}`,
        },
      ],
      egress: [
        ...egressPorts(mesh.services[pod.service]?.calls ?? [], ports).map(({ port, names }) => ({
          port: portOf(names[0] ?? "", port),
          bind: pod.address,
          hosts: names.map((name) => `./${hostOf(name)}`),
        })),
        // Without an egress, Istio would give it all services.
        { hosts: ["~/*"] },
      ],
    },
  }));
  return [...services, ...sidecars, WITHOUT_TLS];
}

/** Services of one port are called through one listener. */
function egressPorts(calls: readonly string[], { services }: ClusterPorts) {
  const numberOf = (name: string) => services[name]?.port ?? 0;
  const numbers = [...new Set(calls.map(numberOf))];
  return numbers.map((port) => ({ port, names: calls.filter((name) => numberOf(name) === port) }));
}
