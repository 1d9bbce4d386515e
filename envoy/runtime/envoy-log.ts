// Reads Envoy's log: the entry that says why Envoy gave up, and what a Wasm filter wrote about its
// configuration.

/** One log entry. The lines of a message are joined with single spaces. */
interface LogEntry {
  readonly thread: string;
  readonly level: string;
  readonly component: string;
  readonly text: string;
}

/** The first line of an entry: its thread, level, component and text. */
export const entryStart = /^\[\d{4}-\d\d-\d\d [\d:.]+\]\[(\d+)\]\[(\w+)\]\[([\w-]+)\] (?:\[[^\]]*\] )?(.*)$/;
const filterLog = /^wasm log[^:]*: (.*)$/;
const refusal = /^gRPC config for \S+ rejected: (.*)$/;

/** Envoy repeats the whole configuration after what it could not read in it, often twice. */
const unparsed = /(Unable to parse JSON as proto \(.*?\)): \{/;

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
 * Protobuf adds a marker and random spaces to its text output so that nobody parses it. They are
 * removed.
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

/** What the filters wrote at error level, without Envoy's prefix. */
function filterErrors(entries: readonly LogEntry[]): string[] {
  return entries
    .filter((entry) => entry.component === "wasm" && isError(entry))
    .map((entry) => filterLog.exec(entry.text)?.[1])
    .filter((text) => text !== undefined);
}

/** What a person can do about an end that is not the configuration's fault. */
const ADVICE: readonly (readonly [sign: RegExp, advice: string])[] = [
  [/inotify/, "raise the limit, as in sysctl -w fs.inotify.max_user_instances=1024"],
  [/too many open files|EMFILE/i, "raise the limit of open files, as in ulimit -n 65536"],
  [/thread|Resource temporarily unavailable/i, "raise the limit of processes and threads (ulimit -u)"],
  [/Cannot allocate memory|bad_alloc|out of memory/i, "give it more memory, or start fewer Envoys"],
  [/Segmentation fault/, "report it with the log, or try another release by ENVOY_VERSION"],
];

/**
 * The reason why Envoy ended, from its log: the first critical entry without the words around it,
 * after a Wasm filter's own complaint, and what to do where that is known; where there is no such
 * entry, the last line. Empty for an empty log.
 */
export function endReason(log: string): string {
  const entries = parseEntries(log);
  const critical = entries.filter((entry) => entry.level === "critical");
  // After it comes the backtrace, which is critical too.
  const fatal =
    critical.find(({ component }) => component !== "backtrace") ?? critical[0] ?? entries.findLast(isError);
  if (!fatal) return tidy(log.trimEnd().split("\n").at(-1) ?? "");
  const inner =
    unparsed.exec(fatal.text)?.[1] ??
    /^error initializing configuration '[^']*': (.*)$/.exec(fatal.text)?.[1] ??
    /^error `(.*)` initializing config '.*'$/.exec(fatal.text)?.[1] ??
    fatal.text;
  const said = [...filterErrors(entries), inner.trim()].join("; ");
  const isSudden = critical.some(({ component }) => component === "assert" || component === "backtrace");
  const advice = isSudden ? ADVICE.find(([sign]) => sign.test(fatal.text))?.[1] : undefined;
  return advice === undefined ? said : `${said}: ${advice}`;
}

/**
 * The entries that came after `before` was read. Only a log's last lines are kept, so its length
 * cannot serve as a mark.
 */
export function newerPart(before: string, now: string): string {
  if (before !== "" && now.startsWith(before)) return now.slice(before.length);
  const tail = before.split("\n").slice(-3).join("\n");
  const at = tail === "" ? -1 : now.lastIndexOf(tail);
  return at < 0 ? now : now.slice(at + tail.length);
}

/**
 * Why Envoy refused the last settings that it got: what the filter wrote at error level on the
 * thread that decided, otherwise Envoy's own sentence. `undefined` while the log has no refusal.
 */
export function refusalReason(log: string): string | undefined {
  const entries = parseEntries(log);
  const at = entries.findLastIndex((entry) => refusal.test(entry.text));
  const refused = entries[at];
  if (!refused) return undefined;
  const start = entries.slice(0, at).findLastIndex((entry) => refusal.test(entry.text)) + 1;
  const ofThread = entries.slice(start, at).filter((entry) => entry.thread === refused.thread);
  const written = filterErrors(ofThread);
  if (written.length > 0) return written.join("; ");
  return unparsed.exec(refused.text)?.[1] ?? refusal.exec(refused.text)?.[1] ?? refused.text;
}

const resources = /^(?:REST config for \S+ rejected|REST config update rejected): (.*)$/;

/** Why Envoy refused clusters or routes; undefined while the log has no such refusal. */
export function resourceRefusal(log: string): string | undefined {
  const refused = parseEntries(log).findLast((entry) => resources.test(entry.text));
  if (refused === undefined) return undefined;
  return unparsed.exec(refused.text)?.[1] ?? resources.exec(refused.text)?.[1];
}

/** An address in a backtrace, which says nothing without the symbols. */
const address = /\]\[(?:backtrace|envoy_bug)\] (?:\[[^\]]*\] )?#\d+:? .*\[0x/;

/**
 * The last `count` lines that say something, for the details of an error; an empty log has none.
 */
export function lastLines(log: string, count: number): string[] {
  const lines = log.trimEnd().split("\n");
  return log.trim() === "" ? [] : lines.filter((line) => !address.test(line)).slice(-count);
}
