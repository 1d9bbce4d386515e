// Work that cannot be stopped, but need not be waited for.

/** Settles like `work`, or rejects with the signal's reason as soon as it is aborted; then nobody hears how the work ended. */
export function abortable<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/**
 * Settles when `work` has ended, even after an abort, and rejects then with the signal's reason whatever the outcome was. For work that clears
 * up after itself only where it is let to its end, as the compiler's does.
 */
export async function toItsEnd<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  try {
    return await work;
  } finally {
    // A terminal's Ctrl-C reaches the compiler too, whose failure is then no news.
    signal?.throwIfAborted();
  }
}
