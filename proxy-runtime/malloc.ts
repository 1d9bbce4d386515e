// The allocator that the host calls. Its memory is taken back at the end of the callback.

export { allocate as malloc } from "../assembly/abi/memory";

/** Does nothing: no single buffer needs to be freed. */
export function free(ptr: usize): void {}
