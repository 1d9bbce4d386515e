// A bundle, as the core calls it.

import { currentScope } from "../abi/memory";
import { BufferType, HeaderMapType, Status, StreamType } from "../abi/types";
import { BundleLink, HeaderEdit } from "../bundle-link";
import { findStream } from "../dispatcher";
import { Timers } from "../host/timers";
import { Bytes } from "../text/bytes";
import { BodyWindow, requestWindow, responseWindow } from "./held-body";
import { PairsSnapshot } from "./pairs-snapshot";
import { bundleRoot, queueRegistered } from "./root";
import { BundleStream } from "./stream";
import { countReply } from "./walk";

@final
export class Bundle extends BundleLink {
  private readonly requestPairs: PairsSnapshot = new PairsSnapshot();
  private readonly responsePairs: PairsSnapshot = new PairsSnapshot();

  override timersOf(rootId: u32): Timers {
    return bundleRoot(rootId).partTimers;
  }

  override rootDone(rootId: u32): Status {
    return bundleRoot(rootId).partDone();
  }

  override resume(streamId: u32, place: i32, type: StreamType): Status {
    const stream = findStream(streamId);
    return stream ? (<BundleStream>stream).parts.resume(place, type) : Status.BadArgument;
  }

  override streamDone(streamId: u32): Status {
    const stream = findStream(streamId);
    return stream ? (<BundleStream>stream).parts.partDone() : Status.BadArgument;
  }

  override knownPairs(map: HeaderMapType): Bytes | null {
    const snapshot = this.snapshotOf(map);
    return snapshot ? snapshot.current(currentScope()) : null;
  }

  override pairsRead(map: HeaderMapType, encoded: Bytes): void {
    const snapshot = this.snapshotOf(map);
    if (snapshot) snapshot.keep(encoded, currentScope());
  }

  override headerEdited(map: HeaderMapType, edit: HeaderEdit, name: Bytes, value: Bytes): void {
    const snapshot = this.snapshotOf(map);
    if (snapshot) snapshot.edited(edit, name, value);
  }

  override headersReplaced(map: HeaderMapType): void {
    const snapshot = this.snapshotOf(map);
    if (snapshot) snapshot.drop();
  }

  override hiddenBytes(buffer: BufferType): u32 {
    const window = windowOf(buffer);
    return window ? window.hidden : 0;
  }

  override replied(): void {
    countReply();
  }

  override queueRegistered(queue: u32): void {
    queueRegistered(queue);
  }

  /** Trailers and the headers of calls are not kept: only one filter reads them. */
  private snapshotOf(map: HeaderMapType): PairsSnapshot | null {
    switch (map) {
      case HeaderMapType.RequestHeaders:
        return this.requestPairs;
      case HeaderMapType.ResponseHeaders:
        return this.responsePairs;
      default:
        return null;
    }
  }
}

function windowOf(buffer: BufferType): BodyWindow | null {
  switch (buffer) {
    case BufferType.HttpRequestBody:
      return requestWindow;
    case BufferType.HttpResponseBody:
      return responseWindow;
    default:
      return null;
  }
}
