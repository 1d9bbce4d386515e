// What a person should know of a mesh's identity and of its rules, as lines. Pure.

import { type AccessRule, ANYBODY, hasAccessRules } from "./access.js";
import { namedCallers } from "./access-order.js";
import { identityOf } from "./identity.js";
import { GATEWAY } from "./names.js";
import type { Mesh } from "./shape.js";

const MODE_WORDS = {
  strict: "calls between Envoys are mutual TLS",
  permissive: "calls between Envoys are mutual TLS, and sidecars take plain calls too",
  off: "calls between Envoys are plain",
} as const;

/** @param sidecarUrl where this machine reaches a sidecar; absent where it cannot */
export function identityLines(mesh: Mesh, sidecarUrl?: string): readonly string[] {
  const { mode, trustDomain } = identityOf(mesh);
  const rotate = mesh.identity?.rotate ?? "1h";
  const more = mode === "off" ? "" : ` in ${trustDomain}, with new certificates every ${rotate}`;
  return [
    `${MODE_WORDS[mode]}${more}`,
    ...(mode === "strict" && sidecarUrl !== undefined ? [`refused: curl ${sidecarUrl}/`] : []),
    ...accessLines(mesh),
  ];
}

/** A line for each service with rules, and one for each call of the file that they refuse. */
function accessLines(mesh: Mesh): readonly string[] {
  const isClosed = mesh.access?.denyByDefault === true;
  const dry = mesh.access?.dryRun === true ? "; nothing is refused: dryRun" : "";
  const rules = Object.entries(mesh.services).flatMap(([name, { allow = [], deny = [] }]) => {
    const words = [
      ...allow.map((rule) => `allow ${ruleWords(rule)}`),
      ...deny.map((rule) => `deny ${ruleWords(rule)}`),
    ];
    return words.length === 0 ? [] : [`${name}: ${words.join("; ")}`];
  });
  return [
    ...(isClosed ? [`a call that no rule allows is refused${dry}`] : []),
    ...rules,
    ...Object.keys(mesh.services).flatMap((service) => refusedCallers(mesh, service)),
  ];
}

function ruleWords({ from, methods, paths, dryRun }: AccessRule): string {
  const whom = from === ANYBODY ? "everybody else" : from;
  const what = [...(methods === undefined ? [] : [methods.join(", ")]), ...(paths ?? [])].join(" ");
  return `${whom}${what === "" ? "" : ` (${what})`}${dryRun ? ", only counted" : ""}`;
}

/** Callers of the file that cannot call at all: most often a rule is missing. */
function refusedCallers(mesh: Mesh, service: string): readonly string[] {
  if (!hasAccessRules(mesh, service) || mesh.access?.denyByDefault !== true) return [];
  const { allow = [], deny = [] } = mesh.services[service] ?? {};
  const own = new Set(namedCallers([...allow, ...deny]));
  const isAllowed = (caller: string) =>
    allow.some(({ from, dryRun }) => dryRun !== true && from === (own.has(caller) ? caller : ANYBODY));
  const callers = [
    ...(mesh.gateway.routes.some((route) => route.service === service) ? [GATEWAY] : []),
    ...Object.entries(mesh.services).flatMap(([name, { calls = [] }]) =>
      calls.includes(service) ? [name] : [],
    ),
  ];
  return callers
    .filter((caller) => !isAllowed(caller))
    .map((caller) => `${caller} calls ${service}, and no rule allows it: services.${service}.allow`);
}
