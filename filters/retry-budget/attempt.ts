// In a cluster's chain: one attempt of the router's. A retry is recorded, or refused, when it
// begins. If the attempt before it has a response and no retry is left, that response goes to the
// client unchanged.

import {
  Bytes,
  FilterHeadersStatus,
  getProperty,
  HttpContext,
  monotonicNanoseconds,
  NO_TIMEOUT,
  nowNanoseconds,
  RequestAttributes,
  ResponseAttributes,
  ResponseFlag,
  responseHeaders,
  setProperty,
} from "../../assembly";
import { Explanation } from "../../assembly/rules";
import { attemptNumber, markAttempt } from "./attempt-number";
import { NO_PROMISE } from "./books";
import { Budget } from "./budget";
import { Deadline } from "./deadline";
import { Entries, Entry } from "./entries";
import { NOT_COUNTED } from "./ledger";
import { Plugin } from "./plugin";
import { isRetriableGrpcStatus, isRetriableStatus, Outcome } from "./policy";
import { pushesBack } from "./pushback-headers";

const REQUEST_TIME = RequestAttributes.time();
/** What the client got, and why: these are attributes of the client's stream. */
const CLIENT_STATUS = ResponseAttributes.code();
const FLAGS = ResponseAttributes.flags();
/**
 * Bits of the flags `UO` and `URX`: the circuit breaker had no retry left, or the route had none.
 */
const NO_RETRY_LEFT: i64 = ResponseFlag.UO | ResponseFlag.URX;
const STATUS = Bytes.of(":status");
const GRPC_STATUS = Bytes.of("grpc-status");
/** The router does not retry a response that has this. */
const RATELIMITED = Bytes.of("x-envoy-ratelimited");
const TRUE = Bytes.of("true");
const NOTHING = Bytes.owned(0);

/**
 * A promise in the form of the property: its lapse, and the number of the attempt to which it was
 * made.
 */
const promise = Bytes.owned(16);

@final
export class Attempt extends HttpContext {
  private readonly entries: Entries;
  private readonly explanation: Explanation = new Explanation();
  private readonly deadline: Deadline = new Deadline();
  /** The attempt's number, from 1. */
  private number: i64 = 1;
  private isGrpc: bool = false;
  /** Whether the request may be sent again, judged by its method. */
  private isAllowed: bool = false;
  /** The lapse in which the next attempt was promised, or `NO_PROMISE`. */
  private promisedIn: u64 = NO_PROMISE;

  constructor(private readonly plugin: Plugin) {
    super();
    this.entries = new Entries(plugin.config.budgets);
  }

