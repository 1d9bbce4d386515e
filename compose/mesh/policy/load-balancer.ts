// The load balancer of a service in a mesh file: which instance of a version gets a request.

import { z } from "zod";
import type { LoadBalancerOptions, LoadBalancerPolicy } from "../../../envoy/config/load-balancing.js";
import type { HashPolicy } from "../../../envoy/config/route.js";
import { duration as envoyDuration } from "../../../envoy/config/typed-config.js";
import { exactlyOneOf } from "../../../filters/shared/match-schema.js";
import { duration } from "../../../filters/shared/rule-schema.js";
import { secondsOf, whole } from "./numbers.js";
import { zonesSchema } from "./zones.js";

const BALANCERS = [
  "roundRobin",
  "leastRequest",
  "random",
  "ringHash",
  "maglev",
] as const satisfies readonly LoadBalancerPolicy[];
/** Those that send equal requests to the same instance. */
const HASHING: readonly string[] = ["ringHash", "maglev"];
/** Envoy takes no larger ring, and no larger table. */
const MAX_RING = 8_388_608;
const MAX_TABLE = 5_000_011;
/** Envoy's own where the file says nothing. */
const DEFAULT_RING = 1024;

/** The keys that each balancer has beside the common ones. */
const OWN_KEYS = {
  choiceCount: ["leastRequest"],
  minimumRingSize: ["ringHash"],
  maximumRingSize: ["ringHash"],
  tableSize: ["maglev"],
  hashPolicy: HASHING,
  slowStart: ["roundRobin", "leastRequest"],
} as const;

const token = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/;

const hashPolicySchema = z
  .strictObject({
    header: z
      .string()
      .regex(/^[a-z0-9!#$%&'*+.^_`|~-]{1,100}$/, "must be the name of a header, in lower case")
      .optional()
      .describe("The value of this request header."),
    cookie: z
      .strictObject({
        name: z.string().regex(token, "must be the name of a cookie").describe("The cookie's name."),
        ttl: duration("0ms", "24h")
          .optional()
          .describe(
            "A client without it gets one from Envoy that lasts so long; 0s is until it ends. Default: none is made.",
          ),
        path: z
          .string()
          .regex(/^\/[\x21-\x3a\x3c-\x7e]{0,200}$/, 'must be a path, such as "/"')
          .optional()
          .describe("The path of a cookie that Envoy makes. Default: the request's."),
      })
      .optional()
      .describe("The value of a cookie."),
    sourceAddress: z.literal(true).optional().describe("The client's IP address."),
  })
  .refine(
    exactlyOneOf(["header", "cookie", "sourceAddress"]),
    "needs exactly one of header, cookie, sourceAddress",
  );

export const loadBalancerSchema = z
  .strictObject({
    policy: z
      .enum(BALANCERS, { error: `must be one of ${BALANCERS.join(", ")}` })
      .optional()
      .describe("How an instance is chosen. Default roundRobin."),
    choiceCount: whole(2, 100)
      .optional()
      .describe("Of how many instances, chosen at random, leastRequest takes the least busy. Default 2."),
    hashPolicy: z
      .array(hashPolicySchema)
      .min(1, "must name at least one part of a request")
      .max(10, "must name at most 10 parts of a request")
      .optional()
      .describe("For ringHash and maglev: requests that are alike in these go to the same instance."),
    minimumRingSize: whole(1, MAX_RING)
      .optional()
      .describe("How many places the ring of ringHash has at least. Default 1024."),
    maximumRingSize: whole(1, MAX_RING)
      .optional()
      .describe("How many places the ring of ringHash has at most. Default 8388608."),
    tableSize: whole(2, MAX_TABLE)
      .refine(isPrime, "must be a prime number, such as 65537")
      .optional()
      .describe("How many places the table of maglev has; a prime number. Default 65537."),
    slowStart: duration("1ms", "1h")
      .optional()
      .describe(
        "How long a new or recovered instance gets fewer requests than the others. Default: it does not.",
      ),
    zones: zonesSchema
      .optional()
      .describe("Which zone's instances get a request. Default: the zones do not matter."),
  })
  .superRefine((balancer, context) => {
    const { policy = "roundRobin" } = balancer;
    const refuse = (key: string, message: string) =>
      context.addIssue({ code: "custom", path: [key], message });
    for (const [key, policies] of Object.entries(OWN_KEYS)) {
      if (balancer[key as keyof typeof OWN_KEYS] === undefined || policies.some((each) => each === policy))
        continue;
      refuse(key, `is for ${policies.join(" and ")}; the policy is ${policy}`);
    }
    if (HASHING.includes(policy) && balancer.hashPolicy === undefined)
      refuse("policy", `needs hashPolicy: without it, ${policy} chooses at random`);
    const { minimumRingSize: least = DEFAULT_RING, maximumRingSize: most = MAX_RING } = balancer;
    if (least > most) refuse("maximumRingSize", `must not be below the minimum, which is ${least}`);
  });

function isPrime(number: number): boolean {
  for (let divisor = 2; divisor * divisor <= number; divisor++) if (number % divisor === 0) return false;
  return number > 1;
}

export type LoadBalancer = z.output<typeof loadBalancerSchema>;

export function loadBalancerOptions(balancer: LoadBalancer): LoadBalancerOptions {
  const { policy, choiceCount, minimumRingSize, maximumRingSize, tableSize } = balancer;
  const slowStartSeconds = secondsOf(balancer.slowStart);
  return {
    ...(policy === undefined ? {} : { policy }),
    ...(choiceCount === undefined ? {} : { choiceCount }),
    ...(minimumRingSize === undefined ? {} : { minimumRingSize }),
    ...(maximumRingSize === undefined ? {} : { maximumRingSize }),
    ...(tableSize === undefined ? {} : { tableSize }),
    ...(slowStartSeconds === undefined ? {} : { slowStartSeconds }),
  };
}

/** What of a request routes must hash. */
export function hashPolicies({ hashPolicy = [] }: LoadBalancer): readonly HashPolicy[] {
  return hashPolicy.flatMap(({ header, cookie, sourceAddress }): readonly HashPolicy[] => {
    if (header !== undefined) return [{ header: { header_name: header } }];
    if (sourceAddress !== undefined) return [{ connection_properties: { source_ip: true } }];
    if (cookie === undefined) return [];
    const { name, ttl, path } = cookie;
    const lasting = ttl === undefined ? {} : { ttl: envoyDuration(secondsOf(ttl), "ttl") };
    return [{ cookie: { name, ...lasting, ...(path === undefined ? {} : { path }) } }];
  });
}
