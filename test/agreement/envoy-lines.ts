// The lines that filters wrote into Envoy's log.

export interface EnvoyLine {
  readonly thread: string;
  readonly plugin: string;
  readonly text: string;
}

// For a plugin's root context Envoy names the root and the VM, but not the plugin, so the probe
// adds its own name.
const LINE = /^\[[^\]]*\]\[(\d+)\]\[\w+\]\[wasm\] \[[^\]]*\] wasm log [^»]*» (\S+) (.*)$/;
const MAIN = /^\[[^\]]*\]\[(\d+)\]\[\w+\]\[main\] /;

/**
 * The lines that filters wrote, in the order of the log. Before them comes one line of Envoy's main
 * thread.
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

/** The thread that starts plugins but serves no request. */
export function mainThread(lines: readonly EnvoyLine[]): string {
  return lines[0]?.thread ?? "";
}
