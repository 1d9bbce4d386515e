// Random scenarios from a seed: chains, headers, bodies in pieces, pauses, answers and failures.

import { listOf } from "../../kit/body-pieces.js";
import type { ClientRequest, HeaderList, UpstreamResponse } from "../../kit/traffic.js";
import { Random } from "./random.js";
import { type Plan, probe, type Scenario, type ScenarioFilter } from "./scenario.js";

const NAMES = ["x-a", "x-b", "x-c", "X-Mixed", "content-type", "x-long-name-of-a-header"] as const;
const VALUES = ["", "1", "two", "a b", "a,b", "%", "caf\xe9", "x".repeat(200)] as const;
const PIECES = ["a", "bc", "def", "0123456789", "y".repeat(500), "z".repeat(9_000)] as const;

/** One scenario for each number, starting at 0. */
export function generated(seed: number, count: number): readonly Scenario[] {
  return Array.from({ length: count }, (_, i) => {
    const random = new Random(seed * 10_007 + i);
    return scenario(random, `generated ${seed}:${i}`);
  });
}

function scenario(random: Random, name: string): Scenario {
  // At most one filter waits or answers. With two, their order might depend on time.
  const size = 1 + random.below(3);
  const actor = random.below(size + 1);
  const filters = Array.from({ length: size }, (_, i) => filter(random, `f${i}`, i === actor));
  const upstreamFilters = random.below(4) === 0 ? [filter(random, "up", false)] : undefined;
  return {
    name,
    filters,
    ...(upstreamFilters === undefined ? {} : { upstreamFilters }),
    answers: { upstream: random.some(1, 2, () => answer(random)) },
    ...(random.below(2) === 0 ? {} : { routeOptions: { retryPolicy: { retryOn: ["5xx"] } } }),
    requests: random.some(1, 2, () => inOnePiece(request(random), upstreamFilters !== undefined)),
    patienceMs: 1_000,
    restMs: 5,
  };
}

function headers(random: Random): HeaderList {
  return random.some(0, 4, () => [random.pick(NAMES).toLowerCase(), random.pick(VALUES)] as const);
}

function withoutRepeats(list: HeaderList): HeaderList {
  return [...new Map(list)];
}

function message(random: Random): Pick<ClientRequest & UpstreamResponse, "headers" | "body" | "trailers"> {
  const body = random.some(1, 4, () => random.pick(PIECES));
  return {
    headers: withoutRepeats(headers(random)),
    ...(random.below(3) === 0 ? {} : { body }),
    ...(random.below(4) === 0 ? { trailers: [["x-trailer", random.pick(VALUES)]] } : {}),
  };
}

function request(random: Random): ClientRequest {
  return { ...message(random), path: random.pick(["/", "/a?b=c", "/%41", "//x", "/a/./b"]) };
}

/**
 * Pieces that come before the upstream's connection exists reach the upstream's chain as one piece.
 */
function inOnePiece(request: ClientRequest, wanted: boolean): ClientRequest {
  const [first] = listOf(request.body);
  return wanted && first !== undefined ? { ...request, body: [first] } : request;
}

function answer(random: Random): UpstreamResponse {
  const status = random.pick([200, 200, 200, 201, 404, 503]);
  return { status, ...message(random) };
}

function filter(random: Random, name: string, isActor: boolean): ScenarioFilter {
  const plan: Record<string, string> = {};
  for (const callback of ["qh", "qb", "qt", "sh", "sb", "st"]) {
    const steps = random.some(0, 2, () => edit(random, callback));
    if (steps.length > 0) plan[callback] = steps.join("; ");
  }
  // A changed body whose length differs from its header may or may not be a reset, depending on
  // time.
  const { sh = "" } = plan;
  if (plan.sb !== undefined) plan.sh = sh === "" ? "del 2 content-length" : `del 2 content-length; ${sh}`;
  return probe(name, isActor ? { ...plan, ...deed(random) } : plan);
}

/** An edit or a query that takes no time. */
function edit(random: Random, callback: string): string {
  const stream = callback.startsWith("q") ? 0 : 1;
  const map = stream * 2 + (callback.endsWith("t") ? 1 : 0);
  const name = random.pick(NAMES);
  const value = random.pick(["1", "~", "two", "a%20b", "%E9"]);
  const ofHeaders = [
    `add ${map} ${name} ${value}`,
    `set ${map} ${name} ${value}`,
    `del ${map} ${name}`,
    `get ${map} ${name}`,
    ...(map === 2 ? [] : [`size ${map}`]),
  ];
  const ofBodies = [
    `body ${stream} ${random.below(5)} ${random.below(20)}`,
    `bodysize ${stream}`,
    `write ${stream} ${random.pick(["0 0", "0 4000000", "4000000 0"])} ${random.pick(["~", "in", "longer"])}`,
  ];
  return random.pick(callback.endsWith("b") ? ofBodies : ofHeaders);
}

/** A pause, or an answer instead of the upstream's. */
function deed(random: Random): Plan {
  const stream = random.below(2);
  const letter = stream === 0 ? "q" : "s";
  return random.pick<Plan>([
    { [`${letter}h`]: `ret ${random.pick([1, 3, 4])}; later 60; cont ${stream}` },
    { [`${letter}h`]: `ret 1; later 60; set ${stream * 2} x-late 1; cont ${stream}` },
    { [`${letter}b`]: "ret 1", [`${letter}b$`]: `body ${stream} 0 99; write ${stream} 0 4000000 whole` },
    { [`${letter}b$`]: `ret 1; later 60; cont ${stream}`, [`${letter}b`]: "ret 1" },
    { [`${letter}t`]: `ret 1; later 60; cont ${stream}` },
    {
      [`${letter}h`]: `reply ${random.pick([200, 403, 503])} said ${random.pick(["~", "no"])} x-reply=1; ret 1`,
    },
    { [`${letter}h`]: "ret 1; later 60; reply 418 late late ~" },
    { qb1: "reply 413 big big ~; ret 3" },
  ]);
}
