// What the Envoys of a mesh log of each request, or of each connection that is not HTTP.

import path from "node:path";
import type { AccessLogOptions } from "../../envoy/config/access-log.js";
import { DESTINATION_HEADER } from "../../envoy/config/route.js";
import { destinationHeader } from "../destinations.js";
import { decisionsIn } from "../explain-properties.js";
import type { Context } from "./addresses.js";
import type { Hop, MeshEnvoy } from "./topology.js";

/**
 * The headers of the request after the filters, so that the spans of one trace can be followed from
 * hop to hop.
 * @param behind the hops whose clusters make the attempts
 */
export function requestLog(
  context: Context,
  envoy: MeshEnvoy,
  hop: Pick<Hop, "name" | "filters">,
  behind: readonly Hop[] = [],
): AccessLogOptions {
  const header = destinationHeader(hop.filters) ?? DESTINATION_HEADER;
  const explaining = [...hop.filters, ...behind.flatMap(({ filters }) => filters)];
  const headers = ["x-request-id", "traceparent", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid"];
  return {
    ...logPlace(context, envoy),
    fields: {
      time: "%START_TIME%",
      hop: `${envoy.name}/${hop.name}`,
      method: "%REQ(:METHOD)%",
      path: "%REQ(:PATH)%",
      status: "%RESPONSE_CODE%",
      cluster: "%UPSTREAM_CLUSTER%",
      decisions: decisionsIn(explaining),
      ...Object.fromEntries([...headers, header].map((name) => [name, `%REQ(${name.toUpperCase()})%`])),
    },
  };
}

/** Written when the connection ends. */
export function connectionLog(context: Context, envoy: MeshEnvoy, hop: Hop): AccessLogOptions {
  return {
    ...logPlace(context, envoy),
    fields: {
      time: "%START_TIME%",
      hop: `${envoy.name}/${hop.name}`,
      cluster: "%UPSTREAM_CLUSTER%",
      from: "%DOWNSTREAM_REMOTE_ADDRESS%",
      received: "%BYTES_RECEIVED%",
      sent: "%BYTES_SENT%",
      milliseconds: "%DURATION%",
      flags: "%RESPONSE_FLAGS%",
    },
  };
}

/** A file in the run's folder; standard output in containers. */
function logPlace(context: Context, { name }: MeshEnvoy): Pick<AccessLogOptions, "path"> {
  if (context.places !== undefined) return {};
  return { path: path.join(context.directory, "envoys", `${name}.access.log`) };
}
