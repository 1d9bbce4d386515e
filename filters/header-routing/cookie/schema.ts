// What the cookie of a split may be. The module's own parser is `config.ts`.

import { z } from "zod";
import { HEADER_NAME_MARKS } from "../../../assembly/text/limits.js";
import { has, inJsonSchema, needs } from "../../shared/json-schema.js";
import { duration, millisecondsOf, shownDuration } from "../../shared/rule-schema.js";
import { text } from "../../shared/text-schema.js";
import {
  COOKIE_PATH,
  HOST_PREFIX,
  MAX_COOKIE_AGE_MS,
  MAX_COOKIE_NAME_SIZE,
  MAX_COOKIE_PATH_SIZE,
  MAX_DOMAIN_SIZE,
  MAX_SECRET_SIZE,
  MAX_SECRETS,
  MIN_COOKIE_AGE_MS,
  MIN_SECRET_SIZE,
  SAME_SITE,
  SECURE_PREFIX,
  VISITOR_COOKIE,
} from "../limits.js";

const [DEFAULT_SAME_SITE = "", , FOR_SECURE_ONLY] = SAME_SITE;
const SECOND_MS = MIN_COOKIE_AGE_MS;
const PART = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?";

/** Browsers drop a cookie for requests from other sites that is not secure. */
const isSecureEnough = inJsonSchema(
  ({ sameSite, secure }: { readonly sameSite?: string | undefined; readonly secure?: boolean | undefined }) =>
    sameSite !== FOR_SECURE_ONLY || secure === true,
  { anyOf: [{ not: has("sameSite", { const: FOR_SECURE_ONLY }) }, has("secure", { const: true })] },
);
const startsInAnyCase = (name: string, prefix: string) => name.toLowerCase().startsWith(prefix);

export const splitCookie = z
  .strictObject({
    name: z
      .string()
      .regex(
        new RegExp(`^[A-Za-z0-9${HEADER_NAME_MARKS}]{1,${MAX_COOKIE_NAME_SIZE}}$`),
        `must be a token: 1 to ${MAX_COOKIE_NAME_SIZE} letters, digits and ${HEADER_NAME_MARKS}`,
      )
      .optional()
      .describe(`Default ${VISITOR_COOKIE}.`),
    path: text(1, MAX_COOKIE_PATH_SIZE)
      .regex(/^\/[!-:<-~]*$/, "must begin with '/' and have no ';', blank or byte beyond ASCII")
      .optional()
      .describe(`Below which path clients send it. Default ${COOKIE_PATH}`),
    domain: text(1, MAX_DOMAIN_SIZE)
      .regex(
        new RegExp(`^${PART}(\\.${PART})*$`),
        "must be a host's name in small letters, without a dot before it",
      )
      .optional()
      .describe("The hosts that get it: this one and all below it. Default: only the host that was asked."),
    maxAge: duration(shownDuration(MIN_COOKIE_AGE_MS), shownDuration(MAX_COOKIE_AGE_MS))
      .refine((age) => (millisecondsOf(age) ?? 0) % SECOND_MS === 0, "must be whole seconds")
      .optional()
      .describe("How long clients keep it. Default: as long as the browser is open."),
    refresh: z
      .boolean()
      .optional()
      .describe("Sets it again with each response, so that its age begins anew. Default false."),
    sameSite: z.enum(SAME_SITE).optional().describe(`Default ${DEFAULT_SAME_SITE}.`),
    secure: z.boolean().optional().describe("Clients send it over TLS alone. Default false."),
    httpOnly: z.boolean().optional().describe("Scripts of a page do not see it. Default true."),
    secrets: z
      .array(text(MIN_SECRET_SIZE, MAX_SECRET_SIZE))
      .min(1)
      .max(MAX_SECRETS)
      .refine(
        inJsonSchema((secrets: readonly string[]) => new Set(secrets).size === secrets.length, {
          uniqueItems: true,
        }),
        "names a secret twice",
      )
      .optional()
      .describe(
        "Signs it with the first secret, and takes what any of them has signed. Default: a plain one.",
      ),
  })
  .refine(needs("refresh", "maxAge"), { path: ["refresh"], message: "needs 'maxAge'" })
  .refine(isSecureEnough, { path: ["sameSite"], message: `${FOR_SECURE_ONLY} needs 'secure: true'` })
  .superRefine(({ name = VISITOR_COOKIE, path = COOKIE_PATH, domain, secure = false }, context) => {
    const refuse = (message: string) => context.addIssue({ code: "custom", path: ["name"], message });
    const isHost = startsInAnyCase(name, HOST_PREFIX);
    if ((isHost || startsInAnyCase(name, SECURE_PREFIX)) && !secure)
      refuse("with this prefix needs 'secure: true'");
    if (isHost && (domain !== undefined || path !== COOKIE_PATH))
      refuse("with this prefix needs the path / and no domain");
  });

type SplitCookie = z.infer<typeof splitCookie>;

/** The same text for cookies that are set and checked in the same way. */
function settingsOf(cookie: SplitCookie): string {
  const { path = COOKIE_PATH, domain, maxAge, refresh = false, secrets = [] } = cookie;
  const { sameSite = DEFAULT_SAME_SITE, secure = false, httpOnly = true } = cookie;
  const age = maxAge === undefined ? undefined : millisecondsOf(maxAge);
  return JSON.stringify([path, domain, age, refresh, sameSite, secure, httpOnly, secrets]);
}

interface CookieRules {
  readonly rules: readonly {
    readonly split?: { readonly cookie?: SplitCookie | undefined } | undefined;
  }[];
}

/** Two settings of one name would replace each other's cookies again and again. */
export function refuseUnlikeCookies({ rules }: CookieRules, context: z.RefinementCtx): void {
  const known = new Map<string, string>();
  rules.forEach(({ split }, i) => {
    const cookie = split?.cookie;
    if (cookie === undefined) return;
    const { name = VISITOR_COOKIE } = cookie;
    const settings = settingsOf(cookie);
    const first = known.get(name) ?? settings;
    known.set(name, first);
    if (first === settings) return;
    const message = "must be like the cookie of this name in a rule before";
    context.addIssue({ code: "custom", path: ["rules", i, "split", "cookie"], message });
  });
}
