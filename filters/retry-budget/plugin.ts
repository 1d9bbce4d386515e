// What all streams of a plugin share: its configuration in use.

import {
  Bytes,
  CallProtocol,
  isCountedDown,
  NO_TIMEOUT,
  parseGrpcTimeout,
  parseRouterTimeout,
  protocolOf,
  RootContext,
} from "../../assembly";
import { HostRequestView } from "../../assembly/rules";
import { Budget } from "./budget";
import { RetryBudgetConfig } from "./config";
import { Refresher } from "./refresher";

/** Layout of a promise: an attempt in a VM of this release may follow one in an older VM. */
const PROMISE_LAYOUT: u32 = 1;

@final
export class Plugin {
  private readonly request: HostRequestView;
  /**
   * A property of the request, which all its attempts see. It says which attempt was promised a
   * retry.
   */
  readonly promiseProperty: Bytes;
  /** Start it when something was written into books. */
  readonly refresher: Refresher;

  constructor(
    root: RootContext,
    readonly config: RetryBudgetConfig,
    name: string,
  ) {
    this.request = new HostRequestView(config.slots);
    this.promiseProperty = Bytes.of(`meshwright.retry_budget.promise.${PROMISE_LAYOUT}.${name}`);
    this.refresher = new Refresher(root, config.budgets);
  }

  budget(index: i32): Budget {
    return unchecked(this.config.budgets[index]);
  }

  /** The first budget that the request counts in, or -1. Call it in the request's callback. */
  firstBudget(): i32 {
    this.request.begin();
    return this.config.selections.first(this.request);
  }

  /**
   * The next budget that the request also counts in, or -1. There is one only after a budget in
   * shadow mode.
   */
  nextBudget(): i32 {
    return this.config.selections.next(this.request);
  }

  /** The caller in whose books of that budget the request is recorded. */
  callerOf(budget: Budget): i32 {
    return budget.callers.of(this.request);
  }

  /** What the router says about the attempt's number, or a client, or `null`. */
  attemptHeader(): Bytes | null {
    return this.request.header(this.config.attemptCount);
  }

  /** The protocol in which its client wants an answer. */
  protocol(): CallProtocol {
    return protocolOf(this.request.header(this.config.contentType));
  }

  /** Whether it is a gRPC call, perhaps of a browser. */
  isGrpc(): bool {
    return this.protocol() != CallProtocol.Http;
  }

  /** Whether a request with this method may be sent twice. */
  allowsMethod(budget: Budget): bool {
    return budget.methods.allow(this.request.method(), this.isGrpc());
  }

  /** The time in `x-envoy-expected-rq-timeout-ms`, in nanoseconds, or `NO_TIMEOUT`. */
  expectedTimeout(): u64 {
    return parseRouterTimeout(this.request.header(this.config.expectedTimeout));
  }

  /** The client's own deadline; `NO_TIMEOUT` if the router counts it down. */
  grpcTimeout(): u64 {
    const grpc = this.request.header(this.config.grpcTimeout);
    if (!grpc) return NO_TIMEOUT;
    const expected = this.request.header(this.config.expectedTimeout);
    return expected && isCountedDown(grpc, expected) ? NO_TIMEOUT : parseGrpcTimeout(grpc);
  }

  /** What another filter has set as `x-envoy-max-retries`, or `null`. */
  maxRetries(): Bytes | null {
    return this.request.header(this.config.maxRetries);
  }
}
