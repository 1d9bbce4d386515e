// The files that an Envoy in a container watches: one for each thing that may change by itself, so
// that a change of routes or of a filter's settings leaves listeners, and their open connections,
// as they are.

import { type FileSource, fileSource } from "../../envoy/config/discovery-source.js";

/** The folder with an Envoy's files, in its container. */
export const CONFIGURATION_FOLDER = "/etc/meshwright";

export const BOOTSTRAP_FILE = "bootstrap.yaml";
export const LISTENERS_FILE = "listeners.yaml";
export const CLUSTERS_FILE = "clusters.yaml";

/** @param listener whose routes it has */
export function routesFile(listener: string): string {
  return `routes.${listener}.yaml`;
}

/** @param filter its name in Envoy */
export function filterFile(filter: string): string {
  return `filter.${filter}.yaml`;
}

/** @param secret its name in Envoy */
export function secretFile(secret: string): string {
  return `secret.${secret}.yaml`;
}

export function sourceOf(file: string): FileSource {
  return fileSource(`${CONFIGURATION_FOLDER}/${file}`);
}

export function filterSource(filter: string): FileSource {
  return sourceOf(filterFile(filter));
}
