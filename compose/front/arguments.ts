// The words that describe one Envoy in front of running services: `URL`, `NAME=URL`, `FILTER=FILE`. Pure.

import { MeshwrightError } from "../../envoy/errors.js";
import { parseUpstreamUrl, type UpstreamAddress } from "../upstream-url.js";

/** The services behind the Envoy. */
export interface Upstreams {
  /** Takes what no filter sends elsewhere. */
  readonly fallback: UpstreamAddress;
  /** By the name of the destination. */
  readonly named: Readonly<Record<string, UpstreamAddress>>;
}

/** A filter and the file of its settings. */
export interface FilterFile {
  /** As `findMember` takes it. */
  readonly filter: string;
  readonly file: string;
}

/**
 * Reads `URL` and `NAME=URL`. The one without a name takes what no filter sends elsewhere; where all have names, the first does.
 * Throws `MeshwrightError("usage")`.
 */
export function parseUpstreams(words: readonly string[]): Upstreams {
  const upstreams = words.map(parseUpstream);
  const [first] = upstreams;
  if (first === undefined) throw usage("name the service to stand before: --upstream http://127.0.0.1:8080");
  const unnamed = upstreams.filter((upstream) => upstream.name === undefined);
  if (unnamed.length > 1) {
    throw usage(
      "--upstream without a name stands for all other traffic and may be given once; name the others: v1=URL",
    );
  }
  const named: Record<string, UpstreamAddress> = {};
  for (const { name, address } of upstreams) {
    if (name === undefined) continue;
    if (Object.hasOwn(named, name))
      throw usage(`--upstream ${name}=… is given twice; a destination has one address`);
    named[name] = address;
  }
  return { fallback: (unnamed[0] ?? first).address, named };
}

function parseUpstream(word: string): { name: string | undefined; address: UpstreamAddress } {
  const [, name, text = word] = /^([^:/?#=]*)=(.*)$/.exec(word) ?? [];
  if (name === "__proto__" || (name !== undefined && !/^[A-Za-z0-9_.-]{1,64}$/.test(name))) {
    throw usage(`--upstream ${word}: a destination's name is 1 to 64 letters, digits, "_", "." or "-"`);
  }
  const parsed = parseUpstreamUrl(text);
  if (!parsed.ok) throw usage(`--upstream ${word}: ${parsed.reason}`);
  return { name, address: parsed.value };
}

/** Reads `FILTER=FILE`, in the order in which a request meets them. Throws `MeshwrightError("usage")`. */
export function parseFilterFiles(words: readonly string[]): readonly FilterFile[] {
  return words.map((word) => {
    const [, filter, file] = /^([^=]+)=(.+)$/.exec(word) ?? [];
    if (filter === undefined || file === undefined) {
      throw usage(`--filter ${word}: write it as NAME=FILE, as in header-routing=routes.yaml`);
    }
    return { filter, file };
  });
}

function usage(message: string): MeshwrightError {
  return new MeshwrightError("usage", message);
}
