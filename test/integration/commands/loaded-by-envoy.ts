// Asks stock Envoy which modules it loads.

import { mkdtemp } from "node:fs/promises";
import path from "node:path";
import { bootstrap } from "../../../envoy/config/bootstrap.js";
import { httpListener } from "../../../envoy/config/listener.js";
import { directResponse, virtualHost } from "../../../envoy/config/route.js";
import { findEnvoy } from "../../../envoy/runtime/find.js";
import { LiveFilter } from "../../../envoy/runtime/live-file.js";
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
  const filters = new LiveFilters(path.join(directory, "filters"));
  const chain = await filters.add([...modules].map(([name, module]) => ({ name, module })));
  const [port = 0, adminPort = 0] = await freePorts(2);
  const virtualHosts = [virtualHost({ name: "all", routes: [directResponse({ status: 200, body: "ok" })] })];
  const envoy = await startEnvoyProcess({
    binary: await findEnvoy(),
    bootstrap: bootstrap({
      node: { id: "test", cluster: "test" },
      adminPort,
      listeners: [httpListener({ name: "test", port, filters: chain, virtualHosts })],
      clusters: [],
    }),
    directory,
    workers: 1,
  });
  try {
    const loaded = new Map<string, boolean>();
    for (const name of modules.keys()) {
      const live = new LiveFilter({ admin: envoy.admin, logs: () => envoy.logs(), name, path: "" });
      loaded.set(name, (await live.refusalAtStart()) === undefined);
    }
    return loaded;
  } finally {
    await envoy.stop();
  }
}
