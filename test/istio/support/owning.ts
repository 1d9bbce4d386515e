// Several parts as one: when one of them does not start, those before it are ended.

type Use = <T extends AsyncDisposable>(part: T) => T;

/**
 * Starts the parts.
 * @param start gives each part that it starts to `use`
 * @returns what `start` returns; disposing of it ends the parts, the last one first
 */
export async function owning<T extends object>(
  start: (use: Use) => Promise<T>,
): Promise<T & AsyncDisposable> {
  const parts: AsyncDisposable[] = [];
  const end = async () => {
    for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  const use: Use = (part) => {
    parts.push(part);
    return part;
  };
  try {
    return Object.assign(await start(use), { [Symbol.asyncDispose]: end });
  } catch (error) {
    await end();
    throw error;
  }
}
