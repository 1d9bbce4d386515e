// Whether a request's headers are read one by one or all at once: whichever would have been cheaper
// for the last requests.

/**
 * What it costs Envoy to hand over all headers at once, to hand over a pseudo-header alone, and to
 * say that it has no header of a name. The unit is a thousand instructions.
 */
const WALK: i32 = 13;
const PSEUDO: i32 = 11;
const ABSENT: i32 = 2;
/** What the first look for a header that is no pseudo-header costs more: Envoy makes an index. */
const INDEX: i32 = 4;
/** How much of what requests would have cost is remembered: enough for about ten of them. */
const MOST_MEMORY: i32 = 128;
/** With more names than this, all headers are read at once until requests have shown better. */
const NAMES_WORTH_A_WALK: i32 = 3;

/** What the headers asked for cost, in one request after another. */
@final
export class ReadingCosts {
  /** What they would have cost in this request, each read alone. */
  private alone: i32 = 0;
  /** Whether the index is among that. */
  private isIndexed: bool = false;
  /** By how much that was more than a walk in the last requests. */
  private excess: i32;

  /** @param names how many headers may be asked for */
  constructor(names: i32) {
    this.excess = names > NAMES_WORTH_A_WALK ? 1 : 0;
  }

  /** Begins the next request. */
  begin(): void {
    if (this.alone == 0) return;
    this.excess = max(-MOST_MEMORY, min(MOST_MEMORY, this.excess + this.alone - WALK));
    this.alone = 0;
    this.isIndexed = false;
  }

  /** Whether all headers at once have been cheaper. */
  get favourWalk(): bool {
    return this.excess > 0;
  }

  /**
   * A header was asked for. One that is there and no pseudo-header may have further lines, which
   * only a walk shows.
   */
  add(isPseudo: bool, isPresent: bool): void {
    if (isPresent) this.alone += isPseudo ? PSEUDO : WALK;
    else if (this.isIndexed || isPseudo) this.alone += ABSENT;
    else {
      this.isIndexed = true;
      this.alone += ABSENT + INDEX;
    }
  }
}
