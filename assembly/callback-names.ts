// The callbacks of a stream that a lean build may leave out. The name at place i belongs to bit i
// of `Callback`. Both languages compile this file.

export const STREAM_CALLBACKS = [
  "proxy_on_request_headers",
  "proxy_on_request_body",
  "proxy_on_request_trailers",
  "proxy_on_response_headers",
  "proxy_on_response_body",
  "proxy_on_response_trailers",
  "proxy_on_done",
  "proxy_on_log",
  "proxy_on_context_create",
  "proxy_on_delete",
];
