// The filter that a run of the suite tests, with its module, schema and README, and how much work
// the run does.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import type { z } from "zod";
import { MeshwrightError } from "../../envoy/errors.js";
import { checkValue, formatPath } from "../../envoy/problems.js";
import { filterModule } from "../../toolchain/compile/filter-module.js";
import { findMember } from "../../toolchain/package/member.js";
import type { HostOptions } from "../host/host.js";
import { HostedModule } from "../host/load.js";
import { Seeded } from "../host/seeded.js";
import type { FilterFacts } from "./facts.js";

/** The part of the random work that `quick` does. */
const QUICK = 0.1;

export interface SubjectOptions {
  /** The seed that repeats a run. Default: `MESHWRIGHT_SEED`, or a new one each time. */
  readonly seed?: number;
  /**
   * How much of the random work is done, 1 for all of it. Default: 1, or 0.1 with
   * `MESHWRIGHT_QUICK=1`.
   */
  readonly scale?: number;
}

/** A filter under test. */
export class Subject {
  private constructor(
    /** The filter's name, with which its log lines begin. */
    readonly name: string,
    readonly facts: FilterFacts,
    readonly schema: z.ZodType,
    /**
     * The labels that the descriptor lists; undefined without a descriptor or without labels in it.
     */
    readonly metricLabels: readonly string[] | undefined,
    /** The text of the README beside the entry file, or empty text when there is none. */
    readonly readme: string,
    readonly modulePath: string,
    readonly seed: number,
    private readonly scale: number,
    private readonly module: WebAssembly.Module,
  ) {}

  /**
   * @throws MeshwrightError `build` when there is no such filter or it does not compile; `usage`
   * when the facts lack documents
   */
  static async of(filter: string, facts: FilterFacts, options: SubjectOptions = {}): Promise<Subject> {
    refuseNothing(filter, facts);
    const { name, entry, schema, metricLabels } = await findMember(filter);
    const modulePath = await filterModule(filter);
    const file = path.join(path.dirname(entry), "README.md");
    const readme = existsSync(file) ? readFileSync(file, "utf8") : "";
    const module = new WebAssembly.Module(readFileSync(modulePath));
    const { seed = seedOfEnvironment(), scale = process.env.MESHWRIGHT_QUICK === "1" ? QUICK : 1 } = options;
    return new Subject(name, facts, schema, metricLabels, readme, modulePath, seed, scale, module);
  }

  /** How many of something to do, where the full run does `full`. */
  amount(full: number): number {
    return Math.max(1, Math.round(full * this.scale));
  }

  /**
   * At most this many of the accepted configurations, from all over the list, always with the last
   * one.
   */
  sample(most: number): readonly unknown[] {
    const { accepted } = this.facts;
    const step = Math.ceil(accepted.length / most);
    return accepted.filter((_, i) => (accepted.length - 1 - i) % step === 0);
  }

  /** A new VM, with the random numbers of the seed. */
  boot(options: HostOptions = {}): HostedModule {
    const module = new HostedModule(this.module, options, this.modulePath);
    const random = new Seeded(this.seed);
    module.host.fillRandom = (bytes) => random.fill(bytes);
    return module;
  }

  /** A new VM whose plugin has this configuration, which must be accepted. */
  bootWith(configuration: unknown, options: HostOptions = {}): HostedModule {
    const module = this.boot(options);
    module.configure(JSON.stringify(configuration));
    return module;
  }

  /** The places where the schema finds a fault. */
  refusedPlaces(document: unknown): readonly string[] {
    const checked = checkValue(document, this.schema);
    return checked.ok ? [] : checked.problems.map((problem) => formatPath(problem.path));
  }
}

function refuseNothing(filter: string, { accepted, refused }: FilterFacts): void {
  if (accepted.length > 0 && refused.length > 0) return;
  const missing = accepted.length === 0 ? "accepted" : "refused";
  throw new MeshwrightError(
    "usage",
    `describeFilter("${filter}"): give at least one document in "${missing}"`,
  );
}

/** `MESHWRIGHT_SEED`, or a new seed each time. */
function seedOfEnvironment(): number {
  const text = process.env.MESHWRIGHT_SEED;
  if (text === undefined || text === "") return Date.now() % 2 ** 31;
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new MeshwrightError(
    "usage",
    `MESHWRIGHT_SEED is "${text}": give the number that the run has printed`,
  );
}
