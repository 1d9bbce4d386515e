// What a mesh file has and Istio, or Gateway API, has no word for. Where requests would then be
// treated differently, that is refused, unless a person leaves it out knowingly.

import type { PlaceOf } from "../../envoy/document.js";
import { MeshwrightError } from "../../envoy/errors.js";
import { formatPath } from "../../envoy/problems.js";

export class Told {
  readonly #placeOf: PlaceOf;
  readonly #warnings: string[] = [];
  readonly #refusals: string[] = [];
  readonly #invalid: string[] = [];

  /** @param who has no word for it */
  constructor(
    placeOf: PlaceOf,
    private readonly who = "Istio",
  ) {
    this.#placeOf = placeOf;
  }

  /** Something that a person should know. */
  warn(path: readonly PropertyKey[], text: string): void {
    this.#warnings.push(this.#line(path, text));
  }

  /** The same about no line of a file. */
  warnOfAll(text: string): void {
    this.#warnings.push(text);
  }

  /** Something that changes which requests are served, and how. */
  refuse(path: readonly PropertyKey[], text: string): void {
    this.#refusals.push(this.#line(path, text));
  }

  /** Something that no cluster takes, whatever is left out. */
  invalid(path: readonly PropertyKey[], text: string): void {
    this.#invalid.push(this.#line(path, text));
  }

  /**
   * All that was told, each line once.
   * @param leaveOut whether refusals are told as warnings
   * @throws MeshwrightError `configuration` for the refusals
   */
  lines(leaveOut: boolean): readonly string[] {
    const [wrong, ...others] = new Set(this.#invalid);
    if (wrong !== undefined) {
      throw new MeshwrightError("configuration", `no cluster takes this: ${wrong}`, others);
    }
    const [first, ...rest] = new Set(this.#refusals);
    if (first === undefined || leaveOut) {
      const left = [...new Set(this.#refusals)].map((line) => `left out: ${line}`);
      return [...left, ...new Set(this.#warnings)];
    }
    throw new MeshwrightError("configuration", `${this.who} has no word for this: ${first}`, [
      ...rest,
      "--leave-out renders the rest, and tells what is missing",
    ]);
  }

  #line(path: readonly PropertyKey[], text: string): string {
    return `${this.#placeOf(path)}: ${formatPath(path)}: ${text}`;
  }
}
