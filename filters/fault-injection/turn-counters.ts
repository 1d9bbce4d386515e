// The numbers of requests, counted over all workers in shared data by compare-and-set, so that each
// number is given once.

import {
  Bytes,
  SharedData,
  SharedUpdater,
  Status,
  sharedKey,
  UpdateOutcome,
  UpstreamAttributes,
} from "../../assembly";
import { Kept, SharedTable, sharedSeed, sipHash } from "../../assembly/rules";
import { Rule } from "./policy";
import { BUCKET_SIZE, countIn, ENTRIES } from "./turn-bucket";
import { TurnCounter, Turns } from "./turns";

const FILTER = "fault-injection";
/** Layouts of the value of one count, and of a bucket: raise one with any change of its bytes. */
const COUNT_LAYOUT: u32 = 1;
const TABLE_LAYOUT: u32 = 1;
const COUNT_SIZE: i32 = 8;
/** Keys of a rule that are counted at once. The README says so. */
const TURN_KEYS: u32 = 16_384;
/** Each attempt fails only because another worker's has succeeded. */
const ATTEMPTS: u32 = 1000;
/** No number: such a request passes. */
const NONE: u64 = 0;

const ATTEMPT = UpstreamAttributes.requestAttemptCount();

/** The counter of a rule with turns. Make it once the configuration is accepted. */
export function turnCounter(rule: Rule, turns: Turns, plugin: Bytes): TurnCounter {
  if (turns.byAttempt) return new AttemptCounter();
  const names: StaticArray<Bytes> = [plugin, rule.selection.name, turns.text];
  if (turns.key) return new KeyedCounter(names);
  return new RuleCounter(new SharedData(sharedKey(FILTER, "turns", COUNT_LAYOUT, names)));
}

/** The number of the attempt is its turn. */
@final
class AttemptCounter extends TurnCounter {
  next(key: Bytes | null): u64 {
    return ATTEMPT.read(NONE);
  }
}

@final
class Increment extends SharedUpdater {
  readonly count: Bytes = Bytes.owned(COUNT_SIZE);

  get number(): u64 {
    return load<u64>(this.count.ptr);
  }

  compute(old: Bytes | null): Bytes | null {
    const before: u64 = old && old.size == COUNT_SIZE ? load<u64>(old.ptr) : 0;
    store<u64>(this.count.ptr, before + 1);
    return this.count;
  }
}

/** Counts all requests of a rule together. Two host calls. */
@final
class RuleCounter extends TurnCounter {
  private readonly increment: Increment = new Increment();

  constructor(private readonly shared: SharedData) {
    super();
  }

  next(key: Bytes | null): u64 {
    const outcome = this.shared.update(this.increment, ATTEMPTS);
    return outcome == UpdateOutcome.Updated ? this.increment.number : NONE;
  }
}

/**
 * Counts the requests of each key. The key that has not come for longest is forgotten where there
 * are too many, and begins anew. Two host calls; one if nobody else has counted since this VM did.
 */
@final
class KeyedCounter extends TurnCounter {
  private readonly table: SharedTable;
  private readonly key0: u64;
  private readonly key1: u64;

  constructor(names: StaticArray<Bytes>) {
    super();
    const key = sharedKey(FILTER, "turns of keys", TABLE_LAYOUT, names);
    this.table = new SharedTable("ft", key, TURN_KEYS / ENTRIES, BUCKET_SIZE, Kept.Busy);
    const seed = sharedSeed();
    this.key0 = load<u64>(seed.ptr);
    this.key1 = load<u64>(seed.ptr, 8);
  }

  next(key: Bytes | null): u64 {
    if (!key) return NONE;
    const hash = sipHash(this.key0, this.key1, key);
    for (let i: u32 = 0; i < ATTEMPTS; i++) {
      this.table.openToWrite(hash);
      const number = countIn(this.table.bucket, hash);
      const status = this.table.close();
      if (status == Status.Ok) return number;
      if (status != Status.CasMismatch) break;
    }
    return NONE;
  }
}
