// Which plugin a callback is about, where the host was not asked to say so: by the plugin's name,
// when several share a VM.

import { RootContext } from "./context";
import { rootAt, rootCount } from "./dispatcher";
import { PluginAttributes } from "./host/attributes/configuration";

const PLUGIN_NAME = PluginAttributes.pluginName();

/** Remembers the name of the plugin whose configuration is being read. */
export function rememberName(root: RootContext): void {
  const name = PLUGIN_NAME.read();
  if (name) root.pluginName = name.copy();
}

/**
 * The newest root that serves streams and has the name of the plugin that the current stream
 * belongs to, or `null`. A root whose configuration was refused serves none. One host call.
 */
export function rootByName(): RootContext | null {
  const name = PLUGIN_NAME.read();
  if (!name) return null;
  for (let i = rootCount() - 1; i >= 0; i--) {
    const root = rootAt(i);
    if (root.pluginName.equals(name) && root.sharedHttpContext()) return root;
  }
  return null;
}
