// What a person should know of a mesh file that is right all the same.

import type { Placed } from "../../../envoy/document.js";
import { formatProblem, type Problem } from "../../../envoy/problems.js";
import { outlierHeaders } from "../../outlier-marks.js";
import type { Mesh } from "../shape.js";
import { layerWarnings } from "./layers.js";

/** Each begins with its place in the file, and no two are alike. */
export function meshWarnings({ value: mesh, placeOf }: Placed<Mesh>): readonly string[] {
  const all = [...layerWarnings(mesh), ...unnoticedZones(mesh), ...unreadMarks(mesh)];
  return [...new Set(all.map((each) => `${placeOf(each.path)}: ${formatProblem(each)}`))];
}

/** Filters that mark failures of instances, and nothing that ejects these. */
function unreadMarks({ services }: Mesh): Problem[] {
  return Object.entries(services).flatMap(([name, { filters = [], outlierDetection }]) =>
    filters.flatMap((use, i) => {
      if (outlierDetection !== undefined || outlierHeaders([use]).length === 0) return [];
      const reason = `marks instances of ${name} for outlier detection, and ${name} has none: add outlierDetection`;
      return [{ path: ["services", name, "filters", i], reason }];
    }),
  );
}

/** Zones whose end nothing would notice. */
function unnoticedZones({ services }: Mesh): Problem[] {
  return Object.entries(services).flatMap(([name, { loadBalancer, outlierDetection, healthChecks }]) => {
    const notices = outlierDetection !== undefined || healthChecks !== undefined;
    if (loadBalancer?.zones === undefined || notices) return [];
    const reason = `nothing notices that a zone of ${name} is down, so its requests stay there: add outlierDetection or healthChecks`;
    return [{ path: ["services", name, "loadBalancer", "zones"], reason }];
  });
}
