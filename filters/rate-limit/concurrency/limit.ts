// A limit of the requests of each key that are in flight at once, kept in shared data, so that all
// workers see it.

import { Bytes, monotonicNanoseconds, RootContext, randomBytes, Status, sharedKey } from "../../../assembly";
import { Kept, SharedTable, tagOf } from "../../../assembly/rules";
import { Verdict } from "../local/limit";
import { BUCKET_SIZE, InFlight } from "./bucket";
import { Holding, Holdings } from "./holdings";
import { Renewable, Renewer } from "./renewer";

/** Layout of a bucket, and of how a key's bucket and tag are computed: raise it with any change. */
const LAYOUT: u32 = 1;
/** Entries for each key in flight: the more there are, the fewer keys find their bucket full. */
const ENTRIES_PER_KEY: f64 = 2.6;
const ENTRIES_PER_BUCKET: f64 = 16;
/** As in `LocalLimit`. */
const ATTEMPTS: i32 = 1000;
const NANOSECONDS_PER_MS: u64 = 1_000_000;

/** A limit from the configuration. */
@final
export class ConcurrencyPolicy {
  constructor(
    readonly limit: u32,
    /** How long the requests of a VM count after it was last heard of. */
    readonly leaseMs: u32,
    /** Keys that may be in flight at once; each worker that has one counts. */
    readonly keys: u32,
  ) {}
}

@final
export class ConcurrencyLimit extends Renewable {
  private readonly limit: u64;
  private readonly table: SharedTable;
  private readonly inFlight: InFlight;
  private readonly holdings: Holdings = new Holdings();
  private readonly renewer: Renewer;
  /** Why `take` let no request pass. */
  verdict: Verdict = Verdict.Contended;

  /**
   * @param root of the plugin, whose ticks renew the leases
   * @param names limits with the same names share their keys
   */
  constructor(policy: ConcurrencyPolicy, root: RootContext, names: StaticArray<Bytes>) {
    super();
    this.limit = policy.limit;
    const buckets = <u32>Math.ceil((<f64>policy.keys * ENTRIES_PER_KEY) / ENTRIES_PER_BUCKET);
    const table = sharedKey("rate-limit", "in-flight", LAYOUT, names);
    this.table = new SharedTable("rf", table, buckets, BUCKET_SIZE, Kept.Latest);
    // A changed configuration makes another holder: the streams of the old one end with that.
    const holder = load<u64>(randomBytes(8));
    this.inFlight = new InFlight(holder, policy.leaseMs * NANOSECONDS_PER_MS);
    this.renewer = new Renewer(root, policy.leaseMs);
  }

  /** Whether one more request may be in flight; takes nothing. One host call. */
  look(hash: u64, now: u64): Verdict {
    const holding = this.holdings.of(hash);
    this.table.open(hash);
    const verdict = this.judge(holding, now);
    if (holding.count == 0) this.holdings.drop(holding);
    return verdict;
  }

  /**
   * Counts one more request in flight, if it may be. Two host calls, or one if the worker knows
   * what it has written last, and three more each time that another worker comes between.
   * @param now nanoseconds of the monotonic clock
   * @returns what `release` gets when the request is over; `null` if it must not pass, and why is
   * in `verdict`
   */
  take(hash: u64, now: u64): Holding | null {
    const holding = this.holdings.of(hash);
    this.verdict = Verdict.Contended;
    for (let i = 0; i < ATTEMPTS; i++) {
      const time = i == 0 ? now : monotonicNanoseconds();
      this.table.openToWrite(hash);
      this.verdict = this.judge(holding, time);
      if (this.verdict != Verdict.Passed && this.table.isKept) {
        this.table.open(hash);
        this.verdict = this.judge(holding, time);
      }
      if (this.verdict != Verdict.Passed) break;
      this.inFlight.put(tagOf(hash), time, holding.count + 1);
      const status = this.table.close();
      if (status == Status.Ok) {
        holding.count++;
        this.renewer.start(this);
        return holding;
      }
      this.verdict = Verdict.Contended;
      if (status != Status.CasMismatch) break;
    }
    if (holding.count == 0) this.holdings.drop(holding);
    return null;
  }

  /**
   * The request is over. Host calls as in `take`. Where the table cannot be written, it is right
   * again with the next request of the key, or when the lease ends.
   */
  release(holding: Holding): void {
    holding.count--;
    this.tell(holding);
    if (holding.count == 0) this.holdings.drop(holding);
  }

  override rewind(): void {
    this.holdings.rewind();
  }

  /** Tells the others that the next key's requests are still in flight. */
  override renewNext(): bool {
    const holding = this.holdings.step();
    if (holding) this.tell(holding);
    return holding != null;
  }

  override get isBusy(): bool {
    return this.holdings.first != null;
  }

  private judge(holding: Holding, now: u64): Verdict {
    const inFlight = this.inFlight;
    inFlight.find(this.table.bucket, tagOf(holding.hash), now);
    if (inFlight.others + holding.count >= this.limit) return Verdict.Over;
    // All places have requests of other keys in flight.
    return inFlight.hasPlace ? Verdict.Passed : Verdict.Contended;
  }

  private tell(holding: Holding): void {
    const inFlight = this.inFlight;
    for (let i = 0; i < ATTEMPTS; i++) {
      const now = monotonicNanoseconds();
      this.table.openToWrite(holding.hash);
      inFlight.find(this.table.bucket, tagOf(holding.hash), now);
      if (!inFlight.hasPlace && this.table.isKept) {
        this.table.open(holding.hash);
        inFlight.find(this.table.bucket, tagOf(holding.hash), now);
      }
      if (!inFlight.hasPlace) return;
      inFlight.put(tagOf(holding.hash), now, holding.count);
      if (this.table.close() != Status.CasMismatch) return;
    }
  }
}
