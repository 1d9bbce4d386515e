// Lines that filters wrote, out of Envoy's log.

export interface EnvoyLine {
  readonly thread: string;
  readonly plugin: string;
  readonly text: string;
}

// Of a plugin's root context Envoy names the root and the VM, not the plugin: the probe says its
// name itself.
const LINE = /^\[[^\]]*\]\[(\d+)\]\[\w+\]\[wasm\] \[[^\]]*\] wasm log [^»]*» (\S+) (.*)$/;
const MAIN = /^\[[^\]]*\]\[(\d+)\]\[\w+\]\[main\] /;

/**
 * Lines of the log that filters wrote, in the order of the log. The first is Envoy's own, of the
 * main thread.
 */
export function envoyLines(log: string): readonly EnvoyLine[] {
  const lines: EnvoyLine[] = [];
  for (const line of log.split("\n")) {
    const [, thread = "", plugin = "", text = ""] = LINE.exec(line) ?? [];
    if (thread !== "") lines.push({ thread, plugin, text });
    else if (lines.length === 0) {
      const [, main] = MAIN.exec(line) ?? [];
      if (main !== undefined) lines.push({ thread: main, plugin: "", text: "" });
    }
  }
  return lines;
}

/** The thread that only starts plugins and serves no request. */
export function mainThread(lines: readonly EnvoyLine[]): string {
  return lines[0]?.thread ?? "";
}
