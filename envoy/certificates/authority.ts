// Makes certificates: an authority, and what it signs. Keys are on the curve P-256, which every
// stock Envoy takes.

import { createPrivateKey, randomBytes, webcrypto } from "node:crypto";
import { certificateLibrary } from "./library.js";

const KEY = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** A certificate and its key, both in PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

/** From when to when a certificate is valid, in milliseconds since 1970; whole seconds count. */
export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface CertificateNames {
  /** Common name, up to 64 characters. */
  readonly name: string;
  readonly uris?: readonly string[];
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
}

/** Makes an authority that signs certificates of servers and clients, but no other authority. */
export async function makeAuthority(name: string, validity: Validity): Promise<KeyPair> {
  const x509 = await certificateLibrary();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: [{ CN: [name] }],
    ...dates(validity),
    signingAlgorithm: KEY,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pem(certificate.toString("pem")), key: await exported(keys.privateKey) };
}

/** Makes a key, and signs a certificate for a server and a client of these names. */
export async function issueCertificate(
  authority: KeyPair,
  names: CertificateNames,
  validity: Validity,
): Promise<KeyPair> {
  const x509 = await certificateLibrary();
  const issuer = new x509.X509Certificate(authority.certificate);
  const keys = await newKeys();
  const { uris = [], hosts = [], addresses = [] } = names;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: [names.name] }],
    issuer: issuer.subjectName,
    ...dates(validity),
    signingAlgorithm: KEY,
    publicKey: keys.publicKey,
    signingKey: await imported(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension([
        ...uris.map((value) => ({ type: "url" as const, value })),
        ...hosts.map((value) => ({ type: "dns" as const, value })),
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
    ],
  });
  return { certificate: pem(certificate.toString("pem")), key: await exported(keys.privateKey) };
}

function newKeys() {
  return webcrypto.subtle.generateKey(KEY, true, ["sign", "verify"]);
}

/** The first bit is 0, or the number would be negative; with the second it has 16 bytes. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes.writeUInt8(((bytes[0] ?? 0) & 0x7f) | 0x40, 0);
  return bytes.toString("hex");
}

function dates({ notBefore, notAfter }: Validity) {
  return { notBefore: new Date(notBefore), notAfter: new Date(notAfter) };
}

function pem(text: string): string {
  return text.endsWith("\n") ? text : `${text}\n`;
}

async function exported(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  const object = createPrivateKey({ key: bytes, format: "der", type: "pkcs8" });
  return object.export({ format: "pem", type: "pkcs8" }).toString();
}

function imported(key: string): Promise<webcrypto.CryptoKey> {
  const bytes = createPrivateKey(key).export({ format: "der", type: "pkcs8" });
  return webcrypto.subtle.importKey("pkcs8", bytes, KEY, false, ["sign"]);
}
