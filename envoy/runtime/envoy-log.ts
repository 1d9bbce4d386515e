// Reads Envoy's log: which entry says why Envoy gave up, and what a Wasm filter wrote about its own
// configuration.

/** One log entry; Envoy's messages may span lines, which are joined with single spaces. */
interface LogEntry {
  readonly thread: string;
  readonly level: string;
  readonly component: string;
  readonly text: string;
}

const entryStart = /^\[\d{4}-\d\d-\d\d [\d:.]+\]\[(\d+)\]\[(\w+)\]\[([\w-]+)\] (?:\[[^\]]*\] )?(.*)$/;
const filterLog = /^wasm log[^:]*: (.*)$/;
const refusal = /^Filesystem config update (?:rejected|failure): (.*)$/;

/** The entries of a log, oldest first. Lines before the first entry are left out. */
function parseEntries(log: string): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const line of log.split("\n")) {
    const match = entryStart.exec(line);
    const last = entries.at(-1);
    if (match) {
      const [, thread = "", level = "", component = "", text = ""] = match;
      entries.push({ thread, level, component, text: tidy(text) });
    } else if (last) {
      entries[entries.length - 1] = { ...last, text: tidy(`${last.text} ${line}`) };
    }
  }
  return entries;
}

/**
 * Protobuf's text output carries a marker and random spaces, so that nobody parses it; readers want
 * neither.
 */
function tidy(text: string): string {
  return text
    .replace(/goo\.gle\/debug\w+/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

function isError(entry: LogEntry): boolean {
  return entry.level === "error" || entry.level === "critical";
}

/** What filters themselves wrote at error level, without Envoy's prefix. */
function filterErrors(entries: readonly LogEntry[]): string[] {
  return entries
    .filter((entry) => entry.component === "wasm" && isError(entry))
    .map((entry) => filterLog.exec(entry.text)?.[1])
    .filter((text) => text !== undefined);
}

/**
 * The sentence that says why Envoy ended, from the log of an Envoy that ended: the last critical
 * entry without the words around it, with a Wasm filter's own complaint in front; without such an
 * entry the last line. Empty for an empty log.
 */
export function endReason(log: string): string {
  const entries = parseEntries(log);
  const fatal = entries.findLast((entry) => entry.level === "critical") ?? entries.findLast(isError);
  if (!fatal) return tidy(log.trimEnd().split("\n").at(-1) ?? "");
  const inner =
    /^error initializing configuration '[^']*': (.*)$/.exec(fatal.text)?.[1] ??
    /^error `(.*)` initializing config '.*'$/.exec(fatal.text)?.[1] ??
    fatal.text;
  return [...filterErrors(entries), inner.trim()].join("; ");
}

/**
 * The entries that came after `before` was read. The memory of a log is bounded, so its length is
 * no mark.
 */
export function newerPart(before: string, now: string): string {
  if (before !== "" && now.startsWith(before)) return now.slice(before.length);
  const tail = before.split("\n").slice(-3).join("\n");
  const at = tail === "" ? -1 : now.lastIndexOf(tail);
  return at < 0 ? now : now.slice(at + tail.length);
}

/**
 * Why Envoy refused the last file that it was given: what the filter wrote at error level on the
 * thread that decided, else Envoy's own sentence. `undefined` while the log holds no refusal.
 */
export function refusalReason(log: string): string | undefined {
  const entries = parseEntries(log);
  const at = entries.findLastIndex((entry) => refusal.test(entry.text));
  const refused = entries[at];
  if (!refused) return undefined;
  const start = entries.slice(0, at).findLastIndex((entry) => refusal.test(entry.text)) + 1;
  const ofThread = entries.slice(start, at).filter((entry) => entry.thread === refused.thread);
  const written = filterErrors(ofThread);
  return written.length > 0 ? written.join("; ") : (refusal.exec(refused.text)?.[1] ?? refused.text);
}

/** The last `count` lines, for the details of an error; none of an empty log. */
export function lastLines(log: string, count: number): string[] {
  return log.trim() === "" ? [] : log.trimEnd().split("\n").slice(-count);
}
