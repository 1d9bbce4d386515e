// What an image and its referrers say of a module.

import type { Annotations, Digest } from "../image/descriptor.js";
import type { Materials } from "./materials.js";
import { known, type Origin } from "./origin.js";

/** A module that is packed, and what is known of it. */
export interface PackedModule {
  /** The module's name, which a filter or a bundle gave it. */
  readonly name: string;
  /** What it does, in one line. */
  readonly summary: string;
  readonly bytes: Uint8Array;
  readonly digest: Digest;
  /** The filters in it, in the order of the chain. */
  readonly filters: readonly string[];
  /** The callbacks that a lean build leaves out; none in a whole module. */
  readonly leftOut: readonly string[];
  /** The version of the proxy-wasm ABI. */
  readonly abi: string;
  /** The JSON Schema of its configuration, as text. */
  readonly schema: string;
  readonly origin: Origin;
  readonly materials: Materials;
}

/** Which meshwright made it. */
export interface Maker {
  readonly version: string;
  /** The compiler's version. */
  readonly compiler: string;
}

/** The annotations of an image. @param schema the digest of the configuration's JSON Schema */
export function annotationsOf(module: PackedModule, schema: Digest): Annotations {
  const { origin } = module;
  return {
    "org.opencontainers.image.title": module.name,
    "org.opencontainers.image.description": module.summary,
    ...known("org.opencontainers.image.version", origin.version),
    ...known("org.opencontainers.image.licenses", origin.licence),
    ...known("org.opencontainers.image.source", origin.source),
    ...known("org.opencontainers.image.revision", origin.revision),
    "meshwright.filters": module.filters.join(","),
    "meshwright.abi": module.abi,
    ...(module.leftOut.length === 0 ? {} : { "meshwright.left-out": module.leftOut.join(",") }),
    "meshwright.module": module.digest,
    "meshwright.schema": schema,
  };
}
