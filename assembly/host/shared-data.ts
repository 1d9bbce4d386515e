// Shared data: values under keys that all workers of a `vm_id` see.
//
// The host deletes nothing until the last VM of that `vm_id` has ended. Keep the set of keys
// bounded, or a client can fill the host's memory.

import { proxy_get_shared_data, proxy_set_shared_data } from "@solo-io/proxy-runtime/assembly/imports";
import { adoptView, clearOut, OUT_PTR, OUT_SIZE, OUT_WORD } from "../abi/memory";
import { Status } from "../abi/types";
import { Bytes } from "../text/bytes";

/** The number for a compare-and-set that accepts any value. */
const ANY: u32 = 0;
/**
 * The number for a compare-and-set that expects no value. If there is no value, the host does not
 * check the number; if there is one, the host refuses any number that is not the value's. The host
 * counts its numbers up from 1, so it reaches this one only after four thousand million writes.
 */
const ABSENT: u32 = u32.MAX_VALUE;

/**
 * A number that the host has given, the highest that this VM can know of. The host counts up with
 * each value that anybody writes under any key, so the next write gets a higher one.
 */
let given: u32 = 0;

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

  constructor(private readonly key: Bytes) {}

  /** The value, or `null` if there is none. Valid until the callback ends. One host call. */
  get(): Bytes | null {
    clearOut();
    store<u32>(OUT_WORD, 0);
    const status = proxy_get_shared_data(this.key.ptr, this.key.size, OUT_PTR, OUT_SIZE, OUT_WORD);
    this.seen = ABSENT;
    if (status != Status.Ok) return null;
    const seen = load<u32>(OUT_WORD);
    this.seen = seen;
    // The count starts again after four thousand million writes.
    if (given == 0 || <i32>(seen - given) > 0) given = seen;
    return adoptView();
  }

  /** Sets the value, whatever it is now. One host call. */
  set(value: Bytes): Status {
    return this.write(value, ANY);
  }

  /**
   * Sets the value if it is still the one that the last `get` saw, which may be no value at all;
   * else returns `CasMismatch`. Call `get` before each. One host call.
   */
  compareAndSet(value: Bytes): Status {
    const seen = this.seen;
    this.seen = ABSENT;
    return this.write(value, seen);
  }

  /**
   * The lowest number that the host can have given to the value that this VM wrote last. It is the
   * number of that value, if nobody else has written anything since this VM last read a value; and
   * it is never the number of a later value of the same key. 0 if it is of no use.
   */
  get lastWritten(): u32 {
    return given;
  }

  /**
   * Lets the next `compareAndSet` expect the value with that number of the host's, in place of that
   * which `get` saw.
   */
  expect(number: u32): void {
    this.seen = number;
  }

  private write(value: Bytes, expected: u32): Status {
    const status = proxy_set_shared_data(this.key.ptr, this.key.size, value.ptr, value.size, expected);
    if (status == Status.Ok) given++;
    return status;
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
