// Which answers a rule keeps. Pure.

import { Bytes } from "../../assembly";
import { BytesTable } from "../../assembly/rules";
import { MAX_KEPT_STATUS, MIN_KEPT_STATUS } from "./limits";

/** What forbids to keep or to serve an answer, unless the rule says otherwise. By `MARKS`. */
export enum Mark {
  Authorization,
  Cookie,
  SetCookie,
  CacheControl,
  Vary,
}

@final
export class KeepPolicy {
  private readonly statuses: StaticArray<bool> = new StaticArray<bool>(MAX_KEPT_STATUS - MIN_KEPT_STATUS + 1);
  private marks: u32 = 0;

  /**
   * @param maxBody in bytes
   * @param refreshNs how long a kept answer is not kept anew
   * @param omitted response headers that are left out
   */
  constructor(
    readonly maxBody: i32,
    readonly refreshNs: u64,
    private readonly omitted: BytesTable,
  ) {}

  addStatus(status: i32): void {
    this.statuses[status - MIN_KEPT_STATUS] = true;
  }

  hasStatus(status: i64): bool {
    if (status < MIN_KEPT_STATUS || status > MAX_KEPT_STATUS) return false;
    return unchecked(this.statuses[<i32>status - MIN_KEPT_STATUS]);
  }

  ignore(mark: Mark): void {
    this.marks |= 1 << mark;
  }

  /** Whether that mark forbids nothing. */
  ignores(mark: Mark): bool {
    return (this.marks & (1 << mark)) != 0;
  }

  omits(header: Bytes): bool {
    return this.omitted.find(header) >= 0;
  }
}
