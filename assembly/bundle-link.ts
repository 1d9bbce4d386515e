// What a module of several filters does differently from a module of one. The core asks the bundle
// in these places. In a module of a single filter there is no bundle, and the compiler leaves out
// all code that depends on it.

import { BufferType, HeaderMapType, Status, StreamType } from "./abi/types";
import { Timers } from "./host/timers";
import { Bytes } from "./text/bytes";

/** An edit of a header map. */
export enum HeaderEdit {
  Add,
  Replace,
  Remove,
}

/**
 * A bundle, as the core sees it. Its filters have contexts of their own, which share the host's
 * number for the stream.
 */
export abstract class BundleLink {
  /** The timers of all filters that belong to that root: the host has one tick for them. */
  abstract timersOf(rootId: u32): Timers;

  /** A filter of that root whose `onDone` returned false has ended. */
  abstract rootDone(rootId: u32): Status;

  /**
   * The filter at that place lets its part of the stream go on.
   * @param type `Request` or `Response`
   */
  abstract resume(streamId: u32, place: i32, type: StreamType): Status;

  /** A filter's context for that stream, whose `onDone` had returned false, has ended. */
  abstract streamDone(streamId: u32): Status;

  /**
   * All headers of that map, with edits, if a filter has read them in this callback; else `null`.
   */
  abstract knownPairs(map: HeaderMapType): Bytes | null;

  /** A filter has read all headers of that map. */
  abstract pairsRead(map: HeaderMapType, encoded: Bytes): void;

  /** A filter has edited that map. `value` is ignored when a header was removed. */
  abstract headerEdited(map: HeaderMapType, edit: HeaderEdit, name: Bytes, value: Bytes): void;

  /** A filter has set all headers of that map. */
  abstract headersReplaced(map: HeaderMapType): void;

  /**
   * Bytes at the start of that buffer that belong to later filters: reads do not see them, writes
   * keep them.
   */
  abstract hiddenBytes(buffer: BufferType): u32;

  /** A filter has answered. */
  abstract replied(): void;

  /** A filter has registered that queue. */
  abstract queueRegistered(queue: u32): void;
}

let link: BundleLink | null = null;

/** The module's bundle, or `null` in a module of one filter. */
export function bundleLink(): BundleLink | null {
  return link;
}

/** For the bundle's entry file: the module is this bundle. */
export function linkBundle(bundle: BundleLink): void {
  link = bundle;
}
