// The hand-written twins of filters: modules with the same callbacks as the lean build of a filter,
// which make the same host calls for the benchmark's request. They decide nothing, so what a filter
// costs beyond its twin comes from the SDK and the filter itself.

import { BUCKETS, type HandWritten, writeBucket } from "./modules.js";

/** Host calls of a filter, as statements of a hand-written module. */
const CALLS = {
  readRequestHeaders: "pairs(0, out, out + 4);",
  readUserId: "get(0, USER_ID, USER_ID_SIZE, out, out + 4);",
  addDestination: "add(0, DESTINATION, DESTINATION_SIZE, V1, 2);",
  replaceTraceparent: "replace(0, TRACEPARENT, TRACEPARENT_SIZE, TRACE, 55);",
  addResponseHeader: "add(2, ADDED, ADDED_SIZE, V1, 1);",
  count: "increment(metric, 1);",
  readAbsentHeader: "get(0, DESTINATION, DESTINATION_SIZE, out, out + 4);",
  readStatus: "get(2, STATUS, STATUS_SIZE, out, out + 4);",
  readAbsentProperty: "property(MOMENT, MOMENT_SIZE, out, out + 4);",
  setProperty: "setProperty(MOMENT, MOMENT_SIZE, block, 8);",
  readGauge: "read(gauge, out);",
  recordGauge: "record(gauge, 1);",
  readClock: "clock(1, 0, out);",
} as const;

/** The twins, by what they are twins of. */
export const BY_HAND = {
  addHeader: { proxy_on_response_headers: CALLS.addResponseHeader },
  readHeader: { proxy_on_request_headers: CALLS.readUserId },
  tenRules: { proxy_on_request_headers: CALLS.readRequestHeaders + CALLS.addDestination + CALLS.count },
  oneRule: { proxy_on_request_headers: CALLS.readRequestHeaders },
  traceIn: { proxy_on_request_headers: CALLS.readRequestHeaders + CALLS.replaceTraceparent + CALLS.count },
  /** The worker knows what it has written last. */
  limit: {
    proxy_on_request_headers: CALLS.readRequestHeaders + CALLS.readClock + writeBucket(0) + CALLS.count,
  },
  lease: { proxy_on_request_headers: CALLS.readRequestHeaders + CALLS.readClock + CALLS.count },
  /** The worker knows what it has written last to each of them. */
  fiveLimits: {
    proxy_on_request_headers:
      CALLS.readRequestHeaders +
      CALLS.readClock +
      BUCKETS.map((number) => writeBucket(number) + CALLS.count).join(""),
  },
  circuit: {
    proxy_on_context_create: "",
    proxy_on_request_headers:
      CALLS.readClock +
      CALLS.readAbsentHeader.repeat(2) +
      CALLS.readAbsentProperty +
      CALLS.readGauge +
      CALLS.count,
    proxy_on_response_headers: CALLS.readStatus + CALLS.readGauge,
    proxy_on_delete: "",
  },
  deadline: {
    proxy_on_request_headers:
      CALLS.readClock +
      CALLS.readAbsentHeader.repeat(4) +
      CALLS.readAbsentProperty +
      CALLS.count +
      CALLS.recordGauge +
      CALLS.addDestination.repeat(2) +
      CALLS.setProperty,
  },
  budgetNamed: {
    proxy_on_request_headers:
      CALLS.readRequestHeaders + CALLS.readAbsentProperty + CALLS.setProperty + CALLS.readClock + CALLS.count,
    proxy_on_response_headers: CALLS.readStatus,
    proxy_on_delete: "",
  },
  bundle: {
    proxy_on_request_headers:
      CALLS.readRequestHeaders + CALLS.addDestination + CALLS.count + CALLS.replaceTraceparent + CALLS.count,
  },
} as const satisfies Record<string, HandWritten>;
