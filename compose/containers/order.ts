// The order in which services start: what a service calls is there before it.

/**
 * The calls that a start can wait for: all of them, except those that would close a circle.
 * @param calls what each service calls, by its name
 */
export function awaitedCalls(
  calls: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> {
  const awaited = new Map<string, string[]>();
  const open = new Set<string>();
  const visit = (service: string) => {
    if (awaited.has(service)) return;
    const own: string[] = [];
    awaited.set(service, own);
    open.add(service);
    for (const called of calls[service] ?? []) {
      if (open.has(called)) continue;
      visit(called);
      own.push(called);
    }
    open.delete(service);
  };
  for (const service of Object.keys(calls)) visit(service);
  return Object.fromEntries(awaited);
}
