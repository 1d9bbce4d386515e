// Which plugin a callback is about when the host does not say so: several plugins that share a VM
// are told apart by name.

import { RootContext } from "./context";
import { rootAt, rootCount, soleRoot } from "./dispatcher";
import { PluginAttributes } from "./host/attributes/configuration";
import { Bytes } from "./text/bytes";

const PLUGIN_NAME = PluginAttributes.pluginName();

/** Remembers the name of the plugin whose configuration is being read. */
export function rememberName(root: RootContext): void {
  const name = PLUGIN_NAME.read();
  if (name) root.pluginName = name.copy();
}

/**
 * The root of the current stream, of whose plugin the host has not told, or `null`. No host call
 * where the VM has one plugin, even if it is being configured anew; else one.
 */
export function rootOfStream(): RootContext | null {
  const sole = soleRoot();
  if (sole) return sole;
  const name = haveOneName() ? rootAt(0).pluginName : PLUGIN_NAME.read();
  return name ? newestOf(name) : null;
}

/** Whether all roots are generations of one plugin. One that is not configured yet has no name. */
function haveOneName(): bool {
  if (rootCount() == 0) return false;
  const name = rootAt(0).pluginName;
  if (name.size == 0) return false;
  for (let i = 1; i < rootCount(); i++) {
    if (!rootAt(i).pluginName.equals(name)) return false;
  }
  return true;
}

/** The newest root of that name that serves streams: one that was refused serves none. */
function newestOf(name: Bytes): RootContext | null {
  for (let i = rootCount() - 1; i >= 0; i--) {
    const root = rootAt(i);
    if (root.accepted && root.pluginName.equals(name)) return root;
  }
  return null;
}
