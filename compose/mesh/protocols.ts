// What a service of a mesh speaks.

import { urlsOf } from "./instances.js";
import type { MeshService } from "./shape.js";

/**
 * Whether the service is called over HTTP/2 at every hop: it says so, or the URL of a version does.
 */
export function speaksHttp2(service: MeshService | undefined): boolean {
  const protocol = service?.protocol;
  if (protocol !== undefined) return protocol === "http2" || protocol === "grpc";
  return Object.values(service?.versions ?? {})
    .flatMap(urlsOf)
    .some((url) => /^h2c:/i.test(url));
}

/** Whether the service takes connections of any kind, which nothing reads on the way. */
export function isTcp(service: MeshService | undefined): boolean {
  return service?.protocol === "tcp";
}
