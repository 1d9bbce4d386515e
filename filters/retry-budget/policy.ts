// What a retry depends on beside its budget. Pure: values in, an answer out.

import { Bytes, parseInteger } from "../../assembly";

/** What became of a retry. */
export enum Outcome {
  /** It is made. */
  Retried,
  /** The budget is spent. */
  Exceeded,
  /** The request's deadline has passed. */
  Deadline,
  /** Its method is not one of those that are retried. */
  Method,
  /** The upstream asked for no retry, or for a later one. */
  Pushback,
}

/** By `Outcome`: the words of metrics. */
export const OUTCOMES: StaticArray<string> = ["retried", "exceeded", "deadline", "method", "pushback"];

const IDEMPOTENT: StaticArray<Bytes> = [
  Bytes.of("GET"),
  Bytes.of("HEAD"),
  Bytes.of("OPTIONS"),
  Bytes.of("TRACE"),
  Bytes.of("PUT"),
  Bytes.of("DELETE"),
];

/** Which requests may be sent twice. */
@final
export class Methods {
  /** @param listed `null` for the idempotent methods, and gRPC calls */
  constructor(private readonly listed: StaticArray<Bytes> | null) {}

  allow(method: Bytes | null, isGrpc: bool): bool {
    if (!method) return false;
    const listed = this.listed;
    if (listed) return isIn(listed, method);
    return isGrpc || isIn(IDEMPOTENT, method);
  }
}

function isIn(list: StaticArray<Bytes>, method: Bytes): bool {
  for (let i = 0; i < list.length; i++) {
    if (unchecked(list[i]).equals(method)) return true;
  }
  return false;
}

/**
 * Whether a route may be configured to retry a response of that status: 5xx, 409, 429.
 * @param others further statuses that routes retry
 */
export function isRetriableStatus(status: Bytes | null, others: StaticArray<i64>): bool {
  const number = status ? parseInteger(status) : 0;
  return (number >= 500 && number <= 599) || number == 409 || number == 429 || others.includes(number);
}

/**
 * Whether a route may be configured to retry that gRPC status: cancelled, deadline-exceeded,
 * resource-exhausted, internal, unavailable.
 */
export function isRetriableGrpcStatus(status: Bytes | null): bool {
  const number = status ? parseInteger(status) : 0;
  return number == 1 || number == 4 || number == 8 || number == 13 || number == 14;
}
