// The schema of each part of a mesh file. `checks.ts` has the rules that span several places.

import { z } from "zod";
import type { Json } from "../../envoy/config/json.js";
import type { FilterDescriptor } from "../../filters/descriptor.js";
import { inJsonSchema } from "../../filters/shared/json-schema.js";
import {
  addressSchema,
  ESCAPED_SLASHES,
  idleTimeoutSchema,
  MAX_TRUSTED_HOPS,
  maxStreamDurationSchema,
} from "../listener-options.js";
import { NATIVE } from "../native-filters.js";
import { pathPrefixSchema } from "../path-prefix.js";
import { retriesSchema } from "../retry-options.js";
import { timeoutSchema } from "../route-options.js";
import { parseUpstreamUrl, parseVersionUrl } from "../upstream-url.js";
import { accessRulesSchema, accessSchema } from "./access.js";
import { filterRoutesSchema } from "./filter-routes.js";
import { gatewayTlsSchema } from "./gateway-tls.js";
import { identitySchema } from "./identity.js";
import { instancesSchema, urlsSchema } from "./instances-schema.js";
import { NAME } from "./names.js";
import { egressSchema } from "./policy/egress.js";
import { policyShape } from "./policy/shape.js";
import { zone } from "./policy/zones.js";

/**
 * The places of a mesh-wide filter: at the gateway's public port, before each app, or wherever a
 * service is called.
 */
const PLACES = ["gateway", "inbound", "outbound"] as const;

const PROTOCOLS = ["http1", "http2", "grpc", "tcp"] as const;

const name = z.string().regex(NAME, "must be 1 to 41 of a-z, 0-9 and '-', and begin with a letter");

const port = z
  .number()
  .int("must be a whole number")
  .min(0, "must be from 0 to 65535")
  .max(65_535, "must be from 0 to 65535");

/**
 * One of these filters with its own configuration, so that an editor can complete it and a problem
 * names its place.
 */
function filterUse<Extra extends z.ZodRawShape>(filters: readonly FilterDescriptor[], extra: Extra) {
  const options = [...filters, NATIVE].map((descriptor) =>
    z
      .strictObject({
        filter: z.literal(descriptor.name).describe(descriptor.summary),
        ...extra,
        routes: filterRoutesSchema.optional(),
        config: configOf(descriptor),
      })
      .transform((use) => ({ ...use, descriptor })),
  );
  const [first, ...rest] = options;
  if (first === undefined) throw new Error("a mesh needs a catalog of filters");
  return z.discriminatedUnion("filter", [first, ...rest]);
}

/**
 * A filter without required settings needs no `config`. The types of the settings are not known
 * here, but all settings come from JSON.
 */
function configOf(descriptor: FilterDescriptor): z.ZodType<Json> {
  const schema = descriptor.schema as z.ZodType<Json>;
  return schema.safeParse({}).success ? schema.prefault({}) : schema;
}

const notEmpty = inJsonSchema((named: object) => Object.keys(named).length > 0, { minProperties: 1 });

const environment = z.record(
  z
    .string()
    .regex(
      /^(?!PORT$)[A-Za-z_][A-Za-z0-9_]*$/,
      "must be the name of a variable, and not PORT, which the mesh sets",
    ),
  z.union([z.string(), z.number(), z.boolean()]),
);

const urlOf = (parse: typeof parseUpstreamUrl) =>
  z
    .string()
    .meta({ pattern: "^[A-Za-z][A-Za-z0-9+.-]*://[^/?#@\\\\]+[/\\\\]?[?]?#?\\s*$" })
    .superRefine((text, context) => {
      const parsed = parse(text);
      if (!parsed.ok) context.addIssue({ code: "custom", message: parsed.reason });
    });

const url = urlOf(parseUpstreamUrl);

/** A file that compose reads: the paths of one project. */
const composeFiles = z
  .array(z.string().min(1, "must not be empty"))
  .min(1, "must name at least one file; leave it out for those that compose finds itself");

