// Memory that the host allocates in the module, and where it writes its results.
//
// The host calls `malloc` within a host call to hand over a header value, a property or a
// configuration. All of these are needed only until the callback that asked for them returns. So
// they come from an arena that is emptied at the end of every callback: nothing has to be freed one
// by one, and nothing leaks. One block serves ordinary callbacks. An allocation that does not fit
// gets a block of its own, freed at the end.

import { Bytes } from "../text/bytes";

/**
 * Bytes of the block that is kept between callbacks. Larger than the headers of a request at
 * Envoy's default limit (60 KiB).
 */
const BLOCK_SIZE: usize = 64 * 1024;
const ALIGNMENT: usize = 8;

let blockStart: usize = 0;
let blockTop: usize = 0;
let blockEnd: usize = 0;
/**
 * The newest block for an allocation that did not fit. Each such block begins with the address of
 * the one before it.
 */
let overflow: usize = 0;

/**
 * Results of host calls: an address, a size, one more word, and a 64-bit word. Zeroed before each
 * call that may leave them unwritten.
 */
const outBlock: usize = memory.data(24, 8);
export const OUT_PTR: usize = outBlock;
export const OUT_SIZE: usize = outBlock + 4;
export const OUT_WORD: usize = outBlock + 8;
export const OUT_LONG: usize = outBlock + 16;

/**
 * Goes up with every callback, and with every change of the stream within one. It tells whether a
 * value was read for the current callback and stream.
 */
let scope: u32 = 1;

/** Views given out in this callback; the next callback uses all of them again. */
let views: StaticArray<Bytes> = new StaticArray<Bytes>(0);
let viewsUsed: i32 = 0;

/**
 * The allocator's map of free blocks, a bit for each size class, a class about twice the size of
 * the one below. It is the first word of the allocator's root, which stands at the start of the
 * heap (`rt/tlsf` of the compiler; the SDK's tests fail if that moves).
 */
const FREE_CLASSES: usize = (__heap_base + 15) & ~15;
/**
 * Leading zeros of that map after the last collection: few when there is a large free block. See
 * `endCallback`.
 */
let zerosWhenCollected: u32 = 0;
/** Pages of linear memory after the last collection. */
let pagesWhenCollected: i32 = 0;

/**
 * Memory for `size` bytes that lives until the current callback ends. The host calls it (exported
 * as `malloc`), and so does `scratch`. Makes no host call. Traps only when the VM is out of memory.
 */
export function allocate(size: usize): usize {
  const needed = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
  if (needed > blockEnd - blockTop) return allocateSlow(needed);
  const ptr = blockTop;
  blockTop += needed;
  return ptr;
}

function allocateSlow(size: usize): usize {
  if (blockStart == 0) {
    blockStart = heap.alloc(BLOCK_SIZE);
    blockTop = blockStart;
    blockEnd = blockStart + BLOCK_SIZE;
    if (size <= BLOCK_SIZE) return allocate(size);
  }
  const block = heap.alloc(size + ALIGNMENT);
  store<usize>(block, overflow);
  overflow = block;
  return block + ALIGNMENT;
}

/** A view of memory that lives until the current callback ends. */
export function view(ptr: usize, size: i32): Bytes {
  if (viewsUsed == views.length) growViews();
  const bytes = unchecked(views[viewsUsed++]);
  bytes.ptr = ptr;
  bytes.size = size;
  return bytes;
}

/**
 * `size` bytes to write to, valid until the current callback ends. They make no garbage. Their
 * content is undefined. A caller that writes fewer bytes sets `size` to that number.
 */
export function scratch(size: i32): Bytes {
  return view(allocate(size), size);
}

/**
 * Another view of the `size` bytes that `bytes` has from `start` on; the range must lie within it.
 * It does not change when `bytes` is set to another range. Valid until the current callback ends.
 */
export function viewOf(bytes: Bytes, start: i32, size: i32): Bytes {
  return view(bytes.ptr + start, size);
}

function growViews(): void {
  const grown = new StaticArray<Bytes>(max(16, views.length * 2));
  for (let i = 0; i < views.length; i++) grown[i] = views[i];
  for (let i = views.length; i < grown.length; i++) grown[i] = new Bytes(0, 0);
  views = grown;
}

/**
 * The view of the bytes whose address and size the last host call wrote to `OUT_PTR` and
 * `OUT_SIZE`.
 */
export function adoptView(): Bytes {
  return view(load<usize>(OUT_PTR), load<i32>(OUT_SIZE));
}

/** The number of the current callback and stream, the ones that host calls are about. */
export function currentScope(): u32 {
  return scope;
}

/** The host calls that follow are about another stream, or about a later state of the same one. */
export function newScope(): void {
  scope++;
}

/** Zeroes the words that a host call leaves unwritten when it finds nothing. */
export function clearOut(): void {
  store<u64>(OUT_PTR, 0);
}

/**
 * Ends the outermost callback: takes back every view and every buffer of the host. The filter's own
 * objects are collected when they have used most of the free memory, before it would have to grow.
 * So a filter that allocates nothing never pays for a collection, and the memory of one that
 * allocates does not grow without end.
 */
export function endCallback(): void {
  scope++;
  blockTop = blockStart;
  viewsUsed = 0;
  if (overflow != 0) freeOverflow();
  const isShort = clz(load<u32>(FREE_CLASSES)) > zerosWhenCollected + 1;
  if (isShort || memory.size() != pagesWhenCollected) collect();
}

/**
 * Collects every object that no root, stream or global holds. Call it only at the end of a
 * callback: objects that only local variables hold are collected too.
 */
export function collect(): void {
  __collect();
  zerosWhenCollected = clz(load<u32>(FREE_CLASSES));
  pagesWhenCollected = memory.size();
}

function freeOverflow(): void {
  while (overflow != 0) {
    const previous = load<usize>(overflow);
    heap.free(overflow);
    overflow = previous;
  }
}
