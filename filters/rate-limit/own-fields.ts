// The header fields that the filter itself writes to responses. An explanation under one of them
// would be lost, or would replace the field; so would a header of the answer.

import { Bytes } from "../../assembly";
import { BytesTable } from "../../assembly/rules";
import {
  RATELIMIT_FIELD,
  RATELIMIT_POLICY_FIELD,
  REQUEST_FIELDS,
  RETRY_AFTER_FIELD,
  TOKEN_FIELDS,
  X_LIMIT_FIELD,
  X_REMAINING_FIELD,
  X_RESET_FIELD,
} from "./limits";

export const RETRY_AFTER = Bytes.of(RETRY_AFTER_FIELD);
export const RATELIMIT_POLICY = Bytes.of(RATELIMIT_POLICY_FIELD);
export const RATELIMIT = Bytes.of(RATELIMIT_FIELD);

/** Three fields of one limit: the limit, what remains, and when it is whole again. */
@final
export class QuotaFields {
  readonly limit: Bytes;
  readonly remaining: Bytes;
  readonly reset: Bytes;

  constructor(limit: string, remaining: string, reset: string) {
    this.limit = Bytes.of(limit);
    this.remaining = Bytes.of(remaining);
    this.reset = Bytes.of(reset);
  }
}

export const X_RATELIMIT = new QuotaFields(X_LIMIT_FIELD, X_REMAINING_FIELD, X_RESET_FIELD);
export const REQUESTS = new QuotaFields(REQUEST_FIELDS[0], REQUEST_FIELDS[1], REQUEST_FIELDS[2]);
export const TOKENS = new QuotaFields(TOKEN_FIELDS[0], TOKEN_FIELDS[1], TOKEN_FIELDS[2]);

export const OWN_FIELDS = new BytesTable([
  RETRY_AFTER,
  RATELIMIT_POLICY,
  RATELIMIT,
  X_RATELIMIT.limit,
  X_RATELIMIT.remaining,
  X_RATELIMIT.reset,
  REQUESTS.limit,
  REQUESTS.remaining,
  REQUESTS.reset,
  TOKENS.limit,
  TOKENS.remaining,
  TOKENS.reset,
]);
