// Host calls of module `env` that `@solo-io/proxy-runtime` does not declare. The file's name is the import's module name.

/** Lowest level that the host writes; a message below it is dropped. ABI 0.2.1: `proxy_get_log_level`. */
export declare function proxy_get_log_level(levelPtr: usize): u32;
