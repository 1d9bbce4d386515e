// Which plugin a callback is about when the host does not say so: several plugins that share a VM
// are told apart by name.

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
 * The newest root that serves streams and has the name of the current stream's plugin, or `null`. A
 * root whose configuration was refused serves none. One host call.
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
