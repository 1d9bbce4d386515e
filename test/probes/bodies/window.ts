// Hides the start of a body, as a bundle does for the filters behind the one that holds it.
// Everything else is as in the module of a single filter.

import { BufferType, HeaderMapType, Status, StreamType } from "../../../assembly/abi/types";
import { BundleLink, HeaderEdit } from "../../../assembly/bundle-link";
import { continueStream, finish } from "../../../assembly/host/stream-control";
import { Timers } from "../../../assembly/host/timers";
import { Bytes } from "../../../assembly/text/bytes";

@final
export class BodyWindow extends BundleLink {
  /** The number of hidden bytes at the start of every body. */
  size: u32 = 0;

  override hiddenBytes(buffer: BufferType): u32 {
    return this.size;
  }

  override timersOf(rootId: u32): Timers {
    return new Timers(rootId);
  }

  override rootDone(rootId: u32): Status {
    return finish();
  }

  override streamDone(streamId: u32): Status {
    return finish();
  }

  override resume(streamId: u32, place: i32, type: StreamType): Status {
    return continueStream(type);
  }

  override knownPairs(map: HeaderMapType): Bytes | null {
    return null;
  }

  override pairsRead(map: HeaderMapType, encoded: Bytes): void {}

  override headerEdited(map: HeaderMapType, edit: HeaderEdit, name: Bytes, value: Bytes): void {}

  override headersReplaced(map: HeaderMapType): void {}

  override replied(): void {}

  override queueRegistered(queue: u32): void {}
}
