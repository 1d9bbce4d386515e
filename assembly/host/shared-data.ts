// Shared data: values under keys that all workers of a `vm_id` see.
//
// The host deletes nothing until the last VM of that `vm_id` has ended. Keep the set of keys
// bounded, or a client can fill the host's memory.

import { proxy_get_shared_data, proxy_set_shared_data } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";
import { sharedKey } from "../text/shared-key";

/** The number for a compare-and-set that accepts any value. */
const ANY: u32 = 0;
/**
 * The number for a compare-and-set that expects no value. If there is no value, the host does not
 * check the number; if there is one, the host refuses any number that is not the value's. The host
 * counts its numbers up from 1, so it reaches this one only after four thousand million writes.
 */
const ABSENT: u32 = u32.MAX_VALUE;

/**
 * No more than the host's number for the last write of anybody: the host counts the writes to all
 * keys of all VMs by one counter.
 */
let counted: u32 = 0;

/** Where `learnNumber` writes nothing, so that to read it returns no bytes. */
const NUMBERED = sharedKey("sdk", "number", 1);

/**
 * The number that the write which has just succeeded got, if this VM knows of all others before it.
 * If not, it is a lower one, which the written value will never have.
 */
function numberOfWrite(): u32 {
  counted++;
  if (counted == ANY || counted == ABSENT) counted = 1;
  return counted;
}

function noteNumber(seen: u32): void {
  // The counter begins again after four thousand million writes.
  if (<i32>(seen - counted) > 0) counted = seen;
}

/**
 * Learns the number of the host's last write, so that this VM knows that of its own next one,
 * unless others come between. Two host calls, which return no bytes.
 */
export function learnNumber(): void {
  proxy_set_shared_data(NUMBERED.ptr, NUMBERED.size, NUMBERED.ptr, 0, ANY);
  clearOut();
  store<u32>(OUT_WORD, 0);
  const status = proxy_get_shared_data(NUMBERED.ptr, NUMBERED.size, OUT_PTR, OUT_SIZE, OUT_WORD);
  if (status == Status.Ok) noteNumber(load<u32>(OUT_WORD));
}

/** The result of an `update`. */
export enum UpdateOutcome {
  Updated = 0,
  /** The updater wanted no change. */
  Unchanged = 1,
  /** Other workers changed the value between reading and writing in every attempt. */
  GaveUp = 2,
  /** The host refused; nothing has changed. */
  Refused = 3,
}

/** Makes a new value from the old one. */
export abstract class SharedUpdater {
  /**
   * Called once for each attempt, so it must not keep anything from an earlier one.
   * @param old the value, valid until the callback ends; `null` if there is none
   * @returns the new value, which may be a view of scratch memory; `null` to keep the old one
   */
  abstract compute(old: Bytes | null): Bytes | null;
}

/** A key of the shared data. Make one for each key, once. */
@final
export class SharedData {
  /** The host's number for the value that `get` saw last. */
  private seen: u32 = ABSENT;
  /** The number of what `compareAndSet` has written last, for `resume`. */
  written: u32 = ABSENT;

  constructor(private readonly key: Bytes) {}

  /** The value, or `null` if there is none. Valid until the callback ends. One host call. */
  get(): Bytes | null {
    clearOut();
    store<u32>(OUT_WORD, 0);
    const status = proxy_get_shared_data(this.key.ptr, this.key.size, OUT_PTR, OUT_SIZE, OUT_WORD);
    this.seen = ABSENT;
    if (status != Status.Ok) return null;
    this.seen = load<u32>(OUT_WORD);
    noteNumber(this.seen);
    return adoptView();
  }

  /** Sets the value, whatever it is now. One host call. */
  set(value: Bytes): Status {
    return proxy_set_shared_data(this.key.ptr, this.key.size, value.ptr, value.size, ANY);
  }

  /**
   * Sets the value if it is still the one that the last `get` saw, which may be no value at all;
   * else returns `CasMismatch`. Call `get` or `resume` before each. One host call.
   */
  compareAndSet(value: Bytes): Status {
    const seen = this.seen;
    this.seen = ABSENT;
    const status = proxy_set_shared_data(this.key.ptr, this.key.size, value.ptr, value.size, seen);
    if (status == Status.Ok) this.written = numberOfWrite();
    return status;
  }

  /**
   * In place of `get`, for a caller that has kept what it wrote: the next `compareAndSet` succeeds
   * only if that is still the value. It may refuse even then, because the host does not say which
   * number a write got: see `learnNumber`.
   * @param written what `written` was after that
   */
  resume(written: u32): void {
    this.seen = written;
  }

  /**
   * Reads, computes and writes, and repeats this while other workers change the value in between.
   * Two host calls an attempt.
   * @param attempts at least 1; with few workers 10 are enough
   */
  update(updater: SharedUpdater, attempts: u32): UpdateOutcome {
    for (let i: u32 = 0; i < attempts; i++) {
      const value = updater.compute(this.get());
      if (!value) return UpdateOutcome.Unchanged;
      const status = this.compareAndSet(value);
      if (status == Status.Ok) return UpdateOutcome.Updated;
      if (status != Status.CasMismatch) return UpdateOutcome.Refused;
    }
    return UpdateOutcome.GaveUp;
  }
}
