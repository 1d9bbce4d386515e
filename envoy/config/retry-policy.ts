// What a route does again after a failure, how often, how soon, and where.
import { duration, typedConfig } from "./typed-config.js";

const PREVIOUS_HOSTS = "envoy.retry_host_predicates.previous_hosts";

export interface RetryPolicyOptions {
  /**
   * Envoy's names of what is retried, such as `5xx`, `reset`, `connect-failure`,
   * `retriable-status-codes`.
   */
  readonly retryOn: readonly string[];
  /** How many attempts may follow the first. Default: 1. */
  readonly numRetries?: number;
  /** A limit for each attempt; it counts inside the route's timeout. */
  readonly perTryTimeoutSeconds?: number;
  /** How long an attempt may bring nothing. */
  readonly perTryIdleTimeoutSeconds?: number;
  /** The statuses that `retriable-status-codes` in `retryOn` means. */
  readonly retriableStatusCodes?: readonly number[];
  /** The headers of an answer that `retriable-headers` in `retryOn` means; one is enough. */
  readonly retriableHeaders?: readonly AnswerHeader[];
  /** The waits before attempts. */
  readonly backOff?: BackOffOptions;
  /**
   * How often another endpoint is chosen where the chosen one has failed this request already; then
   * it is taken all the same. 0 is never. Default: 0.
   */
  readonly otherHostAttempts?: number;
}

/**
 * Envoy waits for a random time before each retry: up to the base before the first, and up to twice
 * as long before each further one.
 */
export interface BackOffOptions {
  /** Envoy's default: 0.025. */
  readonly baseSeconds?: number;
  /** Not below the base. Envoy's default: ten times the base. */
  readonly maxSeconds?: number;
}

/** A header of an answer: that it is there, or that it has this value. */
export interface AnswerHeader {
  readonly name: string;
  readonly exact?: string | undefined;
}

export interface RetryPolicy {
  readonly retry_on: string;
  readonly num_retries: number;
  readonly per_try_timeout?: string;
  readonly per_try_idle_timeout?: string;
  readonly retriable_status_codes?: readonly number[];
  readonly retriable_headers?: readonly object[];
  readonly retry_back_off?: object;
  readonly retry_host_predicate?: readonly object[];
  readonly host_selection_retry_max_attempts?: number;
}

export function retryPolicy(options: RetryPolicyOptions): RetryPolicy {
  const { retryOn, numRetries = 1, retriableStatusCodes, retriableHeaders } = options;
  return {
    retry_on: retryOn.join(","),
    num_retries: numRetries,
    ...time("per_try_timeout", options, "perTryTimeoutSeconds"),
    ...time("per_try_idle_timeout", options, "perTryIdleTimeoutSeconds"),
    ...(retriableStatusCodes === undefined ? {} : { retriable_status_codes: retriableStatusCodes }),
    ...(retriableHeaders === undefined ? {} : { retriable_headers: retriableHeaders.map(headerMatch) }),
    ...(options.backOff === undefined ? {} : { retry_back_off: backOff(options.backOff) }),
    ...otherHosts(options),
  };
}

/** Envoy's field for an option of seconds, by whose name a wrong number is refused. */
function time<Name extends string>(
  field: string,
  options: { readonly [name in Name]?: number },
  name: Name,
): Readonly<Record<string, string>> {
  const seconds = options[name];
  return seconds === undefined ? {} : { [field]: duration(seconds, name) };
}

function headerMatch({ name, exact }: AnswerHeader): object {
  return exact === undefined ? { name, present_match: true } : { name, string_match: { exact } };
}

/** Envoy needs the base wherever there is a most. */
function backOff({ baseSeconds = 0.025, ...rest }: BackOffOptions): object {
  return {
    ...time("base_interval", { baseSeconds }, "baseSeconds"),
    ...time("max_interval", rest, "maxSeconds"),
  };
}

function otherHosts({ otherHostAttempts: attempts = 0 }: RetryPolicyOptions): Partial<RetryPolicy> {
  if (attempts === 0) return {};
  const type = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
  return {
    retry_host_predicate: [{ name: PREVIOUS_HOSTS, typed_config: typedConfig(type) }],
    host_selection_retry_max_attempts: attempts,
  };
}
