// Strict configuration: JSON whose every key is checked, and what its values are made of.

export { Config, ConfigNode } from "./text/config";
export { parseDuration, parseDurationOr } from "./text/duration";
export { isHeaderName } from "./text/header-name";
export { isHeaderValue } from "./text/header-value";
export { hasRepeat, parseLabel } from "./text/label";
export { parseBody, parseContentType, parseHeaderValue, parseReplyHeader } from "./text/reply-config";
