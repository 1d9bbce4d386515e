// What a filter must never do to a stream, whatever came in.

import type { HeaderList } from "../traffic.js";
import type { Outcome, Script } from "./script.js";

const NAME = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
const ENDS_A_HEADER = /[\0\r\n]/;
const PSEUDO = new Set([":method", ":path", ":authority", ":scheme", ":status"]);

/** What is wrong with the outcome, or undefined when nothing is. */
export function flawOf(script: Script, { upstream, client, localReply }: Outcome): string | undefined {
  if (localReply !== undefined && !(localReply.status >= 200 && localReply.status <= 599)) {
    return `it answers with status ${localReply.status}, where 200 to 599 are allowed`;
  }
  const sent = sentBy(script);
  const all = [...upstream.headers, ...upstream.trailers, ...client.headers, ...client.trailers];
  return (
    lost(script.headers, upstream.headers) ??
    (localReply === undefined ? lost(responseOf(script), client.headers) : undefined) ??
    (sent.some(isBroken) ? undefined : brokenHeader(all))
  );
}

function sentBy(script: Script): HeaderList {
  return [...script.headers, ...script.events.flatMap((event) => ("headers" in event ? event.headers : []))];
}

function responseOf({ events }: Script): HeaderList {
  return events.find((event) => event.kind === "response-headers")?.headers ?? [];
}

function isBroken([name, value]: readonly [string, string]): boolean {
  return !NAME.test(name) || ENDS_A_HEADER.test(value);
}

/** A broken header counts only when no such header came in, since Envoy lets none in. */
function brokenHeader(list: HeaderList): string | undefined {
  const found = list.find(isBroken);
  return found && `it writes the header ${JSON.stringify(found)}, which would break the message`;
}

/** A message keeps each pseudo-header that it had, exactly once. */
function lost(before: HeaderList, after: HeaderList): string | undefined {
  if (after.length === 0) return undefined;
  for (const [name] of before) {
    if (!PSEUDO.has(name) || count(before, name) > 1) continue;
    const left = count(after, name);
    if (left !== 1) return `it leaves ${left} of the header ${name}, where 1 came`;
  }
  return undefined;
}

function count(list: HeaderList, name: string): number {
  let found = 0;
  for (const entry of list) if (entry[0] === name) found++;
  return found;
}
