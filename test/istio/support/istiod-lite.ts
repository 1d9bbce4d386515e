// Istio's control plane without Kubernetes, over a folder with resources.

import { createHash } from "node:crypto";
import path from "node:path";
import { MeshwrightError } from "../../../envoy/errors.js";
import { writeAtomically } from "../../../envoy/runtime/atomic-file.js";
import { startChild } from "../../../envoy/runtime/child.js";
import { freePorts } from "../../../envoy/runtime/ports.js";
import { programPath } from "../../support/istio-programs.js";
import type { ControlPlane, ControlPlaneParts, Verdict } from "./control-plane.js";
import { guardedFolder } from "./folder.js";
import { owning } from "./owning.js";
import { untilReady } from "./ready.js";

const FILE = "resources.yaml";
/**
 * What only Istio's own Envoy has is left out: peer metadata, its ALPN filter, and labels for
 * istio.stats.
 */
export const STOCK_ENVOY = {
  PILOT_ENABLE_METADATA_EXCHANGE: "false",
  PILOT_ENABLE_ALPN_FILTER: "false",
  PILOT_ENABLE_TELEMETRY_LABEL: "false",
} as const;

/** @throws MeshwrightError `service-failed` where it does not start */
export function startIstiodLite(): Promise<ControlPlane> {
  return owning<ControlPlaneParts>(async (use) => {
    const { path: folder } = use(await guardedFolder("istiod-lite"));
    const [port = 0] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    let events: readonly Event[] = [];
    let current: string | undefined;
    const child = use(
      startChild({
        name: "istiod-lite",
        command: programPath("istiod-lite"),
        args: ["-config", folder, "-address", address],
        env: { ...process.env, ...STOCK_ENVOY },
        onLine: (line) => {
          if (line.startsWith('{"event":')) events = [...events, JSON.parse(line) as Event];
        },
      }),
    );
    const apply: ControlPlaneParts["apply"] = async (text) => {
      if (text !== current) {
        events = [];
        current = text;
        await writeAtomically(path.join(folder, FILE), text);
      }
      await untilReady(child, () =>
        events.some((each) => each.event === "applied" && each.digest === digestOf(text)),
      );
      const failed = events.find((each) => each.event === "failed");
      if (failed !== undefined) throw new MeshwrightError("service-failed", `istiod-lite: ${failed.message}`);
      return events.filter(isVerdict);
    };
    await apply("");
    return { address, apply, logs: () => child.logs() };
  });
}

type Event =
  | Verdict
  | { readonly event: "applied"; readonly digest: string }
  | { readonly event: "failed"; readonly message: string };

/** As istiod-lite tells what it has applied. */
function digestOf(text: string): string {
  return createHash("sha256").update(`${FILE}\0${text}\0`).digest("hex");
}

function isVerdict(each: Event): each is Verdict {
  return each.event === "refused" || each.event === "warning";
}
