// What one run of a mesh decides beside its file.

import path from "node:path";
import { envoyUserId } from "./around/user-id.js";
import type { MeshImages } from "./engine.js";
import type { SettingName } from "./project.js";
import { MODULES_FOLDER } from "./run-places.js";

/** The label that says which run's folder a container belongs to. */
export const RUN_LABEL = "meshwright.run";

export interface RunSettings {
  readonly images: MeshImages;
  readonly gatewayAddress: string;
  readonly gatewayPort: number;
  readonly statusPort: number;
}

/** @param directory the run's folder, absolute */
export function settingValues(
  directory: string,
  { images, gatewayAddress, gatewayPort, statusPort }: RunSettings,
): Readonly<Record<SettingName, string | number>> {
  const own = `${process.getuid?.() ?? 1000}:${process.getgid?.() ?? 1000}`;
  return {
    ...images,
    GATEWAY_ADDRESS: gatewayAddress.includes(":") ? `[${gatewayAddress}]` : gatewayAddress,
    GATEWAY_PORT: gatewayPort,
    STATUS_PORT: statusPort,
    MODULES: path.join(directory, MODULES_FOLDER),
    // What sleeps or only looks is never root. A service is who started the mesh, whose files it
    // must read.
    ENVOY_USER: isRoot() ? "101:101" : own,
    APP_USER: own,
    ENVOY_MEMORY: "256m",
    ENVOY_CPUS: "1.0",
    APP_MEMORY: "1g",
    APP_CPUS: "2.0",
  };
}

export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/**
 * The number of an Envoy's user. Root gives each one its files; others can give theirs to nobody,
 * so that all Envoys are who started the mesh.
 */
export function envoyUser(envoy: string): number {
  return isRoot() ? envoyUserId(envoy) : (process.getuid?.() ?? 1000);
}