const version = z.union([
  z.strictObject({
    command: z
      .union([z.string().min(1, "must not be empty"), z.array(z.string()).min(1, "must name a program")])
      .describe(
        "Program and arguments, or one line for the shell. It must listen on 127.0.0.1, on the port in $PORT.",
      ),
    env: environment
      .optional()
      .describe("Variables in addition to PORT, SERVICE_NAME, SERVICE_VERSION and <SERVICE>_URL."),
    cwd: z
      .string()
      .optional()
      .describe("The working folder, relative to the mesh file's folder. Default: that folder."),
    image: z
      .string()
      .regex(/^[a-z0-9][\w./:@-]*$/, "must be the name of a container image, such as node:20-slim")
      .optional()
      .describe(
        "The image in which the command runs where the mesh runs in containers. Default: Node's, for a command of Node.",
      ),
    instances: instancesSchema
      .optional()
      .describe(
        "How many of it run, each with a sidecar of its own: a number, or one for each zone. Default 1.",
      ),
  }),
  z.strictObject({
    url: urlOf(parseVersionUrl).describe(
      "The address of a service that already runs: http://HOST:PORT, h2c://HOST:PORT (HTTP/2 and gRPC), tcp://HOST:PORT (protocol tcp), or https://HOST:PORT with a certificate that $SSL_CERT_FILE or the system trusts.",
    ),
  }),
  z.strictObject({
    urls: urlsSchema(urlOf(parseVersionUrl)).describe(
      "The addresses of several instances that already run, each as url has it, or with the zone in which it stands.",
    ),
  }),
  z.strictObject({
    compose: z
      .string()
      .regex(/^[a-zA-Z0-9._-]+$/, "must be the name of a service of compose")
      .describe("The service of the compose project beside the mesh file that this version is, unchanged."),
  }),
]);

const service = (filters: readonly FilterDescriptor[]) =>
  z.strictObject({
    versions: z
      .record(name, version)
      .refine(notEmpty, "must name at least one version")
      .describe(
        "How each version is started, by its name. A destination that a filter chooses is a version's name.",
      ),
    default: name
      .optional()
      .describe("The version that takes requests for which no filter decides. Default: the first."),
    calls: z
      .array(name)
      .meta({ uniqueItems: true })
      .optional()
      .describe("The services that it calls, each by the URL in the variable <SERVICE>_URL."),
    port: port
      .min(1, "must be from 1 to 65535")
      .optional()
      .describe(
        "In containers: where its apps listen, and where others call it by its name. Required for a called version of compose. Default 8080.",
      ),
    protocol: z
      .enum(PROTOCOLS, { error: `must be one of ${PROTOCOLS.join(", ")}` })
      .optional()
      .describe(
        "What every version speaks; http2 and grpc are HTTP/2, without TLS by prior knowledge; tcp is anything else, such as a database. Default http1, or what a version's url says.",
      ),
    timeout: timeoutSchema
      .optional()
      .describe(
        "The time for an answer of this service, retries included; 0s is no limit. Default: no limit.",
      ),
    retries: retriesSchema
      .optional()
      .describe("What is retried wherever this service is called. Default: nothing."),
    allow: accessRulesSchema
      .optional()
      .describe("Calls of this service that are let through. The most specific rule decides."),
    deny: accessRulesSchema.optional().describe("Calls of this service that are refused, with 403."),
    ...policyShape,
    filters: z
      .array(filterUse(filters, {}))
      .optional()
      .describe("Filters wherever this service is called; those of the upstream chain see each attempt."),
  });

/**
 * The schema of a mesh file's parts, each by itself.
 * @param filters the filters that the file may name
 */
