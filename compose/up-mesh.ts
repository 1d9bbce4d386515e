// A running mesh as `meshwright up` shows it, whatever it runs as.

import type { MeshwrightError } from "../envoy/errors.js";
import type { VersionFigures } from "./mesh/figures.js";
import type { ClientDoor } from "./mesh/gateway-tls.js";
import type { Mesh } from "./mesh/shape.js";

/** Disposing of it ends everything that was started for it, and removes the run's folder. */
export interface UpMesh extends AsyncDisposable {
  /** The mesh file as it was started. */
  readonly mesh: Mesh;
  readonly gatewayUrl: string;
  /** How clients reach a gateway that speaks TLS; undefined for one that speaks plainly. */
  readonly door: ClientDoor | undefined;
  /** Where the gateway's statistics are read. */
  readonly statsUrl: string;
  /** What it runs on, in a sentence. */
  readonly runsOn: string;
  /** The addresses of the gateway and of what tells about the Envoys, a line each. */
  readonly addresses: readonly string[];
  /** How its Envoys know each other, and who may call whom, a line each. */
  readonly identityLines: readonly string[];
  /** Files to look into: what, and where. */
  readonly files: readonly (readonly [what: string, where: string])[];
  /** What an edit of the mesh file changes at once, in a sentence. */
  readonly edits: string;
  /** Settles where it cannot go on; else never. */
  readonly failed: Promise<MeshwrightError>;
  /** What can be started again. */
  readonly partNames: readonly string[];
  /** Starts a part again at once. @param name one of `partNames` */
  restart(name: string): Promise<void>;
  /** The requests to each version since the start. */
  figures(): Promise<readonly VersionFigures[]>;
  /** May be called again. */
  stop(): Promise<void>;
}
