// The one error class. Only `cli/main.ts` turns it into a message and an exit code.

/** What kind of thing went wrong. Each has an exit code in `cli/main.ts`. */
export type ErrorCode =
  /** The words of a command line are wrong. */
  | "usage"
  /** A configuration file or a configuration is refused. */
  | "configuration"
  /** A filter does not compile, or there is no filter of that name. */
  | "build"
  /** No stock Envoy is available. */
  | "envoy-not-found"
  /** Envoy ended, refused its configuration, or was not ready in time. */
  | "envoy-failed"
  /** A service of the mesh ended or was not ready in time. */
  | "service-failed"
  /** A port is taken. */
  | "port-taken"
  /** The same mesh already runs in this folder. */
  | "already-running"
  /** A file is not a proxy-wasm module, or stock Envoy would refuse it. */
  | "module-refused"
  /** A tool that the command needs is not installed. */
  | "tool-missing"
  /** A file that Envoy reads, or an image, cannot be written. */
  | "write-failed"
  /** A registry refuses something, fails, or cannot be reached. */
  | "registry-failed";

/**
 * An error whose message says what was wrong, where, and what to do, in one line; `details` may add
 * further lines.
 */
export class MeshwrightError extends Error {
  override readonly name = "MeshwrightError";

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** Further lines for the reader: what was tried, or the end of a log. */
    readonly details: readonly string[] = [],
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
