// Reads how a registry wants to be asked. Source: RFC 9110, section 11.6.1.

export interface Challenge {
  /** In lower case. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const TOKEN = String.raw`[!#$%&'*+.^_\`|~\w-]+`;
const QUOTED = String.raw`"((?:[^"\\]|\\.)*)"`;
const PARAMETER = String.raw`(${TOKEN})\s*=\s*(?:${QUOTED}|(${TOKEN}))`;
const NEXT = new RegExp(String.raw`[\s,]*(?:${PARAMETER}|(${TOKEN})(?=\s|,|$))`, "y");

/** The challenges of a `WWW-Authenticate` header, in order. What follows a mistake is lost. */
export function parseChallenges(header: string): readonly Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  NEXT.lastIndex = 0;
  for (let match = NEXT.exec(header); match !== null; match = NEXT.exec(header)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (name !== undefined) {
      const last = found.at(-1);
      if (last !== undefined)
        last.parameters[name.toLowerCase()] = quoted?.replaceAll(/\\(.)/g, "$1") ?? plain ?? "";
    }
  }
  return found;
}
