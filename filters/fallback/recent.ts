// What a worker knows by itself: which keys need nothing for a while, so that most good answers
// cost no shared data. A key that is forgotten too early is only looked up once more.

const SLOTS: i32 = 1024;
/** Words of a slot: the hash, and the moment. */
const WORDS: i32 = 2;

@final
export class Recent {
  private readonly slots: StaticArray<u64> = new StaticArray<u64>(SLOTS * WORDS);

  /** Whether something may have to be done for that key. */
  isDue(hash: u64, now: u64): bool {
    const slot = slotOf(hash);
    return unchecked(this.slots[slot]) != hash || unchecked(this.slots[slot + 1]) <= now;
  }

  /** Nothing has to be done until then. */
  setDue(hash: u64, moment: u64): void {
    const slot = slotOf(hash);
    unchecked((this.slots[slot] = hash));
    unchecked((this.slots[slot + 1] = moment));
  }
}

function slotOf(hash: u64): i32 {
  return <i32>(hash & (SLOTS - 1)) * WORDS;
}
