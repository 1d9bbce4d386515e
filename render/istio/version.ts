// What the releases of Istio have. Each line was checked against the CRDs of istio.io/api 1.24.2,
// 1.26.0-beta.0, 1.30.8 and 1.32.0; the releases between 1.26 and 1.30 cannot be had as modules.

import { MeshwrightError } from "../../envoy/errors.js";

/** A minor release of Istio 1: 30 is 1.30. */
export type IstioMinor = number;

const OLDEST = 24;
/** The newest release whose resources were checked. */
const NEWEST = 32;
/** `TrafficExtension` takes the place of `WasmPlugin`, and plugins may have `FAIL_RELOAD`. */
const TRAFFIC_EXTENSION = 30;
/** The last release that surely has no `FAIL_RELOAD`. */
const WITHOUT_RELOAD = 26;

/** Reads `1.30` or `1.30.8`. @throws MeshwrightError `usage` */
export function parseIstioVersion(text: string): IstioMinor {
  const minor = Number(/^v?1\.(\d{1,3})(\.\d+)?(-[\w.]+)?$/.exec(text)?.[1] ?? Number.NaN);
  if (Number.isNaN(minor)) {
    throw new MeshwrightError("usage", `--istio ${text}: write a release of Istio, as in 1.30`);
  }
  if (minor < OLDEST) {
    throw new MeshwrightError(
      "usage",
      `--istio ${text}: resources are written for Istio 1.${OLDEST} and later; upgrade Istio`,
    );
  }
  return minor;
}

export type PluginKind = "TrafficExtension" | "WasmPlugin";

/** @param minor undefined where the output must be right for every release from 1.24 on */
export function pluginKind(minor: IstioMinor | undefined): PluginKind {
  return minor !== undefined && minor >= TRAFFIC_EXTENSION ? "TrafficExtension" : "WasmPlugin";
}

/** What happens to requests after a plugin's VM has failed, or where its module is not there. */
export type FailStrategy = "FAIL_CLOSE" | "FAIL_OPEN" | "FAIL_RELOAD";
export const FAIL_STRATEGIES = ["FAIL_RELOAD", "FAIL_CLOSE", "FAIL_OPEN"] as const satisfies FailStrategy[];

/** A decision, and what a person should know of it. */
interface Decided {
  readonly strategy: FailStrategy;
  readonly warning?: string;
}

/**
 * The strategy that a person asked for, else the best that the release has.
 * @throws MeshwrightError `usage` for one that the release does not have
 */
export function decideFailStrategy(minor: IstioMinor | undefined, wanted?: FailStrategy): Decided {
  const hasReload = minor !== undefined && minor >= TRAFFIC_EXTENSION;
  if (wanted !== "FAIL_RELOAD") {
    if (wanted !== undefined) return { strategy: wanted };
    if (hasReload) return { strategy: "FAIL_RELOAD" };
    const since =
      minor === undefined
        ? `failStrategy is FAIL_CLOSE, which every Istio from 1.${OLDEST} on takes; --istio 1.${TRAFFIC_EXTENSION} and later writes FAIL_RELOAD, which starts a module again after it trapped`
        : `Istio 1.${minor} has no FAIL_RELOAD that is known for sure: failStrategy is FAIL_CLOSE, and a module that trapped answers 503 until its proxy starts again`;
    return { strategy: "FAIL_CLOSE", warning: since };
  }
  if (hasReload) return { strategy: wanted };
  if (minor !== undefined && minor > WITHOUT_RELOAD) {
    return {
      strategy: wanted,
      warning: `FAIL_RELOAD came between Istio 1.27 and 1.30: an API server that does not have it refuses these resources`,
    };
  }
  throw new MeshwrightError(
    "usage",
    minor === undefined
      ? `--fail-strategy FAIL_RELOAD: say for which release, with --istio 1.${TRAFFIC_EXTENSION} or later; Istio 1.${OLDEST} refuses it`
      : `--fail-strategy FAIL_RELOAD: Istio 1.${minor} refuses it; use FAIL_CLOSE or FAIL_OPEN`,
  );
}

/** The last release whose Envoy, 1.32, and agent do not know `failure_policy` of a Wasm filter. */
const WITHOUT_POLICY = 24;

/**
 * Whether an EnvoyFilter must say its strategy by `fail_open`. Where the release is not known, that
 * is needed for an open one alone: closed is what they do without a word.
 */
export function needsFailOpen(minor: IstioMinor | undefined, strategy: FailStrategy): boolean {
  return minor === undefined ? strategy === "FAIL_OPEN" : minor <= WITHOUT_POLICY;
}

/** The first release whose Envoy, 1.36, surely has `error_matcher` of outlier detection. */
const ERROR_MATCHER = 28;

/** Whether a cluster can say which responses outlier detection counts as failures. */
export function hasErrorMatcher(minor: IstioMinor | undefined): boolean {
  return minor !== undefined && minor >= ERROR_MATCHER;
}

/**
 * What a person should know of filters that mark failures of hosts.
 * @param marks the response headers of their marks
 */
export function unreadMarks(minor: IstioMinor | undefined, marks: readonly string[]): readonly string[] {
  if (marks.length === 0 || hasErrorMatcher(minor)) return [];
  const what = `outlier detection does not read ${marks.join(", ")}`;
  return [
    minor === undefined
      ? `${what}: say by --istio 1.${ERROR_MATCHER} or later that its Envoys can`
      : `${what} in Istio 1.${minor}: its Envoys can from 1.${ERROR_MATCHER} on`,
  ];
}

/** What a person should know of a release that nobody has checked. */
export function newerThanChecked(minor: IstioMinor | undefined): readonly string[] {
  if (minor === undefined || minor <= NEWEST) return [];
  return [`Istio 1.${minor} is newer than 1.${NEWEST}, the last whose resources were checked`];
}
