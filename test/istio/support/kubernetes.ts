// A Kubernetes without nodes: etcd and the API server, on this machine's own address.

import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { startChild } from "../../../envoy/runtime/child.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { programPath } from "../../support/istio-programs.js";
import { guardedFolder } from "./folder.js";
import { owning } from "./owning.js";
import { untilReady } from "./ready.js";

export interface KubectlOutput {
  readonly stdout: string;
  /** What the API server and its webhooks warned of. */
  readonly warnings: readonly string[];
}

interface KubernetesParts {
  /** A file for clients, as an administrator. */
  readonly kubeconfig: string;
  /** Runs kubectl. Throws with its own lines where it fails. */
  kubectl(args: readonly string[], input?: string): KubectlOutput;
}

/** A running API server with its etcd. Disposing of it ends both. */
export type Kubernetes = KubernetesParts & AsyncDisposable;

const HOST = "127.0.0.1";
const TOKEN = "admin-token";
const CLIENT_MS = 60_000;
const ISSUER = "https://kubernetes.default.svc.cluster.local";

/** @throws MeshwrightError `service-failed` where one of them does not start */
export function startKubernetes(): Promise<Kubernetes> {
  return owning<KubernetesParts>(async (use) => {
    const folder = use(await guardedFolder("kubernetes"));
    const [client = 0, peer = 0, secure = 0] = await freePorts(3);
    use(
      startChild({ name: "etcd", command: programPath("etcd"), args: etcdArgs(folder.path, client, peer) }),
    );
    await writeIdentities(folder.path);
    const server = use(
      startChild({
        name: "kube-apiserver",
        command: programPath("kube-apiserver"),
        args: serverArgs(folder.path, client, secure),
      }),
    );
    const kubeconfig = path.join(folder.path, "kubeconfig");
    await writeFile(kubeconfig, stringify(clientConfig(folder.path, secure)));
    const kubectl: KubernetesParts["kubectl"] = (args, input) => runKubectl(kubeconfig, args, input);
    await untilReady(server, () => isReady(kubectl));
    return { kubeconfig, kubectl };
  });
}

function runKubectl(kubeconfig: string, args: readonly string[], input = ""): KubectlOutput {
  const { status, stdout, stderr } = spawnSync(
    programPath("kubectl"),
    ["--kubeconfig", kubeconfig, ...args],
    {
      input,
      encoding: "utf8",
      timeout: CLIENT_MS,
    },
  );
  if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  const warnings = stderr.split("\n").filter((line) => line.startsWith("Warning: "));
  return { stdout, warnings };
}

function isReady(kubectl: KubernetesParts["kubectl"]): boolean {
  try {
    return kubectl(["get", "--raw", "/readyz"]).stdout === "ok";
  } catch {
    // It does not listen yet, or its certificate is not there.
    return false;
  }
}

function etcdArgs(folder: string, client: number, peer: number): readonly string[] {
  const at = (port: number) => `http://${HOST}:${port}`;
  const flags = {
    "data-dir": path.join(folder, "etcd"),
    "listen-client-urls": at(client),
    "advertise-client-urls": at(client),
    "listen-peer-urls": at(peer),
    "initial-advertise-peer-urls": at(peer),
    "initial-cluster": `default=${at(peer)}`,
    // What it holds ends with the test.
    "unsafe-no-fsync": "true",
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

/** The keys of service accounts' tokens, and the administrator's own token. */
async function writeIdentities(folder: string): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  await writeFile(path.join(folder, "accounts.pub"), publicKey);
  await writeFile(path.join(folder, "accounts.key"), privateKey, { mode: 0o600 });
  await writeFile(path.join(folder, "tokens.csv"), `${TOKEN},admin,admin,system:masters\n`);
}

function serverArgs(folder: string, etcd: number, port: number): readonly string[] {
  const flags = {
    "etcd-servers": `http://${HOST}:${etcd}`,
    "bind-address": HOST,
    "advertise-address": HOST,
    "secure-port": String(port),
    "cert-dir": path.join(folder, "certificates"),
    "service-account-issuer": ISSUER,
    "api-audiences": `${ISSUER},istio-ca`,
    "service-account-key-file": path.join(folder, "accounts.pub"),
    "service-account-signing-key-file": path.join(folder, "accounts.key"),
    "token-auth-file": path.join(folder, "tokens.csv"),
    "authorization-mode": "RBAC",
    "service-cluster-ip-range": "10.0.0.0/24",
    "endpoint-reconciler-type": "none",
    // No controller makes the accounts that it would look for.
    "disable-admission-plugins": "ServiceAccount",
  };
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}

function clientConfig(folder: string, port: number) {
  const name = "test";
  const cluster = {
    server: `https://${HOST}:${port}`,
    "certificate-authority": path.join(folder, "certificates/apiserver.crt"),
  };
  return {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name, cluster }],
    users: [{ name, user: { token: TOKEN } }],
    contexts: [{ name, context: { cluster: name, user: name } }],
    "current-context": name,
  };
}
