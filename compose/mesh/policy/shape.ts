// The traffic policy of a service, as keys of a mesh file.

import { connectionPoolSchema } from "./connection-pool.js";
import { healthChecksSchema } from "./health-checks.js";
import { loadBalancerSchema } from "./load-balancer.js";
import { mirrorSchema } from "./mirror.js";
import { outlierDetectionSchema } from "./outlier-detection.js";

/** Each holds wherever the service is called, for all of its versions. */
export const policyShape = {
  outlierDetection: outlierDetectionSchema
    .optional()
    .describe("Ejects an instance that fails again and again. Default: none is ejected."),
  connectionPool: connectionPoolSchema
    .optional()
    .describe("What may go on at once, from each Envoy that calls to each version; more is a 503."),
  loadBalancer: loadBalancerSchema.optional().describe("Which instance of a version gets a request."),
  healthChecks: healthChecksSchema
    .optional()
    .describe("Asks each instance whether it is healthy. Default: none is asked."),
  mirror: mirrorSchema.optional().describe("Who gets a copy of requests. Default: nobody."),
};
