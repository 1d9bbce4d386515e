// Work that must be let to its end.

/**
 * Settles when `work` has ended, even after an abort, and rejects then with the signal's reason
 * whatever the outcome was. For work that clears up after itself only where it is let to its end,
 * as the compiler's does.
 */
export async function toItsEnd<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } finally {
    // A terminal's Ctrl-C reaches the compiler too, whose failure is then no news.
    signal?.throwIfAborted();
  }
}
