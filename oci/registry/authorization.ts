// Logs in as a registry asks: with the user's password, or with a token that another service gives
// for it. Source: the distribution project, "Token Authentication Specification".

import { z } from "zod";
import { type Challenge, parseChallenges } from "./challenge.js";
import type { Login } from "./docker-config.js";
import { ownWords, registryFailure } from "./errors.js";
import type { Reference } from "./reference.js";
import { type Answer, type Outgoing, resolveLocation } from "./transport.js";

/** What authorizes requests, and how the registry asked for it. */
export interface Authorization {
  /** The value of the header; absent where the registry asks for nothing. */
  readonly value?: string;
  readonly scheme?: "basic" | "bearer";
  /** The `realm` as the registry wrote it. */
  readonly realm?: string;
}

export interface AuthorizationOptions {
  readonly reference: Reference;
  readonly login: Login | undefined;
  /** Sends a request to the token service, with retries. */
  readonly send: (url: URL, outgoing: Outgoing) => Promise<Answer>;
  readonly onProgress?: (line: string) => void;
}

const tokenSchema = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * Answers a 401.
 * @throws MeshwrightError `registry-failed` where the registry wants a login that is not there, or
 * refuses it
 */
export async function authorize(refusal: Answer, options: AuthorizationOptions): Promise<Authorization> {
  const { reference, login } = options;
  const challenges = parseChallenges(refusal.header("www-authenticate") ?? "");
  const bearer = challenges.find(({ scheme }) => scheme === "bearer");
  if (bearer !== undefined) return byToken(refusal.url, bearer, options);
  const basic = challenges.find(({ scheme }) => scheme === "basic");
  if (basic === undefined) {
    throw registryFailure(reference.registry, "it wants a login of a kind that is neither basic nor a token");
  }
  if (login === undefined) throw noLogin(reference);
  if (login.kind !== "password") {
    throw registryFailure(reference.registry, "it wants a password, and the login kept for it is a token");
  }
  return { value: basicValue(login), scheme: "basic", realm: basic.parameters.realm ?? "" };
}

async function byToken(
  from: URL,
  challenge: Challenge,
  options: AuthorizationOptions,
): Promise<Authorization> {
  const { reference, login, send } = options;
  const { realm = "", service } = challenge.parameters;
  const url = resolveLocation(from, realm);
  const wanted = {
    ...(service === undefined ? {} : { service }),
    // What the registry asks for may be more than is needed here.
    scope: `repository:${reference.repository}:pull,push`,
  };
  options.onProgress?.(`asking ${url.host} for a token`);
  const answer = await send(url, tokenRequest(url, wanted, login));
  if (answer.status === 401 || answer.status === 403) {
    if (login === undefined) throw noLogin(reference);
    throw registryFailure(
      reference.registry,
      `${url.host} refuses the login${ownWords(answer.body)}; run \`docker login ${reference.registry}\` again`,
    );
  }
  const token = tokenIn(answer);
  if (token === undefined) {
    throw registryFailure(
      reference.registry,
      `${url.host} gives no token: it answers ${answer.status}${ownWords(answer.body)}`,
    );
  }
  return { value: `Bearer ${token}`, scheme: "bearer", realm };
}

/** Adds the wanted to `url`, or to the body. */
function tokenRequest(
  url: URL,
  wanted: Readonly<Record<string, string>>,
  login: Login | undefined,
): Outgoing {
  if (login?.kind === "identity-token") {
    const form = {
      ...wanted,
      grant_type: "refresh_token",
      client_id: "meshwright",
      refresh_token: login.token,
    };
    return {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: Buffer.from(new URLSearchParams(form).toString()),
    };
  }
  for (const [name, value] of Object.entries(wanted)) url.searchParams.set(name, value);
  return login === undefined ? { method: "GET" } : { method: "GET", authorization: basicValue(login) };
}

function tokenIn({ status, body }: Answer): string | undefined {
  if (status !== 200) return undefined;
  try {
    const { token, access_token } = tokenSchema.parse(JSON.parse(Buffer.from(body).toString("utf8")));
    const found = token || access_token;
    // Anything else cannot stand in a header.
    return found !== undefined && /^[\x21-\x7e]+$/.test(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

function basicValue({ user, password }: Login & { readonly kind: "password" }): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

export function noLogin({ registry }: Reference) {
  return registryFailure(
    registry,
    `it wants a login; run \`docker login ${registry}\`, or set DOCKER_CONFIG to the folder of a config.json`,
  );
}
