// Asks stock Envoy which modules it loads.

import { mkdtemp } from "node:fs/promises";
import path from "node:path";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { withDiscovery } from "../../../envoy/config/discovery.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { directResponse, virtualHost } from "../../../envoy/config/route.js";
import { LiveFilter } from "../../../envoy/discovery/live-filter.js";
import { DiscoveryServer } from "../../../envoy/discovery/server.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { startEnvoyProcess } from "../../../envoy/runtime/process.js";
import { LiveFilters } from "../../../kit/envoy/filters.js";

/**
 * Starts one Envoy with all the modules, each in its own filter, and returns for each whether Envoy
 * loaded it.
 */
export async function loadedByEnvoy(
  modules: ReadonlyMap<string, string>,
  folder: string,
): Promise<ReadonlyMap<string, boolean>> {
  const directory = await mkdtemp(path.join(folder, "envoy-"));
  await using discovery = await DiscoveryServer.start();
  const source = discovery.source("test");
  const filters = new LiveFilters(source);
  const chain = await filters.add([...modules].map(([name, module]) => ({ name, module })));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const virtualHosts = [virtualHost({ name: "all", routes: [directResponse({ status: 200, body: "ok" })] })];
  const envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    bootstrap: withDiscovery(
      bootstrap({
        node: { id: "test", cluster: "test" },
        adminPort,
        listeners: [httpListener({ name: "test", port, filters: chain, virtualHosts })],
        clusters: [],
      }),
      discovery.at,
    ),
    directory,
    workers: 1,
  });
  try {
    const loaded = new Map<string, boolean>();
    for (const name of modules.keys()) {
      const live = new LiveFilter({ admin: envoy.admin, logs: () => envoy.logs(), name, source });
      loaded.set(name, (await live.refusalAtStart()) === undefined);
    }
    return loaded;
  } finally {
    await envoy.stop();
  }
}