export function meshShape(filters: readonly FilterDescriptor[]) {
  return z.strictObject({
    name: name.describe("Names the mesh and its folder below .meshwright/."),
    compose: composeFiles
      .optional()
      .describe(
        "The files of the compose project whose services versions name, from the mesh file's folder. Default: those that compose finds there itself.",
      ),
    gateway: z
      .strictObject({
        port: port.optional().describe("The port that takes requests; 0 takes a free one. Default 10000."),
        address: addressSchema
          .optional()
          .describe('The IP address of that port; "::" and 0.0.0.0 are all. Default 127.0.0.1.'),
        trustedHops: z
          .number()
          .int("must be a whole number")
          .min(0, "must be from 0 to 100")
          .max(MAX_TRUSTED_HOPS, "must be from 0 to 100")
          .optional()
          .describe("How many proxies before the gateway may add to x-forwarded-for. Default 0."),
        escapedSlashes: z
          .enum(ESCAPED_SLASHES, { error: `must be one of ${ESCAPED_SLASHES.join(", ")}` })
          .optional()
          .describe(
            "What happens to a path with %2F or %5C: redirect to real slashes, forward with them, reject with 400, or keep. Default redirect.",
          ),
        tls: gatewayTlsSchema
          .optional()
          .describe("Hosts whose clients speak TLS, HTTP/2 or HTTP/1.1 by ALPN. Default: no TLS."),
        routes: z
          .array(
            z.strictObject({
              name: name
                .optional()
                .describe("By which `routes` of a filter name it. Default: the service's name."),
              prefix: pathPrefixSchema.describe("Paths that begin with this."),
              service: name.describe("The service that takes them."),
              timeout: timeoutSchema
                .optional()
                .describe("The time for an answer on this route; 0s is no limit. Default: the service's."),
            }),
          )
          .min(1, "must name at least one route")
          .meta({ uniqueItems: true })
          .describe("Tried in order; the first that matches decides."),
        zone: zone.optional().describe("The zone in which the gateway stands. Default: none."),
        filters: z.array(filterUse(filters, {})).optional().describe("Filters at the gateway's public port."),
      })
      .describe("The Envoy through which requests enter the mesh."),
    services: z.record(name, service(filters)).refine(notEmpty, "must name at least one service"),
    listeners: z
      .strictObject({
        http10: z.boolean().optional().describe("Whether HTTP/1.0 is served, else 426. Default false."),
        mergeSlashes: z
          .boolean()
          .optional()
          .describe("Whether //a is /a before filters and services see it. Default true."),
        idleTimeout: idleTimeoutSchema
          .optional()
          .describe("How long a request, a stream or a WebSocket may be silent; 0s is no limit. Default 5m."),
        maxStreamDuration: maxStreamDurationSchema
          .optional()
          .describe("How long a request and its answer, or a WebSocket, may last. Default: no limit."),
      })
      .optional()
      .describe("Options of every listener, the gateway's and the sidecars'."),
    identity: identitySchema.optional().describe("Mutual TLS between the Envoys of the mesh."),
    access: accessSchema.optional().describe("What holds for calls of every service."),
    grpcServices: z
      .record(name, z.strictObject({ url: url.describe("The service's address; it must speak HTTP/2.") }))
      .optional()
      .describe(
        "Services that filters call over gRPC, by the names of their clusters in the filters' settings.",
      ),
    httpServices: z
      .record(name, z.strictObject({ url: url.describe("The service's address; h2c:// is HTTP/2.") }))
      .optional()
      .describe("Services that filters call over HTTP, by the names of their clusters."),
    egress: egressSchema
      .optional()
      .describe("The hosts outside of the mesh that apps may reach. Default: nothing stands between."),
    filters: z
      .array(filterUse(filters, { at: z.array(z.enum(PLACES)).min(1, "must name at least one place") }))
      .optional()
      .describe("Filters for the whole mesh. They come before a service's own."),
  });
}

/** A mesh file's content, each filter with its descriptor. */
export type Mesh = z.output<ReturnType<typeof meshShape>>;
export type MeshService = Mesh["services"][string];
export type MeshVersion = z.output<typeof version>;
