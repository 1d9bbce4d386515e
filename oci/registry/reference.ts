// Names a place in a registry: HOST[:PORT]/REPOSITORY[:TAG][@DIGEST].

import { MeshwrightError } from "../../envoy/errors.js";
import { type Digest, isDigest } from "../image/descriptor.js";

export interface Reference {
  /** The host, with its port where it has one, as the user wrote it. */
  readonly registry: string;
  /** The host that answers, which is another one for Docker Hub. */
  readonly host: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

const HOST = /^(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i;
/** Source: the OCI distribution specification, "Pulling manifests". */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DOCKER_HUB = "docker.io";

/** @throws MeshwrightError `usage` for a text that names no place in a registry */
export function parseReference(text: string): Reference {
  const [place = "", digest, ...more] = text.replace(/^oci:\/\//, "").split("@");
  const slash = place.indexOf("/");
  const registry = place.slice(0, Math.max(slash, 0));
  const colon = place.lastIndexOf(":");
  const hasTag = colon > slash;
  const repository = place.slice(slash + 1, hasTag ? colon : undefined);
  const tag = hasTag ? place.slice(colon + 1) : undefined;
  if (!/[.:]|^localhost$/.test(registry) || !HOST.test(registry) || !URL.canParse(`https://${registry}`)) {
    throw refused(text, "name the registry, as in registry.example/mesh/header-routing:1.0.0");
  }
  if (!REPOSITORY.test(repository) || repository.length > 255) {
    throw refused(text, `"${repository}" is no repository: use lower-case letters, digits and / . _ -`);
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw refused(text, `"${tag}" is no tag: use up to 128 letters, digits and _ . -`);
  }
  if (more.length > 0 || (digest !== undefined && !isDigest(digest))) {
    throw refused(text, "a digest is sha256: and 64 hexadecimal digits");
  }
  const isHub = registry === DOCKER_HUB || registry === `index.${DOCKER_HUB}`;
  return {
    registry: isHub ? DOCKER_HUB : registry,
    host: isHub ? `registry-1.${DOCKER_HUB}` : registry,
    repository: isHub && !repository.includes("/") ? `library/${repository}` : repository,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digest as Digest }),
  };
}

function refused(text: string, why: string): MeshwrightError {
  return new MeshwrightError("usage", `${text}: ${why}`);
}
