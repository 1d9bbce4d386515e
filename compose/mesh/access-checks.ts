// What is wrong with the rules of who may call whom: a caller that there is not, two rules that say
// the opposite, and rules that cannot do what they say.

import { listed, nearest, type Problem } from "../../envoy/problems.js";
import { type AccessedMesh, type AccessRule, ANYBODY } from "./access.js";
import { type OrderedRule, orderedRules } from "./access-order.js";
import { type IdentifiedMesh, identityOf } from "./identity.js";
import { GATEWAY } from "./names.js";

type Checked = AccessedMesh &
  IdentifiedMesh & { readonly listeners?: { readonly mergeSlashes?: boolean | undefined } | undefined };

type Path = readonly PropertyKey[];

export function accessProblems(mesh: Checked): Problem[] {
  const services = Object.keys(mesh.services);
  const isPlain = identityOf(mesh).mode === "off";
  const own = services.flatMap((name) => serviceProblems(mesh, name));
  return [
    ...(isPlain && mesh.access?.denyByDefault === true
      ? [{ path: ["access", "denyByDefault"], reason: PLAIN }]
      : []),
    ...own,
  ];
}

const PLAIN = "needs to know who calls, and identity.mode is off: make it strict";

function serviceProblems(mesh: Checked, name: string): Problem[] {
  const { allow, deny } = mesh.services[name] ?? {};
  const lists = [
    ["allow", allow ?? []],
    ["deny", deny ?? []],
  ] as const;
  const at = (list: string): Path => ["services", name, list];
  const isPlain = identityOf(mesh).mode === "off";
  const given = lists.filter(([, rules]) => rules.length > 0);
  if (isPlain) return given.map(([list]) => ({ path: at(list), reason: PLAIN }));
  const isIdle = allow !== undefined && deny === undefined && mesh.access?.denyByDefault !== true;
  const idle =
    "allows what nothing refuses: set access.denyByDefault: true, or refuse others by a rule of deny";
  return [
    ...given.flatMap(([list, rules]) =>
      rules.flatMap((rule, i) => ruleProblems(mesh, rule, [...at(list), i])),
    ),
    ...contradictions(orderedRules({ allow, deny })).map(([i, reason]) => ({
      path: [...at("deny"), i],
      reason,
    })),
    ...(isIdle ? [{ path: at("allow"), reason: idle }] : []),
  ];
}

function ruleProblems(mesh: Checked, { from, paths }: AccessRule, path: Path): Problem[] {
  const callers = [...Object.keys(mesh.services), GATEWAY];
  const problems: Problem[] = [];
  if (from !== ANYBODY && !callers.includes(from)) {
    const near = nearest(from, callers);
    const help = near === undefined ? `there is ${listed([...callers, ANYBODY])}` : `did you mean "${near}"?`;
    problems.push({ path: [...path, "from"], reason: `nobody is called "${from}"; ${help}` });
  }
  if (paths !== undefined && mesh.listeners?.mergeSlashes === false) {
    const reason = "can be passed by //, because listeners.mergeSlashes is false: leave that out";
    problems.push({ path: [...path, "paths"], reason });
  }
  return problems;
}

/** Where a call matches both, and none of the two is more specific. */
function contradictions(rules: readonly OrderedRule[]): readonly (readonly [deny: number, reason: string])[] {
  const found = new Map<number, string>();
  const allows = rules.filter(({ action }) => action === "allow");
  for (const deny of rules) {
    if (deny.action !== "deny" || found.has(deny.index)) continue;
    const other = allows.find((allow) => saysTheOpposite(deny, allow));
    if (other === undefined) continue;
    const what = `${deny.from === ANYBODY ? "everybody" : deny.from}${deny.path === undefined ? "" : ` at ${deny.path}`}`;
    found.set(deny.index, `says the opposite of allow[${other.index}] for ${what}: remove one of the two`);
  }
  return [...found];
}

function saysTheOpposite(one: OrderedRule, other: OrderedRule): boolean {
  if (one.from !== other.from || one.path !== other.path) return false;
  const { methods } = one;
  if (methods === undefined || other.methods === undefined) return methods === other.methods;
  return methods.some((method) => other.methods?.includes(method));
}
