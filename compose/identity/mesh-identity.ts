// Keeps the certificates of a running mesh new. Each Envoy gets its own in turn, and whatever keeps
// one from getting it is told once and tried again: the old one is valid for a while.

import type { Secret } from "../../envoy/config/secret.js";
import { MeshwrightError } from "../../envoy/errors.js";
import type { RunEvent } from "../events.js";
import type { HostCertificate } from "../mesh/gateway-tls.js";
import { type IdentifiedMesh, identityOf } from "../mesh/identity.js";
import { GATEWAY } from "../mesh/names.js";
import type { MeshEnvoy } from "../mesh/topology.js";
import { envoySecrets, validityOf } from "./certificates.js";
import { HostCertificates } from "./host-certificates.js";
import { Roots } from "./roots.js";

const LOOK_MS = 1_000;
/** After a failure: a full disk is not emptied by many attempts. */
const RETRY_MS = 10_000;

export interface MeshIdentityOptions {
  /** The folder of the mesh's authorities, absolute. */
  readonly folder: string;
  /** Gives an Envoy its secrets. It may fail, and is tried again. */
  readonly give: (envoy: string, secrets: readonly Secret[]) => Promise<void>;
  /** Must not throw. */
  readonly onEvent: (event: RunEvent) => void;
  /** The hosts that the gateway answers for by TLS. Default: none. */
  readonly hosts?: readonly HostCertificate[];
  /** This machine's clock, in milliseconds since 1970. Default: `Date.now`. */
  readonly now?: () => number;
}

/** Disposing of it ends the rotation. */
export class MeshIdentity implements Disposable {
  readonly roots: Roots;
  readonly #options: MeshIdentityOptions;
  readonly #now: () => number;
  readonly #hosts: HostCertificates;
  #mesh: IdentifiedMesh;
  #envoys: readonly MeshEnvoy[] = [];
  /** When each Envoy got its certificate, by its name. */
  readonly #issued = new Map<string, number>();
  #failedAt: number | undefined;
  /** Why a file of a host's certificate was not taken at the last look, and whether it was told. */
  #refusal: { readonly reason: string; readonly isTold: boolean } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(mesh: IdentifiedMesh, options: MeshIdentityOptions, roots: Roots) {
    this.#mesh = mesh;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#hosts = new HostCertificates(options.hosts ?? []);
    this.roots = roots;
  }

  /**
   * Gives every Envoy its first certificate, and new ones from then on.
   * @throws MeshwrightError `configuration` for authorities that cannot be read, `write-failed`
   */
  static async start(
    mesh: IdentifiedMesh,
    envoys: readonly MeshEnvoy[],
    options: MeshIdentityOptions,
  ): Promise<MeshIdentity> {
    const now = options.now?.() ?? Date.now();
    const roots = await Roots.open(options.folder, `meshwright ${mesh.name}`, now);
    const identity = new MeshIdentity(mesh, options, roots);
    await identity.#giveHosts(now);
    await identity.become(mesh, envoys);
    const { rotateMs } = identityOf(mesh);
    identity.#timer = setInterval(() => void identity.look(), Math.min(LOOK_MS, rotateMs / 4));
    identity.#timer.unref();
    return identity;
  }

  /** Goes over to these Envoys. Those that are new have their certificates when it settles. */
  become(mesh: IdentifiedMesh, envoys: readonly MeshEnvoy[]): Promise<void> {
    return this.#queue(async () => {
      this.#mesh = mesh;
      this.#envoys = envoys;
      const names = new Set(envoys.map(({ name }) => name));
      for (const name of this.#issued.keys()) if (!names.has(name)) this.#issued.delete(name);
      for (const envoy of envoys) if (!this.#issued.has(envoy.name)) await this.#giveTo(envoy);
    });
  }

  /** Gives new certificates to the Envoys whose time has come. Never rejects. */
  look(): Promise<void> {
    return this.#queue(async () => {
      const now = this.#now();
      await this.#lookAtFiles(now);
      if (this.#failedAt !== undefined && Math.abs(now - this.#failedAt) < RETRY_MS) return;
      try {
        if (await this.roots.renew(now)) this.#tellRoot();
        const due = this.#envoys.filter(({ name }) => this.#isDue(name, now));
        if (due.length === 0) return;
        await this.#giveToAll(due);
        // From now on a new authority may sign: every Envoy trusts it.
        if (due.length === this.#envoys.length) this.roots.distributed();
        if (this.#failedAt !== undefined) this.#options.onEvent({ kind: "certificates-renewed" });
        this.#failedAt = undefined;
      } catch (error) {
        if (this.#failedAt === undefined) this.#tellFailure(error);
        this.#failedAt = now;
      }
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** A clock that was set back makes every certificate look too new, and is no reason to wait. */
  #isDue(envoy: string, now: number): boolean {
    const issued = this.#issued.get(envoy);
    return issued === undefined || now < issued || now - issued >= identityOf(this.#mesh).rotateMs;
  }

  async #giveTo(envoy: MeshEnvoy): Promise<void> {
    const now = this.#now();
    const own = await envoySecrets(this.#mesh, envoy, this.roots, now);
    const validity = validityOf(this.#mesh, this.roots, now);
    const hosts = envoy.app === undefined ? await this.#hosts.issue(this.roots, validity) : [];
    await this.#options.give(envoy.name, [...own, ...hosts]);
    this.#issued.set(envoy.name, now);
  }

  /** One that cannot get its certificate does not keep the others from theirs. */
  async #giveToAll(envoys: readonly MeshEnvoy[]): Promise<void> {
    const failures: unknown[] = [];
    for (const envoy of envoys) await this.#giveTo(envoy).catch((error: unknown) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  }

  /** Gives the gateway the certificates that a person has put into files. */
  async #giveHosts(now: number): Promise<boolean> {
    const secrets = await this.#hosts.changed(now);
    if (secrets.length > 0) await this.#options.give(GATEWAY, secrets);
    return secrets.length > 0;
  }

  async #lookAtFiles(now: number): Promise<void> {
    try {
      const isNew = await this.#giveHosts(now);
      if (isNew) this.#options.onEvent({ kind: "applied", filter: "gateway.tls", places: [GATEWAY] });
      this.#refusal = undefined;
    } catch (error) {
      const reason = reasonOf(error);
      const before = this.#refusal?.reason === reason ? this.#refusal : undefined;
      // Between the writes of a certificate and of its key, the two do not belong together.
      if (before?.isTold === false) this.#options.onEvent({ kind: "certificates-kept", reason });
      this.#refusal = { reason, isTold: before !== undefined };
    }
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #tellRoot(): void {
    this.#options.onEvent({ kind: "root-renewed", folder: this.roots.folder });
  }

  #tellFailure(error: unknown): void {
    this.#options.onEvent({ kind: "certificates-kept", reason: reasonOf(error) });
  }
}

function reasonOf(error: unknown): string {
  return error instanceof MeshwrightError ? error.message : String(error);
}
