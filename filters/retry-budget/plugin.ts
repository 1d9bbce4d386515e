// What all streams of a plugin share: its configuration at work.

import { Bytes, isGrpcType, RootContext, Task } from "../../assembly";
import { HostRequestView } from "../../assembly/rules";
import { Budget } from "./budget";
import { RetryBudgetConfig } from "./config";
import { isCountedDown, NO_DEADLINE, parseExpectedTimeout, parseGrpcTimeout } from "./deadline";

/**
 * How often books are looked at while there is something in them: well below the time after which
 * they take a VM for gone.
 */
const REFRESH_MS: u32 = 5_000;
const NONE: i32 = -1;

@final
export class Plugin extends Task {
  private readonly request: HostRequestView;
  /**
   * A property of the request, which all its attempts see: which of them a retry was promised to.
   */
  readonly promiseProperty: Bytes;
  private isRefreshing: bool = false;

  constructor(
    private readonly root: RootContext,
    readonly config: RetryBudgetConfig,
    name: string,
  ) {
    super();
    this.request = new HostRequestView(config.slots);
    this.promiseProperty = Bytes.of("meshwright.retry_budget." + name);
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

  /**
   * Something was written into books: they forget a VM of which they hear nothing, and gauges show
   * what comes back.
   */
  keepRefreshing(): void {
    if (this.isRefreshing) return;
    this.isRefreshing = true;
    this.root.after(REFRESH_MS, this);
  }

  run(): void {
    let isBusy = false;
    for (let i = 0; i < this.config.budgets.length; i++) {
      if (this.budget(i).ledger.refresh()) isBusy = true;
    }
    this.isRefreshing = false;
    if (isBusy) this.keepRefreshing();
  }
}
