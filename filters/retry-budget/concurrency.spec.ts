import { Bytes } from "../../assembly/text/bytes";
import { NO_PROMISE } from "./books";
import { NO_CALLER } from "./busy-callers";
import { ConcurrencyBooks } from "./concurrency";

const SECOND: u64 = 1_000_000_000;
const START: u64 = 3_600 * SECOND;
const CALLERS: i32 = 4;

/** One VM's view, and what all VMs share. */
class Shared {
  kept: Bytes | null = null;
  now: u64 = START;

  keep(books: ConcurrencyBooks): void {
    books.commit();
    this.kept = books.bytes.copy();
  }
}

function begin(shared: Shared, books: ConcurrencyBooks, times: i32): void {
  for (let i = 0; i < times; i++) {
    books.load(shared.kept, shared.now);
    books.first(0);
    shared.keep(books);
  }
}

function retries(shared: Shared, books: ConcurrencyBooks, lapse: u64 = NO_PROMISE): bool {
  books.load(shared.kept, shared.now);
  if (!books.retry(lapse)) return false;
  shared.keep(books);
  return true;
}

function end(shared: Shared, books: ConcurrencyBooks, held: u32): void {
  books.load(shared.kept, shared.now);
  books.end(held);
  shared.keep(books);
}

function withSlot(vm: u64): ConcurrencyBooks {
  const books = new ConcurrencyBooks(0, 1, vm, CALLERS);
  books.wantsSlot = true;
  return books;
}

