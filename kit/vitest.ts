// What the kit has for vitest, `meshwright/test/vitest`: importing it teaches `expect` the
// matchers, `describeFilter` is the suite that every filter passes, and `showLogsOnFailure` prints
// what Envoy said when a test fails.

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

export type { FilterFacts, FilterRequest } from "./conformance/facts.js";
export { describeFilter } from "./conformance/filter.js";
export type { SubjectOptions } from "./conformance/subject.js";
export { showLogsOnFailure } from "./envoy/failure-logs.js";
export type { ExpectedLocalReply, LogLevelName } from "./matchers/filter.js";

/** The kit's matchers, as they stand behind `expect(…)`. */
export interface TrafficMatchers<R = void> {
  /**
   * A response, a request, or a list of headers has this header, with this value where one is
   * given. Of an exchange or a stream it is the response's. One of a header's repeats is enough;
   * the case of names does not matter.
   */
  toHaveHeader(name: string, value?: string | RegExp): R;
  /** As `toHaveHeader`, of the trailers. */
  toHaveTrailer(name: string, value?: string | RegExp): R;
  /** A response, or that of an exchange or a stream, has this HTTP status. */
  toHaveStatus(status: number): R;
  /** An exchange or a stream was answered by a filter, in this manner. */
  toBeLocalReply(reply?: ExpectedLocalReply): R;
  /**
   * A module or a proxy has a log line in which this text stands, of this level where one is given.
   */
  toHaveLogged(text: string | RegExp, level?: LogLevelName): R;
  /** A module or a proxy has a counter or a gauge of this name, and it has this value. */
  toHaveMetric(name: string, value: number): R;
  /**
   * An attempt reached an upstream: a proxy's of this name, its first without one, or the upstream
   * itself. Exactly so many where `times` is given.
   */
  toHaveReached(upstream?: string, times?: number): R;
}

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: it must be declared as vitest does
  interface Matchers<T = any> extends TrafficMatchers {}
}

expect.extend({
  toHaveHeader,
  toHaveTrailer,
  toHaveStatus,
  toBeLocalReply,
  toHaveLogged,
  toHaveMetric,
  toHaveReached,
});
