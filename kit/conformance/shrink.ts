// Makes a run of streams that shows a fault as small as possible while it still shows it.

import type { HeaderList } from "../traffic.js";
import type { Script, StreamEvent } from "./script.js";

/** How long smaller runs are tried, in milliseconds. */
const MOST_MS = 5_000;
/** How many parts of a list or a text are tried. A longer one keeps more than it needs. */
const MOST_PARTS = 500;

/** `fails` says whether a run still shows the fault. The given run does. */
export function shrunk(
  scripts: readonly Script[],
  fails: (scripts: readonly Script[]) => boolean,
): readonly Script[] {
  const deadline = performance.now() + MOST_MS;
  const stillFails = (tried: readonly Script[]): boolean => performance.now() < deadline && fails(tried);
  let small = fewer(scripts, stillFails);
  for (let i = 0; i < small.length; i++) {
    const withScript = (script: Script) => small.map((other, k) => (k === i ? script : other));
    small = withScript(smaller(small[i] as Script, (script) => stillFails(withScript(script))));
  }
  return small;
}

function smaller(script: Script, fails: (script: Script) => boolean): Script {
  let small = script;
  const kept = <T>(items: readonly T[], put: (items: readonly T[]) => Script): void => {
    small = put(fewer(items, (tried) => fails(put(tried))));
  };
  kept(small.events, (events) => ({ ...small, events }));
  kept(small.headers, (headers) => ({ ...small, headers }));
  small = { ...small, headers: shorterValues(small.headers, (headers) => fails({ ...small, headers })) };
  small.events.forEach((event, i) => {
    const put = (other: StreamEvent): Script => ({
      ...small,
      events: small.events.map((each, k) => (k === i ? other : each)),
    });
    small = put(shorterEvent(event, (tried) => fails(put(tried))));
  });
  return small;
}

/** Leaves out whatever it can, large pieces first. */
function fewer<T>(items: readonly T[], fails: (items: readonly T[]) => boolean): readonly T[] {
  let small = items;
  for (let size = Math.ceil(items.length / 2); size > small.length / MOST_PARTS; size = half(size)) {
    for (let at = small.length - size; at > -size; at -= size) {
      const tried = small.toSpliced(Math.max(0, at), size + Math.min(0, at));
      if (tried.length < small.length && fails(tried)) small = tried;
    }
  }
  return small;
}

/** The same for the characters of a text, which may be many millions. */
function shorter(text: string, fails: (text: string) => boolean): string {
  let small = text;
  for (let size = Math.ceil(text.length / 2); size > small.length / MOST_PARTS; size = half(size)) {
    for (let at = small.length - size; at > -size; at -= size) {
      const tried = small.slice(0, Math.max(0, at)) + small.slice(at + size);
      if (tried.length < small.length && fails(tried)) small = tried;
    }
  }
  return small;
}

function half(size: number): number {
  return size === 1 ? 0 : Math.ceil(size / 2);
}

function shorterValues(list: HeaderList, fails: (list: HeaderList) => boolean): HeaderList {
  let small = list;
  list.forEach(([name, value], i) => {
    const put = (text: string): HeaderList =>
      small.map((entry, k) => (k === i ? ([name, text] as const) : entry));
    small = put(shorter(value, (text) => fails(put(text))));
  });
  return small;
}

function shorterEvent(event: StreamEvent, fails: (event: StreamEvent) => boolean): StreamEvent {
  if ("bytes" in event)
    return { ...event, bytes: shorter(event.bytes, (bytes) => fails({ ...event, bytes })) };
  if (!("headers" in event)) return event;
  const few = fewer(event.headers, (headers) => fails({ ...event, headers }));
  return { ...event, headers: shorterValues(few, (headers) => fails({ ...event, headers })) };
}
