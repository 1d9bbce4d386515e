// A request's path as Envoy's `normalize_path` rewrites it.

const DOT = /^(\.|%2e)$/i;
const TWO_DOTS = /^(\.|%2e){2}$/i;

/** Escapes of characters that need none. */
const NEEDLESS = /%(2d|2e|3[0-9]|4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae])/gi;

/**
 * Removes `.`, `..` and needless escapes from the path, and turns `\` into `/`. Returns undefined
 * when Envoy answers 400: for text that is not a path, or a path with a fragment.
 */
export function normalPath(path: string): string | undefined {
  if (path === "*") return path;
  if (!path.startsWith("/") || path.includes("#")) return undefined;
  if (!path.includes(".") && !path.includes("%") && !path.includes("\\")) return path;
  const at = path.indexOf("?");
  const query = at < 0 ? "" : path.slice(at);
  const parts = (at < 0 ? path : path.slice(0, at)).replaceAll("\\", "/").split("/").slice(1);
  const kept: string[] = [];
  parts.forEach((part, i) => {
    const isLast = i === parts.length - 1;
    if (TWO_DOTS.test(part)) kept.pop();
    else if (!DOT.test(part)) {
      kept.push(part.replaceAll(NEEDLESS, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16))));
    }
    if (isLast && (TWO_DOTS.test(part) || DOT.test(part))) kept.push("");
  });
  return `/${kept.join("/")}${query}`;
}
