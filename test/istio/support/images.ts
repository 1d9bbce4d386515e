// Images that `meshwright pack` makes and `meshwright push` brings to a real registry.

import path from "node:path";
import { runMain } from "../../integration/commands/run-main.js";
import { startContainerRegistry } from "../../support/registries.js";
import { guardedFolder } from "./folder.js";
import { owning } from "./owning.js";

interface PushOptions {
  /** Makes a bundle of these of the name. Default: it is a filter. */
  readonly bundle?: readonly string[];
  /** Default: the name. `url` then finds it by this one. */
  readonly repository?: string;
  /** An annotation, which makes another image of the same module. Default: none. */
  readonly annotation?: string;
}

interface ImageParts {
  /** The registry as HOST:PORT. */
  readonly registry: string;
  /** `oci://REGISTRY/…@sha256:…` of an image that was pushed. */
  url(name: string): string;
  /** Packs and pushes one more. */
  push(name: string, options?: PushOptions): Promise<void>;
}

/** Disposing of it ends the registry. */
export type PushedImages = ImageParts & AsyncDisposable;

/** Starts a registry and pushes an image of each of these filters. */
export function pushImages(filters: readonly string[]): Promise<PushedImages> {
  return owning<ImageParts>(async (use) => {
    const folder = use(await guardedFolder("images"));
    const { host } = use(await startContainerRegistry());
    const urls = new Map<string, string>();
    const push: ImageParts["push"] = async (name, { bundle, repository = name, annotation } = {}) => {
      const packed = bundle === undefined ? [name] : ["--bundle", name, ...bundle];
      const more = annotation === undefined ? [] : ["--annotation", annotation];
      await command("pack", ...packed, ...more, "--out-dir", folder.path);
      const from = path.join(folder.path, `${name}.oci`);
      const said = await command("push", `${host}/mesh/${repository}:1`, "--from", from);
      urls.set(repository, /oci:\/\/\S+@sha256:[0-9a-f]{64}/.exec(said)?.[0] ?? "");
    };
    for (const name of filters) await push(name);
    const url: ImageParts["url"] = (name) => {
      const pushed = urls.get(name);
      if (pushed === undefined) throw new Error(`no image of ${name} was pushed`);
      return pushed;
    };
    return { registry: host, url, push };
  });
}

async function command(...args: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runMain(args);
  if (exitCode !== 0) throw new Error(`meshwright ${args.join(" ")}: ${stderr}`);
  return stdout;
}