describe("books of the policy concurrency", () => {
  it("allow the minimum, and a share of what is in progress in all VMs", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(2_000, 1, 11, CALLERS);
    const other = new ConcurrencyBooks(2_000, 1, 22, CALLERS);
    begin(shared, one, 1);
    expect(retries(shared, one)).toBe(true);
    expect(retries(shared, other)).toBe(false);
    begin(shared, other, 9);
    expect(retries(shared, other)).toBe(true);
    expect(retries(shared, one)).toBe(false);
    end(shared, one, 1);
    expect(retries(shared, one)).toBe(true);
    expect(one.activeRequests()).toBe(12);
    expect(one.activeRetries()).toBe(2);
  });

  it("forget a VM that is gone, and know it again when it comes back", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(0, 2, 11, CALLERS);
    const other = new ConcurrencyBooks(0, 2, 22, CALLERS);
    expect(retries(shared, one)).toBe(true);
    expect(retries(shared, one)).toBe(true);
    shared.now += 30 * SECOND;
    expect(retries(shared, other)).toBe(false);
    shared.now += 1;
    expect(retries(shared, other)).toBe(true);
    end(shared, one, 1);
    expect(one.activeRetries()).toBe(2);
    expect(retries(shared, other)).toBe(false);
  });

  it("keep the promises of every VM for as long as they last", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    const other = new ConcurrencyBooks(0, 1, 22, CALLERS);
    begin(shared, one, 1);
    one.load(shared.kept, shared.now);
    expect(one.promise(false)).toBe(true);
    const lapse = one.lapse;
    shared.keep(one);
    expect(retries(shared, other)).toBe(false);
    shared.now += SECOND / 4;
    expect(retries(shared, other)).toBe(false);
    expect(retries(shared, one, lapse)).toBe(true);
    end(shared, one, 1);
    one.load(shared.kept, shared.now);
    expect(one.promise(false)).toBe(true);
    shared.keep(one);
    shared.now += (6 * SECOND) / 10;
    expect(retries(shared, other)).toBe(true);
  });

  it("let an attempt that is about to end give its own place to the retry", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    expect(retries(shared, one)).toBe(true);
    one.load(shared.kept, shared.now);
    expect(one.promise(false)).toBe(false);
    one.load(shared.kept, shared.now);
    expect(one.promise(true)).toBe(true);
  });

  it("leave what was not written out of the VM's own count", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    one.load(shared.kept, shared.now);
    expect(one.retry(NO_PROMISE)).toBe(true);
    one.load(shared.kept, shared.now);
    expect(one.activeRetries()).toBe(0);
  });

  it("never count below zero", () => {
    const shared = new Shared();
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    end(shared, one, 3);
    expect(one.activeRequests()).toBe(0);
    expect(one.activeRetries()).toBe(0);
    expect(one.nextBusy(0)).toBe(NO_CALLER);
  });

  it("hold requests' retries until they are settled", () => {
    const one = new ConcurrencyBooks(0, 4, 11, CALLERS);
    one.load(null, START);
    expect(one.first(3)).toBe(3);
    expect(one.first(3)).toBe(1);
    one.settle(0, 3);
    expect(one.remaining()).toBe(3);
  });

  it("of callers are separate", () => {
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    one.load(null, START);
    one.first(0);
    one.commit();
    expect(one.nextBusy(0)).toBe(0);
    expect(one.nextBusy(1)).toBe(NO_CALLER);
    one.select(CALLERS);
    one.load(null, START);
    expect(one.activeRequests()).toBe(0);
    one.first(0);
    one.commit();
    expect(one.nextBusy(1)).toBe(CALLERS);
    one.load(null, START);
    one.end(0);
    one.commit();
    expect(one.nextBusy(1)).toBe(NO_CALLER);
    expect(one.nextBusy(0)).toBe(0);
  });

  it("give each VM the lowest free slot, and that of a VM that is gone to another", () => {
    const shared = new Shared();
    const one = withSlot(11);
    const two = withSlot(22);
    const three = withSlot(33);
    begin(shared, one, 1);
    begin(shared, two, 1);
    expect(one.slot).toBe(1);
    expect(two.slot).toBe(2);
    shared.now += 31 * SECOND;
    begin(shared, two, 1);
    begin(shared, three, 1);
    expect(two.slot).toBe(2);
    expect(three.slot).toBe(1);
    begin(shared, one, 1);
    expect(one.slot).toBe(3);
  });

  it("have the attempts of a VM until its gauge counts, and name its slot from then on", () => {
    const shared = new Shared();
    const one = withSlot(11);
    const other = withSlot(22);
    begin(shared, one, 3);
    other.load(shared.kept, shared.now);
    expect(other.activeRequests()).toBe(3);
    expect(other.otherSlots).toBe(0);
    one.load(shared.kept, shared.now);
    one.showSlot();
    shared.keep(one);
    one.addAttempts(1);
    expect(one.isShown).toBe(true);
    other.load(shared.kept, shared.now);
    expect(other.activeRequests()).toBe(0);
    expect(other.otherSlots).toBe(1);
    expect(other.otherSlot(0)).toBe(1);
    one.load(shared.kept, shared.now);
    expect(one.activeRequests()).toBe(4);
  });

  it("do not let the gauge of a VM count that they have forgotten", () => {
    const shared = new Shared();
    const one = withSlot(11);
    begin(shared, one, 1);
    one.load(shared.kept, shared.now);
    one.showSlot();
    shared.keep(one);
    shared.kept = null;
    begin(shared, one, 1);
    expect(one.isShown).toBe(false);
    expect(one.ownAttempts).toBe(2);
  });

  it("are new when the stored bytes are not books, and take the last of too many entries", () => {
    const one = new ConcurrencyBooks(0, 1, 11, CALLERS);
    one.load(Bytes.of("no books"), START);
    expect(one.activeRequests()).toBe(0);
    const many = Bytes.owned(600 * 48);
    for (let i = 0; i < 600; i++) {
      store<u64>(many.ptr + i * 48, 100 + i);
      store<u64>(many.ptr + i * 48, START, 8);
      store<u32>(many.ptr + i * 48, 1, 16);
    }
    one.load(many, START);
    expect(one.activeRequests()).toBe(512);
    expect(one.bytes.size).toBe(513 * 48);
  });
});
