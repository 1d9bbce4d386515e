// Envoy Gateway without Kubernetes: it reads resources from a folder and starts stock Envoy itself.
// It listens on fixed ports, so a machine has one at a time.

import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { stringify } from "yaml";
import { MeshwrightError } from "../../../envoy/errors.js";
import { writeAtomically } from "../../../envoy/runtime/atomic-file.js";
import { startChild } from "../../../envoy/runtime/child.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { runProgram } from "../../../envoy/runtime/run-program.js";
import { programPath } from "../../support/istio-programs.js";
import { guardedFolder } from "./folder.js";
import { owning } from "./owning.js";
import { untilReady } from "./ready.js";

interface EnvoyGatewayParts {
  /** Makes these the only resources. */
  apply(text: string): Promise<void>;
  logs(): string;
}

/** Disposing of it ends it and its Envoys. */
export type EnvoyGateway = EnvoyGatewayParts & AsyncDisposable;

const NAMESPACE = "envoy-gateway-system";
/** By this name its Envoys reach it for modules, on this machine too. */
const OWN_NAME = `envoy-gateway.${NAMESPACE}.svc.cluster.local`;

/**
 * @param port where one of the resources' gateways listens
 * @throws MeshwrightError `service-failed` where it does not start
 */
export function startEnvoyGateway(text: string, port: number): Promise<EnvoyGateway> {
  return owning<EnvoyGatewayParts>(async (use) => {
    const { path: folder } = use(await guardedFolder("envoy-gateway"));
    const at = (...names: readonly string[]) => path.join(folder, ...names);
    for (const name of ["resources", "config", "state", "run", "root"]) await mkdir(at(name));
    await provideEnvoy(at("data"));
    await provideCertificates(folder);
    await writeFile(at("hosts"), `${await readFile("/etc/hosts", "utf8")}\n127.0.0.1 ${OWN_NAME}\n`);
    await writeFile(at("gateway.yaml"), stringify(settings(folder)));
    const apply = (next: string) => writeAtomically(at("resources/resources.yaml"), next);
    await apply(text);
    const [command = "", ...args] = [
      ...withCertificates(folder),
      programPath("envoy-gateway"),
      ...["server", "--config-path", at("gateway.yaml")],
    ];
    const env = { ...process.env, HOME: folder, ENVOY_GATEWAY_NAMESPACE: NAMESPACE };
    const child = use(startChild({ name: "envoy-gateway", command, args, env, cwd: folder }));
    const answers = () =>
      fetch(`http://127.0.0.1:${port}`).then(
        () => true,
        () => false,
      );
    await untilReady(child, answers);
    return { apply, logs: () => child.logs() };
  });
}

/** Where its own downloader would put the release. It then asks nobody. */
async function provideEnvoy(data: string): Promise<void> {
  const envoy = await findEnvoy();
  const folder = path.join(data, "envoy-versions", envoy.version, "bin");
  await mkdir(folder, { recursive: true });
  await symlink(envoy.path, path.join(folder, "envoy"));
}

/**
 * Makes all certificates in one go, and gives Envoy's to the file provider. Without that it makes
 * its own from another authority at each start, and its Envoys get no module.
 */
async function provideCertificates(folder: string): Promise<void> {
  const home = path.join(folder, "config");
  const { code, output } = await runProgram(programPath("envoy-gateway"), [
    ...["certgen", "--local", "--config-home", home],
  ]);
  if (code !== 0)
    throw new MeshwrightError("service-failed", "envoy-gateway certgen failed", output.split("\n"));
  const names = ["ca.crt", "tls.crt", "tls.key"];
  const read = (name: string) => readFile(path.join(home, "certs/envoy", name), "base64");
  const data = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await read(name)])));
  const metadata = { name: "envoy", namespace: NAMESPACE };
  const secret = { apiVersion: "v1", kind: "Secret", metadata, type: "kubernetes.io/tls", data };
  await writeFile(path.join(folder, "resources/secret.yaml"), stringify(secret), { mode: 0o600 });
}

function settings(folder: string) {
  const at = (name: string) => path.join(folder, name);
  return {
    apiVersion: "gateway.envoyproxy.io/v1alpha1",
    kind: "EnvoyGateway",
    gateway: { controllerName: "gateway.envoyproxy.io/gatewayclass-controller" },
    provider: {
      type: "Custom",
      custom: {
        resource: { type: "File", file: { paths: [at("resources")] } },
        infrastructure: {
          type: "Host",
          host: {
            configHome: at("config"),
            dataHome: at("data"),
            stateHome: at("state"),
            runtimeDir: at("run"),
          },
        },
      },
    },
    extensionApis: { enableBackend: true },
  };
}

/**
 * The words before a command that give it `/certs`, where Envoy Gateway 1.9 thinks that it runs in
 * a pod, and its own name: a root of its own, which is this machine's but for these.
 */
function withCertificates(folder: string): readonly string[] {
  const at = (name: string) => path.join(folder, name);
  return [
    "unshare",
    "-m",
    "sh",
    "-e",
    "-c",
    OWN_ROOT,
    "sh",
    at("root"),
    at("config/certs/envoy"),
    at("hosts"),
  ];
}

const OWN_ROOT = `
root=$1 certs=$2 hosts=$3
shift 3
mount -t tmpfs tmpfs "$root"
for each in /*; do
  if [ -L "$each" ]; then cp -P "$each" "$root/"
  elif [ -d "$each" ]; then
    mkdir "$root$each"
    case $each in
      /proc | /dev | /sys) mount --rbind "$each" "$root$each" ;;
      *) mount --bind "$each" "$root$each" ;;
    esac
  fi
done
mkdir "$root/certs"
cp "$certs"/* "$root/certs/"
mount --bind "$hosts" "$root/etc/hosts"
exec chroot "$root" "$@"`;
