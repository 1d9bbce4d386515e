// Where a service of a compose project mentions another one: in its environment, its command, its
// links and its dependencies.

import type { ProjectModel, ProjectService } from "../project/model.js";
import { plain } from "./facts.js";
import { type Reference, referencesIn, wholeReference } from "./references.js";

/** A place in a service that mentions another one. */
export interface Mention extends Omit<Reference, "host"> {
  /** The services' names in compose. */
  readonly from: string;
  readonly to: string;
  /** The variable, or the kind of place. */
  readonly by: string;
  /** Whether it only says that the other one must run. */
  readonly isWeak: boolean;
  /** In the model. */
  readonly path: readonly PropertyKey[];
}

/** Every mention of another service. A service that shares no network with it cannot mean it. */
export function mentionsIn({ services }: ProjectModel): readonly Mention[] {
  return Object.entries(services).flatMap(([from, service]) => {
    const hosts = reachable(from, services);
    const found: Mention[] = [];
    const add = (by: string, path: readonly PropertyKey[], references: readonly Reference[]) => {
      for (const { host, ...rest } of references) {
        const to = hosts.get(host);
        if (to !== undefined) {
          found.push({ from, to, by, isWeak: false, path: ["services", from, ...path], ...rest });
        }
      }
    };
    for (const link of service.links ?? []) {
      const [to = ""] = link.split(":");
      add("links", ["links"], [{ host: to.toLowerCase() }]);
    }
    const variables = service.environment ?? {};
    // Compose sorts them and the loader does not; the reasons are the same all the same.
    for (const [name, value] of Object.entries(variables).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
      if (value === null) continue;
      const whole = wholeReference(name, value, variables);
      add(plain(name), ["environment", name], whole === undefined ? referencesIn(value) : [whole]);
    }
    for (const key of ["entrypoint", "command"] as const) {
      for (const [by, references] of inArguments(service[key] ?? [], key)) add(by, [key], references);
    }
    for (const to of Object.keys(service.depends_on ?? {})) {
      if (!(to in services)) continue;
      found.push({ from, to, by: "depends_on", isWeak: true, path: ["services", from, "depends_on", to] });
    }
    return found;
  });
}

/**
 * The references of arguments, by their flags: `--db-host db` and `--db-host=db` are like
 * variables.
 */
function inArguments(
  words: readonly string[],
  key: string,
): readonly (readonly [by: string, references: readonly Reference[]])[] {
  const flags: Record<string, string> = {};
  for (const [i, word] of words.entries()) {
    const [, flag, value] = /^(--?[a-z][\w.-]*)(?:=(.*))?$/is.exec(word) ?? [];
    const next = words[i + 1] ?? "";
    if (flag !== undefined) flags[flag] = value ?? (next.startsWith("-") ? "" : next);
  }
  const plain = words.filter((word) => !word.startsWith("-") && !Object.values(flags).includes(word));
  return [
    ...Object.entries(flags).map(([flag, value]) => {
      const whole = wholeReference(flag, value, flags);
      return [flag, whole === undefined ? referencesIn(value) : [whole]] as const;
    }),
    ...plain.map((word) => [key, referencesIn(word)] as const),
  ];
}

/** The services that a service reaches, by every name under which it does, in lower case. */
function reachable(
  from: string,
  services: Readonly<Record<string, ProjectService>>,
): ReadonlyMap<string, string> {
  const own = services[from];
  const networks = new Set(Object.keys(own?.networks ?? {}));
  const names = new Map<string, string>();
  for (const link of own?.links ?? []) {
    const [to = "", alias = to] = link.split(":");
    names.set(alias.toLowerCase(), to);
  }
  for (const [to, service] of Object.entries(services)) {
    const shared = Object.entries(service.networks ?? {}).filter(([network]) => networks.has(network));
    if (to === from || shared.length === 0) continue;
    const aliases = shared.flatMap(([, how]) => how?.aliases ?? []);
    for (const name of [to, service.container_name, ...aliases]) {
      if (name !== undefined && !names.has(name.toLowerCase())) names.set(name.toLowerCase(), to);
    }
  }
  return names;
}
