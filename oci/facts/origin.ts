// Where a module's sources come from: their package and their commit.

import { readFile } from "node:fs/promises";
import path from "node:path";
import { runBounded } from "../../envoy/runtime/command.js";

/** What is known; nothing is guessed. */
export interface Origin {
  /** The package's version. */
  readonly version?: string;
  /** The licence, as an SPDX expression where the package has one. */
  readonly licence?: string;
  /** The address of the sources, without a user or a password. */
  readonly source?: string;
  /** The commit. It ends in `-dirty` where a source is not as the commit has it. */
  readonly revision?: string;
}

interface PackageFile {
  readonly version?: unknown;
  readonly license?: unknown;
  readonly repository?: unknown;
}

const GIT_MS = 20_000;
const HOSTS: Readonly<Record<string, string>> = {
  github: "github.com",
  gitlab: "gitlab.com",
  bitbucket: "bitbucket.org",
};

/**
 * @param root the package's folder
 * @param sources the compiled sources below it; they decide whether the commit is what was built
 */
export async function originOf(root: string, sources: readonly string[]): Promise<Origin> {
  const { version, license, repository } = await packageFile(root);
  const remote = await git(root, "config", "--get", "remote.origin.url");
  const source = sourceUrl(textOf(repository) ?? textOf((repository as { url?: unknown })?.url) ?? remote);
  const revision = await revisionOf(root, sources);
  return {
    ...known("version", textOf(version)),
    ...known("licence", textOf(license)),
    ...known("source", source),
    ...known("revision", revision),
  };
}

/** What the folder's package.json says; nothing where there is none. */
export async function packageFile(folder: string): Promise<PackageFile> {
  try {
    return JSON.parse(await readFile(path.join(folder, "package.json"), "utf8")) ?? {};
  } catch {
    return {};
  }
}

/** An object with that key, or an empty one. */
export function known<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [P in K]?: string });
}

/** A text that is not empty. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * A repository's address as a browser takes it, from any of the forms that npm and git know.
 * `undefined` where it is a folder, or no address.
 */
export function sourceUrl(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const short = /^(?:(github|gitlab|bitbucket):)?(\w[\w.-]*\/\w[\w.-]*)$/.exec(text);
  if (short !== null) return `https://${HOSTS[short[1] ?? "github"]}/${withoutGit(short[2] ?? "")}`;
  const scp = /^(?:[\w.-]+@)?([\w.-]+\.[\w.-]+):(?!\/\/)\/?(.+)$/.exec(text);
  const address = scp === null ? text.replace(/^git\+/, "") : `ssh://${scp[1]}/${scp[2]}`;
  if (!URL.canParse(address)) return undefined;
  // Whoever may read the image must not get the token with which its maker fetched the sources.
  const { protocol, hostname, host, pathname } = new URL(address);
  if (hostname === "") return undefined;
  if (protocol === "http:" || protocol === "https:") return `${protocol}//${host}${withoutGit(pathname)}`;
  return protocol === "ssh:" || protocol === "git:"
    ? `https://${hostname}${withoutGit(pathname)}`
    : undefined;
}

function withoutGit(place: string): string {
  return place.replace(/\/$/, "").replace(/\.git$/, "");
}

async function revisionOf(root: string, sources: readonly string[]): Promise<string | undefined> {
  const commit = await git(root, "rev-parse", "--verify", "HEAD");
  if (commit === undefined || !/^[0-9a-f]{40,64}$/.test(commit)) return undefined;
  // An installed package below a repository that ignores it has not that repository's commit.
  if ((await git(root, "ls-files", "--", ...sources)) === undefined) return undefined;
  const changed = await git(root, "status", "--porcelain", "--ignored", "--", ...sources);
  return changed === undefined ? commit : `${commit}-dirty`;
}

/** What git prints, without the last line's end; `undefined` where it fails or prints nothing. */
async function git(root: string, ...args: readonly string[]): Promise<string | undefined> {
  const done = await runBounded("git", ["-C", root, ...args], { timeoutMs: GIT_MS });
  return done.outcome === "done" ? textOf(done.output.trim()) : undefined;
}
