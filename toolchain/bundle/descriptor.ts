// Describes a bundle as if it were one filter.

import { z } from "zod";
import { DESTINATION_HEADER } from "../../envoy/config/route.js";
import type { FilterChain, FilterDescriptor, NamedPlace } from "../../filters/descriptor.js";

const CHAINS: Readonly<Record<FilterChain, string>> = {
  downstream: "in the listener's chain",
  upstream: "in the cluster's chain",
};

/** What the filters of a bundle say together. Each reads its own part of the configuration. */
export function bundleDescriptor(name: string, members: readonly FilterDescriptor[]): FilterDescriptor {
  const shape = Object.fromEntries(members.map((member) => [member.name, member.schema]));
  const partOf = (config: unknown, member: FilterDescriptor) =>
    (config as Readonly<Record<string, unknown>>)[member.name];
  /** The answers of the filters that have this function. */
  const each = <T>(config: unknown, ask: (member: FilterDescriptor, part: unknown) => T | undefined): T[] =>
    members.flatMap((member) => {
      const answer = ask(member, partOf(config, member));
      return answer === undefined ? [] : [answer];
    });
  const places = (found: readonly NamedPlace[] | undefined, member: FilterDescriptor) =>
    found?.map((place) => ({ ...place, path: [member.name, ...place.path] }));
  const chainOf = (member: FilterDescriptor, part: unknown) => member.chain?.(part) ?? "downstream";
  const choosers = members.filter((member) => member.destinations !== undefined);
  /** The last that chooses a destination under this configuration. */
  const chooserOf = (config: unknown) =>
    choosers.findLast((member) => member.choosesDestination?.(partOf(config, member)) ?? true);
  return {
    name,
    summary: `bundle of ${members.map((member) => member.name).join(", ")}`,
    schema: z.strictObject(shape).superRefine((config, context) => {
      const [first, ...others] = members;
      const other = others.find(
        (member) =>
          first !== undefined &&
          chainOf(member, partOf(config, member)) !== chainOf(first, partOf(config, first)),
      );
      if (other === undefined || first === undefined) return;
      const message = `stands ${CHAINS[chainOf(other, partOf(config, other))]} and ${first.name} ${CHAINS[chainOf(first, partOf(config, first))]}, and a bundle stands in one chain: let both stand in the same ("where" says it), or use one of them outside the bundle`;
      context.addIssue({ code: "custom", path: [other.name], message });
    }) as z.ZodType<unknown>,
    metricLabels: [...new Set(members.flatMap((member) => member.metricLabels ?? []))],
    chain: (config) => each(config, chainOf)[0] ?? "downstream",
    ...(choosers.length === 0
      ? {}
      : {
          destinations: (config: unknown) =>
            each(config, (member, part) => places(member.destinations?.(part), member)).flat(),
          choosesDestination: (config: unknown) => chooserOf(config) !== undefined,
          destinationHeader: (config: unknown) => {
            const chooser = chooserOf(config);
            return chooser?.destinationHeader?.(partOf(config, chooser)) ?? DESTINATION_HEADER;
          },
        }),
    mirrors: (config) => each(config, (member, part) => places(member.mirrors?.(part), member)).flat(),
    grpcServices: (config) =>
      each(config, (member, part) => places(member.grpcServices?.(part), member)).flat(),
    httpServices: (config) =>
      each(config, (member, part) => places(member.httpServices?.(part), member)).flat(),
    restartKeys: (config) =>
      Object.fromEntries(
        each(config, (member, part) => {
          const keys = member.restartKeys?.(part);
          return keys && ([member.name, keys] as const);
        }),
      ),
    sharedData: (config) => each(config, (member, part) => member.sharedData?.(part))[0],
    ...(members.every(({ inCluster }) => inCluster === undefined)
      ? {}
      : {
          inCluster: (config: unknown, cluster: string) =>
            Object.fromEntries(
              each(config, (member, part) => [member.name, member.inCluster?.(part, cluster) ?? part]),
            ),
        }),
    routerHeaders: (config) => each(config, (member, part) => member.routerHeaders?.(part)).flat(),
    outlierHeaders: (config) => each(config, (member, part) => member.outlierHeaders?.(part)).flat(),
    states: (config) => each(config, (member, part) => member.states?.(part)).flat(),
    explainProperties: (config) => each(config, (member, part) => member.explainProperties?.(part)).flat(),
    refusedRetryConditions: (config) =>
      Object.assign({}, ...each(config, (member, part) => member.refusedRetryConditions?.(part))),
    ...(members.every(({ describe }) => describe === undefined)
      ? {}
      : { describe: (config: unknown) => each(config, (member, part) => member.describe?.(part)).flat() }),
    tries: (config) => each(config, (member, part) => member.tries?.(part)).flat(),
  };
}
