// The keys of which this worker has requests in flight, for one limit.

/** One key's requests in flight here. */
@final
export class Holding {
  hash: u64 = 0;
  count: u32 = 0;
  /** The next key with the same place. */
  sibling: Holding | null = null;
  /** The list of all keys in flight; `next` also links those that are free. */
  next: Holding | null = null;
  previous: Holding | null = null;
}

/** A power of two. */
const PLACES: i32 = 1024;

/** Grows to the most keys that were in flight at once. */
@final
export class Holdings {
  private readonly places: StaticArray<Holding | null> = new StaticArray<Holding | null>(PLACES);
  private free: Holding | null = null;
  first: Holding | null = null;
  /** Where a walk over all keys stands, which takes several ticks. */
  private cursor: Holding | null = null;

  /** The key's holding, a new one if there is none. */
  of(hash: u64): Holding {
    const place = <i32>(hash & (PLACES - 1));
    let known = unchecked(this.places[place]);
    while (known) {
      if (known.hash == hash) return known;
      known = known.sibling;
    }
    const holding = this.make(hash);
    holding.sibling = unchecked(this.places[place]);
    unchecked((this.places[place] = holding));
    return holding;
  }

  /** Forgets a key without requests. */
  drop(holding: Holding): void {
    this.leavePlace(holding);
    const next = holding.next;
    const previous = holding.previous;
    if (this.cursor == holding) this.cursor = next;
    if (next) next.previous = previous;
    if (previous) previous.next = next;
    else this.first = next;
    holding.previous = null;
    holding.sibling = null;
    holding.next = this.free;
    this.free = holding;
  }

  /** Begins a walk over all keys. */
  rewind(): void {
    this.cursor = this.first;
  }

  /** The next key of the walk, or `null`. Keys that come meanwhile are not in it. */
  step(): Holding | null {
    const holding = this.cursor;
    if (holding) this.cursor = holding.next;
    return holding;
  }

  private make(hash: u64): Holding {
    const free = this.free;
    const holding = free ? free : new Holding();
    if (free) this.free = free.next;
    const first = this.first;
    if (first) first.previous = holding;
    holding.hash = hash;
    holding.count = 0;
    holding.next = first;
    this.first = holding;
    return holding;
  }

  private leavePlace(holding: Holding): void {
    const place = <i32>(holding.hash & (PLACES - 1));
    let before: Holding | null = null;
    let known = unchecked(this.places[place]);
    while (known && known != holding) {
      before = known;
      known = known.sibling;
    }
    if (before) before.sibling = holding.sibling;
    else unchecked((this.places[place] = holding.sibling));
  }
}
