// The number of an attempt, from 1. Envoy's attribute always has it, and no client can set it. But
// it costs a third of what the filter does for a first attempt. So the first attempt is known by
// less: the router writes 1 into `x-envoy-attempt-count`, and no attempt before it has left its
// mark.
//
// A client can write the header only where no `include_request_attempt_count` lets the router write
// it. Then the mark shows later attempts, because it stays through all attempts of a request.

import { Bytes, getProperty, setProperty, UpstreamAttributes } from "../../assembly";

const NUMBER = UpstreamAttributes.requestAttemptCount();
/** A property of the request. All plugins share it, since attempts may go to several clusters. */
const MARK = Bytes.of("meshwright.retry_budget.attempted");
const MARKED = Bytes.of("1");
const FIRST: u8 = 0x31;

/**
 * The number of the current attempt. Two host calls, none of which returns bytes, for a first
 * attempt whose header says so; else an attribute.
 * @param header `x-envoy-attempt-count`, or `null`
 */
export function attemptNumber(header: Bytes | null): i64 {
  if (!header || header.size != 1 || header.at(0) != FIRST || getProperty(MARK)) return NUMBER.read(1);
  markAttempt();
  return 1;
}

/** A later attempt of the request is not its first. One host call. */
export function markAttempt(): void {
  setProperty(MARK, MARKED);
}
