// Waits for work that must not be cut short.

/**
 * Settles when `work` has ended. After an abort it still waits, and then rejects with the signal's
 * reason whatever the outcome was. Use it for work that clears up after itself only when it may
 * finish, like the compiler's.
 */
export async function toItsEnd<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } finally {
    // A terminal's Ctrl-C reaches the compiler too, and its failure is then expected.
    signal?.throwIfAborted();
  }
}
