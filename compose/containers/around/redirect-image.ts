// The image of pods with rules: a shell, nft and sleep. Compose builds it from Debian's packages
// where it is not on the machine.

import type { ComposeService } from "../compose-project.js";
import { literal } from "../interpolation.js";

/** Its tag counts the changes of what is in it. */
export const REDIRECT_IMAGE = "meshwright/redirect:1";

const DOCKERFILE = [
  "FROM debian:13-slim",
  "RUN apt-get update && apt-get install -y --no-install-recommends nftables && rm -rf /var/lib/apt/lists/*",
].join("\n");

/** Loads the rules, which are its arguments, and sleeps. */
const LOAD_RULES = 'printf "%s\\n" "$@" | nft -f - && exec sleep infinity';

/**
 * What pods with rules have in common: root, who may change the network of the pod and nothing
 * else.
 * @param folder any small one, from which the build takes nothing
 */
export function loadsRules(image: string | number, folder: string): ComposeService {
  return {
    image,
    build: { context: folder, dockerfile_inline: DOCKERFILE },
    user: "0:0",
    cap_add: ["NET_ADMIN"],
    entrypoint: ["/bin/sh", "-c", LOAD_RULES, "rules"].map(literal),
  };
}
