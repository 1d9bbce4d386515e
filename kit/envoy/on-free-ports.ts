// Starts something on free ports, although others may take them meanwhile.

import { MeshwrightError } from "../../envoy/errors.js";
import { freePorts } from "../../envoy/runtime/ports.js";

const ATTEMPTS = 3;

/**
 * A port that was free may be another process's, or that of a client's connection, before Envoy
 * listens there. Then other ports are tried. Throws what the last of three attempts throws.
 */
export async function onFreePorts<T>(start: (port: number, adminPort: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const [port = 0, adminPort = 0] = await freePorts(2);
    try {
      return await start(port, adminPort);
    } catch (error) {
      const isTaken = error instanceof MeshwrightError && error.code === "port-taken";
      if (!isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
