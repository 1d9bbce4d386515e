// The ports of this machine that a person's project publishes: whether somebody else has them is
// known before anything starts.

import { MeshwrightError } from "../../../envoy/errors.js";
import { portStateAt } from "../../../envoy/runtime/ports.js";
import type { UserProject } from "./user-project.js";

const EVERY_ADDRESS = "0.0.0.0";

/** @throws MeshwrightError `port-taken` with the service that publishes the port */
export async function checkPublishedPorts({ services }: UserProject): Promise<void> {
  for (const [service, { ports = [] }] of Object.entries(services)) {
    for (const { published, host_ip: address = EVERY_ADDRESS, protocol = "tcp" } of ports) {
      // A range leaves the choice to the engine, and nothing at all does too.
      const port = Number(published);
      if (protocol !== "tcp" || !(port > 0) || (await portStateAt(address, port)) !== "taken") continue;
      throw new MeshwrightError(
        "port-taken",
        `port ${port}, which compose publishes for ${service}, is already taken: end what uses it, or change ports of ${service}`,
      );
    }
  }
}
