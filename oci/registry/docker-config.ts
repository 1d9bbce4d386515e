// Finds the login for a registry where `docker login` keeps it: in config.json, or behind a
// credential helper.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";

export type Login =
  | { readonly kind: "password"; readonly user: string; readonly password: string }
  /** For the registry's token service alone. */
  | { readonly kind: "identity-token"; readonly token: string };

const HELPER_MS = 60_000;
const DOCKER_HUB_KEY = "https://index.docker.io/v1/";

const authSchema = z.looseObject({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const configSchema = z.looseObject({
  auths: z.record(z.string(), authSchema).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});
const helperSchema = z.looseObject({ Username: z.string(), Secret: z.string() });

/**
 * The login for a registry; `undefined` where there is none.
 * @param registry a host with its port, or `docker.io`
 * @param env where `DOCKER_CONFIG`, `HOME` and `PATH` are read
 * @throws MeshwrightError `configuration` where the file or the helper cannot be used
 */
export async function findLogin(registry: string, env: NodeJS.ProcessEnv): Promise<Login | undefined> {
  const file = path.join(env.DOCKER_CONFIG || path.join(env.HOME || homedir(), ".docker"), "config.json");
  const config = await readConfig(file);
  if (config === undefined) return undefined;
  const keys = keysOf(registry);
  const own = keys.flatMap((key) => config.credHelpers?.[key] ?? [])[0];
  const helper = own ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    const login = await askHelper(helper, keys[0] ?? registry, env);
    if (login !== undefined || own !== undefined) return login;
  }
  const entry = Object.entries(config.auths ?? {}).find(
    ([key]) => keys.includes(key) || hostOf(key) === registry,
  );
  return entry === undefined ? undefined : loginOf(file, ...entry);
}

/** The keys under which a registry is written, the usual one first. */
function keysOf(registry: string): readonly string[] {
  if (registry === "docker.io") return [DOCKER_HUB_KEY, "index.docker.io", "docker.io"];
  return [registry, `https://${registry}`, `http://${registry}`];
}

/** Older files have addresses as keys, with a path that means nothing. */
function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
}

async function readConfig(file: string): Promise<z.output<typeof configSchema> | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw refused(file, `it cannot be read (${code})`);
  }
  try {
    return configSchema.parse(JSON.parse(text));
  } catch {
    // The reason would repeat a part of the file, which has passwords.
    throw refused(file, "it is not the JSON that `docker login` writes");
  }
}

function loginOf(file: string, key: string, entry: z.output<typeof authSchema>): Login | undefined {
  if (entry.identitytoken) return { kind: "identity-token", token: entry.identitytoken };
  if (entry.username) return { kind: "password", user: entry.username, password: entry.password ?? "" };
  if (!entry.auth) return undefined;
  const pair = Buffer.from(entry.auth, "base64").toString("utf8").replace(/\0+$/, "");
  const colon = pair.indexOf(":");
  if (colon < 1) throw refused(file, `auths["${key}"].auth is not USER:PASSWORD in Base64`);
  return { kind: "password", user: pair.slice(0, colon), password: pair.slice(colon + 1) };
}

/** Source: https://github.com/docker/docker-credential-helpers, "Development". */
async function askHelper(name: string, key: string, env: NodeJS.ProcessEnv): Promise<Login | undefined> {
  const program = `docker-credential-${name}`;
  // The name is a part of a program's name, and must not lead to another folder.
  if (!/^[\w.-]+$/.test(name)) throw refused(program, "a credential helper has no such name");
  const { error, stdout } = await run(program, key, env);
  if (error !== null) {
    if (/credentials not found/i.test(stdout)) return undefined;
    const why = error.code === "ENOENT" ? "it is not installed" : `it failed for ${key}`;
    throw refused(program, `${why}; \`docker login\` says more`);
  }
  try {
    const { Username, Secret } = helperSchema.parse(JSON.parse(stdout));
    if (Username === "<token>") return { kind: "identity-token", token: Secret };
    return { kind: "password", user: Username, password: Secret };
  } catch {
    throw refused(program, "its answer is not that of a credential helper");
  }
}

function run(program: string, key: string, env: NodeJS.ProcessEnv) {
  return new Promise<{ error: (Error & { code?: unknown }) | null; stdout: string }>((resolve) => {
    const options = { env, timeout: HELPER_MS, killSignal: "SIGKILL" } as const;
    const child = execFile(program, ["get"], options, (error, stdout, stderr) =>
      resolve({
        error: error as (Error & { code?: unknown }) | null,
        stdout: stdout + (error ? stderr : ""),
      }),
    );
    // A helper that does not start takes no input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(key);
  });
}

function refused(what: string, why: string): MeshwrightError {
  return new MeshwrightError("configuration", `the registry's login: ${what}: ${why}`);
}
