// Istio's own istiod in front of an API server, with its webhook and its certificate authority.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { startChild } from "../../../envoy/runtime/child.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { programPath, requiredModule } from "../../support/istio-programs.js";
import type { ControlPlane, ControlPlaneParts, Identity } from "./control-plane.js";
import { guardedFolder } from "./folder.js";
import { STOCK_ENVOY } from "./istiod-lite.js";
import type { Kubernetes } from "./kubernetes.js";
import { owning } from "./owning.js";
import { untilReady } from "./ready.js";

const ROOT_NAMESPACE = "istio-system";
const WEBHOOK = "istio-validator";

/** For proxies that have nothing of Istio's own Envoy. */
const MESH = {
  rootNamespace: ROOT_NAMESPACE,
  trustDomain: "cluster.local",
  enablePrometheusMerge: false,
  defaultProviders: {},
  extensionProviders: [],
};

/** The namespace and the account of the mesh's workloads. */
const NAMESPACE = "shop";
const ACCOUNT = "web";
const CA_AUDIENCE = "istio-ca";

/**
 * Starts it with its CRDs, and waits until its webhook judges resources.
 * @throws MeshwrightError `service-failed` where it does not start
 */
export function startStockIstiod(kubernetes: Kubernetes): Promise<ControlPlane> {
  const { kubectl } = kubernetes;
  return owning<ControlPlaneParts>(async (use) => {
    const folder = use(await guardedFolder("istiod"));
    const [http = 0, https = 0, grpc = 0, secure = 0, monitoring = 0] = await freePorts(5);
    for (const name of [ROOT_NAMESPACE, NAMESPACE]) kubectl(["create", "namespace", name]);
    kubectl(["create", "serviceaccount", ACCOUNT, "--namespace", NAMESPACE]);
    await applyDefinitions(kubernetes);
    await mkdir(path.join(folder.path, "etc/istio/config"), { recursive: true });
    await writeFile(path.join(folder.path, "etc/istio/config/mesh"), stringify(MESH));
    kubectl(["apply", "-f", "-"], stringify(webhook(https)));
    const at = (port: number) => `127.0.0.1:${port}`;
    const flags = {
      kubeconfig: kubernetes.kubeconfig,
      meshConfig: "etc/istio/config/mesh",
      httpAddr: at(http),
      httpsAddr: at(https),
      grpcAddr: at(grpc),
      secureGRPCAddr: at(secure),
      monitoringAddr: at(monitoring),
      ctrlz_port: "0",
    };
    const child = use(
      startChild({
        name: "istiod",
        command: programPath("pilot-discovery"),
        args: ["discovery", ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`)],
        cwd: folder.path,
        env: { ...process.env, ...STOCK_ENVOY, ...ISTIOD_ENV },
      }),
    );
    await untilReady(child, () => judges(kubernetes));
    return {
      address: `localhost:${secure}`,
      identity: identityOf(kubernetes),
      apply: applier(kubernetes),
      logs: () => child.logs(),
    };
  });
}

const ISTIOD_ENV = {
  POD_NAMESPACE: ROOT_NAMESPACE,
  POD_NAME: "istiod",
  CLUSTER_ID: "Kubernetes",
  REVISION: "default",
  PILOT_CERT_PROVIDER: "istiod",
  VALIDATION_WEBHOOK_CONFIG_NAME: WEBHOOK,
  ISTIOD_CUSTOM_HOST: "localhost,127.0.0.1",
} as const;

/** istiod puts its authority into it, and then lets nothing pass that it has not judged. */
function judges({ kubectl }: Pick<Kubernetes, "kubectl">): boolean {
  const policy = [
    "get",
    "validatingwebhookconfiguration",
    WEBHOOK,
    "-o",
    "jsonpath={.webhooks[0].failurePolicy}",
  ];
  return kubectl(policy).stdout === "Fail" && rootOf({ kubectl }) !== "";
}

/** Istio's own and those of the Gateway API. */
async function applyDefinitions({ kubectl }: Kubernetes): Promise<void> {
  const istio = await requiredModule("istio", "istio.io/istio");
  const gateways = await requiredModule("istio", "sigs.k8s.io/gateway-api");
  const places = [`${istio}/manifests/charts/base/files/crd-all.gen.yaml`, `${gateways}/config/crd/standard`];
  for (const place of places) kubectl(["apply", "--server-side", "-f", place]);
}

/** As a pod of the account has it. */
function identityOf(kubernetes: Kubernetes): Identity {
  const create = ["create", "token", ACCOUNT, "--audience", CA_AUDIENCE, "--namespace", NAMESPACE];
  return { account: ACCOUNT, token: kubernetes.kubectl(create).stdout.trim(), root: rootOf(kubernetes) };
}

/** istiod gives each namespace its authority; empty until then. */
function rootOf({ kubectl }: Pick<Kubernetes, "kubectl">): string {
  const get = ["get", "configmap", "istio-ca-root-cert", "--namespace", NAMESPACE, "--ignore-not-found"];
  return kubectl([...get, "-o", "jsonpath={.data.root-cert\\.pem}"]).stdout;
}

/** Applies the resources, and deletes those that it applied before and that are no more. */
function applier({ kubectl }: Kubernetes): ControlPlaneParts["apply"] {
  let applied: readonly string[] = [];
  return async (text) => {
    const apply = ["apply", "--server-side", "--force-conflicts", "-f", "-", "-o", "name"];
    const { stdout, warnings } = text === "" ? { stdout: "", warnings: [] } : kubectl(apply, text);
    const names = stdout.split("\n").filter((name) => name !== "");
    const gone = applied.filter((name) => !names.includes(name));
    if (gone.length > 0) kubectl(["delete", "--namespace", NAMESPACE, ...gone]);
    applied = names;
    return warnings.map((message) => ({ event: "warning", resource: "", message }));
  };
}

function webhook(port: number) {
  const apiGroups = ["security", "networking", "telemetry", "extensions"].map((group) => `${group}.istio.io`);
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: WEBHOOK, labels: { app: "istiod", istio: "istiod", "istio.io/rev": "default" } },
    webhooks: [
      {
        name: "validation.istio.io",
        clientConfig: { url: `https://localhost:${port}/validate` },
        rules: [{ operations: ["CREATE", "UPDATE"], apiGroups, apiVersions: ["*"], resources: ["*"] }],
        failurePolicy: "Ignore",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  };
}
