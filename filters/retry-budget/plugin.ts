// What all streams of a plugin share: its configuration at work.

import { Bytes, isGrpcType, RootContext } from "../../assembly";
import { HostRequestView } from "../../assembly/rules";
import { Budget } from "./budget";
import { RetryBudgetConfig } from "./config";
import { isCountedDown, NO_DEADLINE, parseExpectedTimeout, parseGrpcTimeout } from "./deadline";
import { Refresher } from "./refresher";

const NONE: i32 = -1;
/** Of the promise's bytes: an attempt in a VM of this release may follow one in an older VM. */
const PROMISE_LAYOUT: u32 = 1;

@final
export class Plugin {
  private readonly request: HostRequestView;
  /**
   * A property of the request, which all its attempts see: which of them a retry was promised to.
   */
  readonly promiseProperty: Bytes;
  /** To be started when something is written into books. */
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

  /** In the request's callback: the first budget that it is on, or -1. */
  firstBudget(): i32 {
    this.request.begin();
    return this.included(this.config.matches.first(this.request));
  }

  /** The next one that it is on as well, or -1: only after one in shadow mode. */
  nextBudget(): i32 {
    return this.included(this.config.matches.next(this.request));
  }

  private included(index: i32): i32 {
    while (index != NONE && !this.budget(index).selection.share.includes(this.request)) {
      index = this.config.matches.next(this.request);
    }
    return index;
  }

  /** Whose books of that budget the request is written in. */
  callerOf(budget: Budget): i32 {
    return budget.callers.of(this.request);
  }

  /** Whether it is a gRPC call. */
  isGrpc(): bool {
    return isGrpcType(this.request.header(this.config.contentType));
  }

  /** Whether it may be sent twice, as far as its method goes. */
  allowsMethod(budget: Budget): bool {
    return budget.methods.allow(this.request.method(), this.isGrpc());
  }

  /** As the headers of these names have them, in nanoseconds, or `NO_DEADLINE`. */
  expectedTimeout(): u64 {
    return parseExpectedTimeout(this.request.header(this.config.expectedTimeout));
  }

  /** The client's own: `NO_DEADLINE` where the router counts it down. */
  grpcTimeout(): u64 {
    const grpc = this.request.header(this.config.grpcTimeout);
    if (!grpc) return NO_DEADLINE;
    const expected = this.request.header(this.config.expectedTimeout);
    return expected && isCountedDown(grpc, expected) ? NO_DEADLINE : parseGrpcTimeout(grpc);
  }

  /** What another filter set as `x-envoy-max-retries`, or `null`. */
  maxRetries(): Bytes | null {
    return this.request.header(this.config.maxRetries);
  }
}