  override onRequestHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    const plugin = this.plugin;
    let index = plugin.firstBudget();
    if (index < 0) {
      // The next attempt may be counted, as with a share by chance, and is not the first then.
      markAttempt();
      return FilterHeadersStatus.Continue;
    }
    this.number = attemptNumber(plugin.attemptHeader());
    this.isGrpc = plugin.isGrpc();
    plugin.refresher.start();
    if (this.number > 1) this.readDeadline(monotonicNanoseconds());
    while (index >= 0) {
      const budget = plugin.budget(index);
      const entry = this.entries.add(budget);
      const outcome = this.begin(budget, entry);
      if (!budget.isShadow)
        return outcome == Outcome.Retried ? this.goOn(entry) : this.refuse(budget, outcome);
      index = plugin.nextBudget();
    }
    return FilterHeadersStatus.Continue;
  }

  /** Records the attempt, or returns why it must not be made. */
  private begin(budget: Budget, entry: Entry): Outcome {
    const caller = this.plugin.callerOf(budget);
    const ledger = budget.ledger;
    entry.caller = caller;
    if (this.number <= 1) {
      if (ledger.first(caller, 0) != NOT_COUNTED) entry.begin(caller, 0, ledger.step);
      return Outcome.Retried;
    }
    const outcome = this.judgeRetry(budget, caller);
    if (outcome == Outcome.Retried) entry.begin(caller, 1, ledger.step);
    this.explanation.add(budget.count(outcome));
    return outcome;
  }

  private judgeRetry(budget: Budget, caller: i32): Outcome {
    if (!this.plugin.allowsMethod(budget)) return Outcome.Method;
    if (budget.respectDeadline && this.isLate()) return Outcome.Deadline;
    const lapse = budget.isShadow ? NO_PROMISE : this.redeemable();
    return budget.ledger.retry(caller, lapse) ? Outcome.Retried : Outcome.Exceeded;
  }

  /** The lapse in which this retry was promised, or `NO_PROMISE`. */
  private redeemable(): u64 {
    const kept = getProperty(this.plugin.promiseProperty);
    if (!kept || kept.size != promise.size || load<i64>(kept.ptr, 8) != this.number) return NO_PROMISE;
    return load<u64>(kept.ptr);
  }

  private readDeadline(now: u64): void {
    this.deadline.set(now, this.plugin.expectedTimeout(), this.plugin.grpcTimeout());
  }

  /**
   * Whether the deadline has passed. One clock read; for a client's own deadline, part of which
   * other filters may have used, another one and an attribute.
   */
  private isLate(): bool {
    const grpc = this.deadline.grpc;
    if (this.deadline.isOver(monotonicNanoseconds())) return true;
    if (grpc == NO_TIMEOUT) return false;
    const now = <i64>nowNanoseconds();
    // The machine's clock may have been set back since.
    return <u64>max<i64>(0, now - REQUEST_TIME.read(now)) >= grpc;
  }

  /** Keeps what is needed to judge the response: by then the request's headers are gone. */
  private goOn(entry: Entry): FilterHeadersStatus {
    const budget = entry.budget!;
    this.isAllowed = this.plugin.allowsMethod(budget);
    if (this.number <= 1) this.readDeadline(budget.ledger.time);
    return FilterHeadersStatus.Continue;
  }

  /**
   * The previous attempt had no response, or none that looked retriable. This answer is not
   * retried.
   */
  private refuse(budget: Budget, outcome: Outcome): FilterHeadersStatus {
    const config = this.plugin.config;
    // If this filter sees its own answer here, it must not judge it as a response.
    this.entries.end();
    const reply = config.replies.of(outcome);
    const details = unchecked(budget.details[outcome]);
    reply.send(this.plugin.protocol(), details, NOTHING, config.explainHeader, this.explanation.text());
    return FilterHeadersStatus.StopIteration;
  }

  override onResponseHeaders(headers: u32, endOfStream: bool): FilterHeadersStatus {
    if (this.entries.count > 0 && this.mayBeRetried()) this.look();
    const name = this.plugin.config.explainHeader;
    if (name) this.explanation.writeTo(responseHeaders, name);
    return FilterHeadersStatus.Continue;
  }

  /** Whether routes may retry such a response. Whether this route does cannot be known here. */
  private mayBeRetried(): bool {
    const isFailure =
      isRetriableStatus(responseHeaders.get(STATUS), this.plugin.config.retriableStatuses) ||
      (this.isGrpc && isRetriableGrpcStatus(responseHeaders.get(GRPC_STATUS)));
    return isFailure && responseHeaders.get(RATELIMITED) == null;
  }

  /** Promises the router a retry, or keeps the router from making one. */
  private look(): void {
    const isPushback = this.asksForPushback() && pushesBack();
    for (let i = 0; i < this.entries.count; i++) {
      const budget = this.entries.at(i).budget!;
      if (isPushback && budget.isShadow && budget.respectPushback) {
        this.explanation.add(budget.count(Outcome.Pushback));
      }
    }
    const entry = this.entries.acting;
    if (!entry) return;
    const budget = entry.budget!;
    const outcome = this.judgeResponse(budget, entry, isPushback);
    if (outcome == Outcome.Retried) {
      this.promisedIn = budget.ledger.lapse;
      store<u64>(promise.ptr, this.promisedIn);
      store<i64>(promise.ptr, this.number + 1, 8);
      setProperty(this.plugin.promiseProperty, promise);
      return;
    }
    this.explanation.add(budget.count(outcome));
    responseHeaders.add(RATELIMITED, TRUE);
  }

  private asksForPushback(): bool {
    for (let i = 0; i < this.entries.count; i++) {
      if (this.entries.at(i).budget!.respectPushback) return true;
    }
    return false;
  }

  private judgeResponse(budget: Budget, entry: Entry, isPushback: bool): Outcome {
    if (!this.isAllowed) return Outcome.Method;
    if (budget.respectDeadline && this.isLate()) return Outcome.Deadline;
    if (isPushback && budget.respectPushback) return Outcome.Pushback;
    return budget.ledger.promise(entry.caller, this.number > 1) ? Outcome.Retried : Outcome.Exceeded;
  }

  /**
   * Gives a promise back if its response has gone to the client, or if the router could not retry.
   * Two host calls, and four for the books.
   */
  private withdraw(): void {
    const entry = this.entries.acting;
    if (!entry || (CLIENT_STATUS.read(0) == 0 && (FLAGS.read(0) & NO_RETRY_LEFT) == 0)) return;
    entry.budget!.ledger.withdraw(entry.caller, this.promisedIn);
  }

  override onRecycle(): bool {
    if (this.promisedIn != NO_PROMISE) this.withdraw();
    this.promisedIn = NO_PROMISE;
    this.entries.end();
    this.explanation.clear();
    this.deadline.clear();
    return true;
  }
}
