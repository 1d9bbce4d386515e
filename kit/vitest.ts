// The parts of the kit that need vitest, published as `meshwright/test/vitest`. Importing it adds
// the matchers to `expect`. `describeFilter` is the suite that every filter passes, and
// `showLogsOnFailure` prints what Envoy logged when a test fails.

import { expect } from "vitest";
import {
  type ExpectedLocalReply,
  type LogLevelName,
  toBeLocalReply,
  toHaveLogged,
  toHaveMetric,
  toHaveReached,
} from "./matchers/filter.js";
import { toHaveHeader, toHaveStatus, toHaveTrailer } from "./matchers/headers.js";
import { tellingTraps } from "./matchers/traps.js";

export type { FilterFacts, FilterRequest } from "./conformance/facts.js";
export { describeFilter } from "./conformance/filter.js";
export type { SubjectOptions } from "./conformance/subject.js";
export { showLogsOnFailure } from "./envoy/failure-logs.js";
export type { ExpectedLocalReply, LogLevelName } from "./matchers/filter.js";

/** The kit's matchers, as they follow `expect(…)`. */
export interface TrafficMatchers<R = void> {
  /**
   * A response, a request or a list of headers has this header, with this value if one is given. An
   * exchange or a stream is judged by its response. One of a header's repeats is enough, and the
   * case of names does not matter.
   */
  toHaveHeader(name: string, value?: string | RegExp): R;
  /** The same as `toHaveHeader`, for the trailers. */
  toHaveTrailer(name: string, value?: string | RegExp): R;
  /** A response, or the response of an exchange or a stream, has this HTTP status. */
  toHaveStatus(status: number): R;
  /** A filter answered the exchange or the stream itself, with these parts. */
  toBeLocalReply(reply?: ExpectedLocalReply): R;
  /**
   * A module or a proxy has a log line that contains this text, with this level if one is given.
   */
  toHaveLogged(text: string | RegExp, level?: LogLevelName): R;
  /** A module or a proxy has a counter or a gauge with this name and this value. */
  toHaveMetric(name: string, value: number): R;
  /**
   * An attempt reached an upstream: the proxy's upstream with this name, its first one without a
   * name, or the upstream itself. With `times`, exactly that many did.
   */
  toHaveReached(upstream?: string, times?: number): R;
}

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: the declaration must equal vitest's
  interface Matchers<T = any> extends TrafficMatchers {}
}

expect.extend({
  toHaveHeader: tellingTraps(toHaveHeader),
  toHaveTrailer: tellingTraps(toHaveTrailer),
  toHaveStatus: tellingTraps(toHaveStatus),
  toBeLocalReply: tellingTraps(toBeLocalReply),
  toHaveLogged: tellingTraps(toHaveLogged),
  toHaveMetric: tellingTraps(toHaveMetric),
  toHaveReached: tellingTraps(toHaveReached),
});
