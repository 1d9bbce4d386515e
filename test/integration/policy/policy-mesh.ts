// A mesh for tests of traffic policy: the gateway before one service, whose instances are upstreams
// of the test. An edit of the policy is applied while the mesh runs, so that one mesh serves many
// tests.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, vi } from "vitest";
import type { RunEvent } from "../../../compose/events.js";
import type { RunningMesh } from "../../../compose/mesh/running-mesh.js";
import { startMesh } from "../../../compose/mesh/up.js";
import { startUpstream, type Upstream } from "../../../kit/envoy/upstream.js";
import type { UpstreamRequest, UpstreamResponse } from "../../../kit/traffic.js";

export const WAIT = { timeout: 60_000, interval: 50 };

export type Respond = (request: UpstreamRequest) => UpstreamResponse | Promise<UpstreamResponse>;

/** An instance whose answers a test may change. */
export interface TestInstance {
  readonly upstream: Upstream;
  respond: Respond;
}

export async function startInstance(
  name: string,
  protocol: "http1" | "http2" = "http1",
): Promise<TestInstance> {
  const answer: Respond = () => ({ body: name });
  const instance = { respond: answer } as { upstream: Upstream; respond: Respond };
  instance.upstream = await startUpstream({
    name,
    protocol,
    respond: (request) => instance.respond(request),
  });
  return instance;
}

export class PolicyMesh implements AsyncDisposable {
  readonly #folder: string;
  readonly #file: string;
  readonly #text: (policy: string) => string;
  readonly events: RunEvent[] = [];
  #mesh: RunningMesh | undefined;
  #last = "";

  private constructor(folder: string, text: (policy: string) => string) {
    this.#folder = folder;
    this.#file = path.join(folder, "mesh.yaml");
    this.#text = text;
  }

  /** @param text the mesh file with a policy */
  static async start(text: (policy: string) => string, policy: string): Promise<PolicyMesh> {
    const started = new PolicyMesh(await mkdtemp(path.join(tmpdir(), "policy-")), text);
    started.#last = text(policy);
    await writeFile(started.#file, started.#last);
    started.#mesh = await startMesh({
      file: started.#file,
      gatewayPort: 0,
      cwd: started.#folder,
      onEvent: (event) => started.events.push(event),
    });
    return started;
  }

  get running(): RunningMesh {
    if (this.#mesh === undefined) throw new Error("the mesh has not started");
    return this.#mesh;
  }

  get port(): number {
    return Number(new URL(this.running.gatewayUrl).port);
  }

  get(where = "/", headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.running.gatewayUrl}${where}`, { headers });
  }

  /** Saves another policy, and waits until every Envoy has it. */
  async apply(policy: string): Promise<void> {
    const text = this.#text(policy);
    if (text === this.#last) return;
    this.#last = text;
    const before = this.events.length;
    await writeFile(this.#file, text);
    await vi.waitFor(() => expect(this.events.slice(before)).toContainEqual(APPLIED), WAIT);
  }

  /** Saves a file as it is. */
  async save(text: string): Promise<void> {
    this.#last = text;
    await writeFile(this.#file, text);
  }

  /** A counter or gauge of the gateway's cluster for the service's first version. */
  async stat(name: string, cluster = "s_v1"): Promise<number> {
    const stats = await this.gatewayStats(`^cluster\\.${cluster}\\.${name.replaceAll(".", "\\.")}$`);
    return stats.get(`cluster.${cluster}.${name}`) ?? 0;
  }

  async gatewayStats(filter: string): Promise<ReadonlyMap<string, number>> {
    const [gateway] = this.running.envoys;
    return (await gateway?.process.admin.stats(filter)) ?? new Map();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mesh?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const APPLIED = expect.objectContaining({ kind: "applied", filter: "mesh.yaml" });

/** How often each value occurs. */
export function tally(values: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}

/** The bodies of so many requests, one after the other. */
export async function bodies(
  mesh: PolicyMesh,
  count: number,
  headers: (i: number) => Record<string, string> = () => ({}),
): Promise<readonly string[]> {
  const answers: string[] = [];
  for (let i = 0; i < count; i++) {
    const response = await mesh.get("/", headers(i));
    answers.push(`${response.status} ${await response.text()}`);
  }
  return answers;
}
