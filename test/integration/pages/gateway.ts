// The gateway of docs/operating.md in stock Envoy: the page's file as it is, but for its ports, the
// folder of its modules, and what a test wants changed.

import { createSign, generateKeyPairSync, type KeyObject } from "node:crypto";
import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parse } from "yaml";
import { PACKAGE_ROOT } from "../../../envoy/package-root.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { startGuard } from "../../../envoy/runtime/guard.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { type EnvoyProcess, startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { FILTERS } from "../../../filters/catalog.js";
import { startUpstream, type Upstream, type UpstreamOptions } from "../../../kit/envoy/upstream.js";
import { buildFilters } from "../../../toolchain/compile/build.js";

const GATEWAY = path.join(PACKAGE_ROOT, "docs/gateway.yaml");
/** The folder of modules and keys on the page. */
const FOLDER = "/etc/envoy";
/** The ports of the page. */
const PORTS = { listener: "8080", admin: "9901", authz: "9000", v1: "9001", v2: "9002" } as const;

/** The page's place on this machine. Disposing of it removes it. */
export interface Place extends AsyncDisposable {
  /** In place of `/etc/envoy`. It has every module, and the keys of the page's tokens. */
  readonly folder: string;
  /** A text of the page with this machine's ports and folder. */
  readonly here: (text: string) => string;
  readonly url: string;
  readonly adminUrl: string;
  /** A token as the page's provider signs it. */
  readonly token: (claims: object) => string;
  readonly v1: Upstream;
  readonly v2: Upstream;
  /** The service that ext_authz asks. */
  readonly authz: Upstream;
}

export async function makePlace(answers: Pick<UpstreamOptions, "respond"> = {}): Promise<Place> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "meshwright-page-")));
  const built = await buildFilters(FILTERS.map(({ name }) => name));
  for (const { name, path: module } of built) await copyFile(module, path.join(folder, `${name}.wasm`));
  await mkdir(path.join(folder, "filters"));
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = [{ ...publicKey.export({ format: "jwk" }), kid: "page", alg: "RS256", use: "sig" }];
  await writeFile(path.join(folder, "jwks.json"), JSON.stringify({ keys }));
  const [v1, v2, authz] = await Promise.all([
    startUpstream({ name: "v1", ...answers }),
    startUpstream({ name: "v2", ...answers }),
    startUpstream({ name: "authz", respond: () => ({ status: 200 }) }),
  ]);
  const [listener = 0, admin = 0] = await freePorts(2);
  const ports = { listener, admin, authz: authz.port, v1: v1.port, v2: v2.port };
  const byPage = new Map<string, number>(
    Object.entries(PORTS).map(([name, port]) => [port, ports[name as keyof typeof PORTS]]),
  );
  return {
    folder,
    here: (text) =>
      text
        .replaceAll(FOLDER, folder)
        .replaceAll(/(?<=port_value: |127\.0\.0\.1:)\d{4}\b/g, (port) => String(byPage.get(port) ?? port)),
    url: `http://127.0.0.1:${listener}`,
    adminUrl: `http://127.0.0.1:${admin}`,
    token: (claims) => signed(privateKey, claims),
    v1,
    v2,
    authz,
    async [Symbol.asyncDispose]() {
      for (const each of [v1, v2, authz]) await each[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The text of the page's file, as it stands. */
export const gatewayText = () => readFile(GATEWAY, "utf8");

/**
 * The text with another entry in place of entries of the listener's chain.
 * @param names the entries that go; the first one's place is taken
 */
export function withEntry(text: string, names: readonly string[], entry: string): string {
  const indent = " ".repeat(18);
  const indented = entry.replaceAll(/^(?=.)/gm, indent);
  return names.reduce((sofar, name, i) => {
    const old = new RegExp(`^${indent}- name: ${name}\\n(?:${indent} .*\\n)+`, "m");
    return sofar.replace(old, () => (i === 0 ? indented : ""));
  }, text);
}

function signed(key: KeyObject, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const text = `${part({ alg: "RS256", kid: "page" })}.${part({ iss: "https://shop.example", ...claims })}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(key, "base64url")}`;
}

/** @param change makes another text of the page's file */
export async function startGateway(
  place: Place,
  change: (text: string) => string = (text) => text,
): Promise<EnvoyProcess> {
  const directory = await mkdtemp(path.join(tmpdir(), "meshwright-gateway-"));
  const guard = startGuard({ directory });
  // The service that authorizes shares the test's process, which a busy machine makes wait.
  const text = place.here(change(await gatewayText())).replace("timeout: 0.5s", "timeout: 15s");
  const bootstrap = parse(text) as object;
  const envoy = await startEnvoyProcess({ binary: await findEnvoy(), bootstrap, directory, workers: 2 });
  return {
    ...envoy,
    async [Symbol.asyncDispose]() {
      await envoy.stop();
      await rm(directory, { recursive: true, force: true });
      guard.release();
    },
  };
}
