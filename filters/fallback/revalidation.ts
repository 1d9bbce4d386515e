// Asks the upstream for a newer answer while a client gets the kept one. The call belongs to the
// plugin, because the client's stream is over before it is answered. So it waits for the plugin's
// next tick.

import {
  Bytes,
  CallFailure,
  HttpCallHandler,
  httpCall,
  httpCallBody,
  httpCallHeaders,
  httpCallStatus,
  monotonicNanoseconds,
  RootContext,
  Status,
  Task,
} from "../../assembly";
import { Collector } from "./answer";
import { KeepOutcome } from "./answers";
import { Collectors } from "./collectors";
import { Keeper } from "./keeper";
import { Room } from "./room";
import { Rule } from "./rule";

/** Of each worker. */
const MOST: i32 = 8;
const SOON_MS: u32 = 1;

/** A call that waits, is under way, or can be used for another one. */
@final
class Revalidation extends HttpCallHandler {
  isFree: bool = true;
  private rule: Rule | null = null;
  private readonly cluster: Room = new Room();
  private readonly headers: Room = new Room();
  private readonly plainKey: Room = new Room();
  private readonly encodedKey: Room = new Room();
  private began: u64 = 0;

  constructor(private readonly owner: Revalidations) {
    super();
  }

  take(rule: Rule, cluster: Bytes, headers: Bytes, plainKey: Bytes, encodedKey: Bytes): void {
    this.isFree = false;
    this.rule = rule;
    this.cluster.hold(cluster);
    this.headers.hold(headers);
    this.plainKey.hold(plainKey);
    this.encodedKey.hold(encodedKey);
  }

  send(): void {
    const rule = this.rule!;
    this.began = monotonicNanoseconds();
    const timeout = <u32>rule.policy.revalidateMs;
    const status = httpCall(this.cluster.held(), this.headers.held(), null, null, timeout, this);
    if (status != Status.Ok) this.end(KeepOutcome.Failed);
  }

  override onResponse(headers: u32, bodySize: u32, trailers: u32): void {
    const rule = this.rule!;
    const collectors = this.owner.collectors;
    if (!rule.policy.keep.hasStatus(httpCallStatus())) {
      this.end(KeepOutcome.Failed);
      return;
    }
    const collector = collectors.take();
    if (!collector) {
      this.end(KeepOutcome.Busy);
      return;
    }
    const outcome = trailers > 0 ? KeepOutcome.Broken : this.keep(rule, collector, bodySize);
    collectors.give(collector);
    this.end(outcome);
  }

  private keep(rule: Rule, collector: Collector, bodySize: u32): KeepOutcome {
    const pairs = httpCallHeaders.pairs();
    if (!pairs) return KeepOutcome.Broken;
    const keeper = this.owner.keeper;
    const now = monotonicNanoseconds();
    const plainKey = this.plainKey.held();
    const encodedKey = this.encodedKey.held();
    const status = httpCallStatus();
    const outcome = keeper.read(pairs, rule, plainKey, encodedKey, status, this.began, now, collector);
    if (outcome != KeepOutcome.Kept) return outcome;
    if (bodySize > <u32>rule.policy.keep.maxBody) return KeepOutcome.TooLarge;
    const body = bodySize > 0 ? httpCallBody.read(0, bodySize) : null;
    if (body && !collector.addBody(body)) return KeepOutcome.TooLarge;
    const isWhole = keeper.contentLength < 0 || keeper.contentLength == collector.bodySize;
    return isWhole ? rule.answers.keep(keeper.hash, now, collector.bytes()) : KeepOutcome.Broken;
  }

  override onFailure(failure: CallFailure): void {
    this.end(KeepOutcome.Failed);
  }

  private end(outcome: KeepOutcome): void {
    this.rule!.countKeep(outcome);
    this.isFree = true;
  }
}

/** Sends the call at the plugin's next tick. */
@final
class Sending extends Task {
  constructor(private readonly revalidation: Revalidation) {
    super();
  }

  override run(): void {
    this.revalidation.send();
  }
}

/** The calls of one worker. */
@final
export class Revalidations {
  private readonly calls: Array<Revalidation> = [];
  private readonly tasks: Array<Sending> = [];

  constructor(
    private readonly root: RootContext,
    readonly collectors: Collectors,
    readonly keeper: Keeper,
  ) {}

  /** Whether one more call can be made. */
  get hasRoom(): bool {
    return this.calls.length < MOST || this.freeCall() >= 0;
  }

  /**
   * Asks for a newer answer soon. Call it if there is room.
   * @param headers of the request, as `encodePairs` writes them
   */
  begin(rule: Rule, cluster: Bytes, headers: Bytes, plainKey: Bytes, encodedKey: Bytes): void {
    let index = this.freeCall();
    if (index < 0) {
      const call = new Revalidation(this);
      index = this.calls.push(call) - 1;
      this.tasks.push(new Sending(call));
    }
    unchecked(this.calls[index]).take(rule, cluster, headers, plainKey, encodedKey);
    this.root.after(SOON_MS, unchecked(this.tasks[index]));
  }

  private freeCall(): i32 {
    for (let i = 0; i < this.calls.length; i++) {
      if (unchecked(this.calls[i]).isFree) return i;
    }
    return -1;
  }
}
