// A mirror in a mesh file: another version or service gets a copy of some of a service's requests,
// and its answers are dropped.

import { z } from "zod";
import { exactlyOneOf } from "../../../filters/shared/match-schema.js";
import { NAME, versionName } from "../names.js";

const name = z.string().regex(NAME, "must be 1 to 41 of a-z, 0-9 and '-', and begin with a letter");

export const mirrorSchema = z
  .strictObject({
    version: name.optional().describe("The version of this service that gets the copies."),
    service: name.optional().describe("The other service whose default version gets them."),
    percentage: z
      .number()
      .min(0.0001, "must be from 0.0001 to 100")
      .max(100, "must be from 0.0001 to 100")
      .optional()
      .describe("How many of the requests are copied, in percent. Default 100."),
  })
  .refine(exactlyOneOf(["version", "service"]), "needs exactly one of version, service");

export type Mirror = z.output<typeof mirrorSchema>;

/** A version of a service, named for Envoy. */
export interface MirrorTarget {
  readonly service: string;
  readonly version: string;
  readonly cluster: string;
}

interface Services {
  readonly [service: string]: {
    readonly versions: Readonly<Record<string, unknown>>;
    readonly default?: string | undefined;
    readonly mirror?: Mirror | undefined;
  };
}

/** Who gets copies of a service's requests; undefined where nobody does. */
export function mirrorTarget(services: Services, from: string): MirrorTarget | undefined {
  const mirror = services[from]?.mirror;
  if (mirror === undefined) return undefined;
  const service = mirror.service ?? from;
  const version = mirror.version ?? defaultVersion(services, service);
  return { service, version, cluster: versionName(service, version) };
}

/** The version that takes requests for which no filter decides. */
export function defaultVersion(services: Services, service: string): string {
  const { versions = {}, default: chosen } = services[service] ?? {};
  return chosen ?? Object.keys(versions)[0] ?? "";
}
