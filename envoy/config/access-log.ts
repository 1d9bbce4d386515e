// The access log: one line of JSON for each request.
import { type TypedConfig, typedConfig } from "./typed-config.js";

export interface AccessLogOptions {
  /**
   * The file, as Envoy sees it; its folder must exist. Envoy writes every ten seconds, or when told
   * to reopen its logs. Default: standard output.
   */
  readonly path?: string;
  /** From the name of a field to Envoy's command for it, such as `%RESPONSE_CODE%`. */
  readonly fields: Readonly<Record<string, string>>;
}

export interface AccessLog {
  readonly name: string;
  readonly typed_config: TypedConfig;
}

/** An access log of JSON lines in a file, or on standard output. */
export function accessLog({ path, fields }: AccessLogOptions): AccessLog {
  const log_format = { json_format: fields };
  if (path === undefined) {
    const type = "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
    return { name: "envoy.access_loggers.stdout", typed_config: typedConfig(type, { log_format }) };
  }
  return {
    name: "envoy.access_loggers.file",
    typed_config: typedConfig("envoy.extensions.access_loggers.file.v3.FileAccessLog", { path, log_format }),
  };
}
