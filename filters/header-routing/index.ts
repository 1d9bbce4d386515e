// header-routing: writes the destination of a request into a header that Envoy's routes match, and
// does what the rule says beside that, or in its place.

import { Callback, FilterRoot, HttpContext, registerRootContext } from "../../assembly";
import { ConfigNode } from "../../assembly/config";
import { HeaderRoutingConfig } from "./config";
import { Plugin } from "./plugin";
import { HeaderRoutingStream } from "./stream";

export {
  left_out_callbacks,
  malloc,
  needed_callbacks,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

@final
class HeaderRoutingRoot extends FilterRoot<HeaderRoutingConfig, Plugin> {
  override parse(root: ConfigNode): HeaderRoutingConfig {
    return new HeaderRoutingConfig(root);
  }

  /** A redirect and an answer of the filter's own pass as responses, and need nothing of them. */
  override neededCallbacks(config: HeaderRoutingConfig): u32 {
    if (!config.changesResponses) return Callback.RequestHeaders;
    return Callback.RequestHeaders | Callback.ResponseHeaders | Callback.Delete;
  }

  override accept(config: HeaderRoutingConfig): Plugin {
    return new Plugin(config);
  }

  /** Where no response is changed, nothing is kept for a stream. */
  override sharedContext(plugin: Plugin): HttpContext | null {
    return plugin.config.changesResponses ? null : new HeaderRoutingStream(plugin);
  }

  override streamContext(plugin: Plugin): HttpContext {
    return new HeaderRoutingStream(plugin);
  }
}

registerRootContext((id: u32) => new HeaderRoutingRoot(id, "header-routing"));
