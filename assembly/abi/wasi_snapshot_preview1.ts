// WASI calls that Envoy links. The file's name is the import's module name.

/**
 * Fills `size` bytes at `ptr` from the host's random source. Returns a WASI errno, 0 for success.
 */
export declare function random_get(ptr: usize, size: usize): u32;

/**
 * Writes a clock's nanoseconds to `timePtr`: clock 0 is the time of day, clock 1 never goes back.
 * Returns a WASI errno, 0 for success.
 * @param precision Envoy ignores it
 */
export declare function clock_time_get(clock: u32, precision: u64, timePtr: usize): u32;
