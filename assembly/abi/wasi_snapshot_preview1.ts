// WASI calls that Envoy links. The file's name is the import's module name.

/** Fills `size` bytes at `ptr` from the host's random source. Returns a WASI errno, 0 for success. */
export declare function random_get(ptr: usize, size: usize): u32;
