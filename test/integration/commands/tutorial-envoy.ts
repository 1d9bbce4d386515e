// The tutorial's configuration of Envoy, with the module where it was built.

import { expect } from "vitest";
import { parse } from "yaml";
import type { InlineFilter } from "../../../envoy/config/http-filter.js";
import { send } from "../../../kit/envoy/client.js";
import { startEnvoy } from "../../../kit/envoy/envoy.js";
import { startUpstream } from "../../../kit/envoy/upstream.js";

/**
 * The page's chain in stock Envoy answers as the page says.
 * @param author the package whose `build` has the module, an absolute path
 */
export async function serveTutorial(text: string, author: string): Promise<void> {
  const placed = text.replace("/etc/envoy/", `${author}/build/`);
  const { http_filters: chain } = parse(placed) as { http_filters: readonly InlineFilter[] };
  expect(chain.at(-1)?.name).toBe("envoy.filters.http.router");
  await using upstream = await startUpstream();
  // A container would not see the folder. The kit itself ends the chain with the router.
  await using envoy = await startEnvoy({
    filters: chain.slice(0, -1),
    upstreams: { upstream },
    runtime: "process",
  });
  const refused = await send(envoy.url);
  expect(refused).toMatchObject({ status: 401 });
  expect(refused.headers).toContainEqual(["www-authenticate", 'ApiKey realm="shop"']);
  expect(await send(envoy.url, { headers: [["x-api-key", "key-of-shop"]] })).toMatchObject({ status: 200 });
}
