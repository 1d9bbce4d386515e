// retry-budget: retries of Envoy's router are at most a share of the requests.

import {
  Bytes,
  HttpContext,
  LogLevel,
  log,
  PluginAttributes,
  RootContext,
  randomBytes,
  registerRootContext,
} from "../../assembly";
import { Config } from "../../assembly/config";
import { sharedSeed } from "../../assembly/rules";
import { Attempt } from "./attempt";
import { RetryBudgetConfig } from "./config";
import { Plugin } from "./plugin";
import { Request } from "./request";

export {
  malloc,
  proxy_abi_version_0_2_1,
  proxy_on_configure,
  proxy_on_tick,
} from "../../assembly/exports/plugin";
export {
  proxy_on_context_create,
  proxy_on_delete,
  proxy_on_request_headers,
  proxy_on_response_headers,
} from "../../assembly/exports/stream";

const PLUGIN_NAME = PluginAttributes.pluginName();
const ROOT_ID = PluginAttributes.rootId();

@final
class RetryBudgetRoot extends RootContext {
  private plugin: Plugin | null = null;

  override onConfigure(configuration: Bytes): bool {
    const document = Config.parse(configuration);
    const config = new RetryBudgetConfig(document.root);
    if (document.failed) {
      log(LogLevel.Error, "retry-budget: configuration refused: " + document.error);
      return false;
    }
    const name = textOf(PLUGIN_NAME.read()) + "/" + textOf(ROOT_ID.read());
    const vm = load<u64>(randomBytes(8));
    const secret = sharedSeed();
    for (let i = 0; i < config.budgets.length; i++) config.budgets[i].open(name, vm, secret);
    this.plugin = new Plugin(this, config, name);
    return true;
  }

  override createHttpContext(): HttpContext {
    const plugin = this.plugin!;
    return plugin.config.isDownstream ? new Request(plugin) : new Attempt(plugin);
  }
}

function textOf(bytes: Bytes | null): string {
  return bytes ? bytes.toString() : "";
}

registerRootContext((id: u32) => new RetryBudgetRoot(id));
