// Signatures, made and checked by Envoy's own library.

import { Bytes } from "../text/bytes";
import { ProtobufReader, ProtobufWriter } from "../text/protobuf";
import { callForeignFunction } from "./foreign";

/** The result of checking a signature. */
export enum SignatureOutcome {
  Valid = 0,
  /**
   * The signature does not match that key and text; or the key cannot be read, or the hash function
   * is unknown.
   */
  Invalid = 1,
  /** The key is empty, or the host has no such function. */
  Refused = 2,
}

/**
 * Checks a signature: PKCS #1 v1.5 of an RSA key, ECDSA in DER of an elliptic-curve key. Allocates.
 * @param hashFunction `sha1`, `sha224`, `sha256`, `sha384` or `sha512`
 * @param publicKey in DER: a `SubjectPublicKeyInfo`
 */
export function verifySignature(
  hashFunction: string,
  publicKey: Bytes,
  signature: Bytes,
  text: Bytes,
): SignatureOutcome {
  const argument = new ProtobufWriter();
  argument.bytes(1, Bytes.of(hashFunction));
  argument.bytes(2, publicKey);
  argument.bytes(3, signature);
  argument.bytes(4, text);
  const value = callForeignFunction("verify_signature", argument.finish()).value;
  if (!value) return SignatureOutcome.Refused;
  return isTrue(value) ? SignatureOutcome.Valid : SignatureOutcome.Invalid;
}

/**
 * Signs a text; `null` if the key cannot be read or the hash function is unknown. Allocates; the
 * signature is valid until the callback ends.
 * @param hashFunction as in `verifySignature`
 * @param privateKey in DER: PKCS #8
 */
export function sign(hashFunction: string, privateKey: Bytes, text: Bytes): Bytes | null {
  const argument = new ProtobufWriter();
  argument.bytes(1, Bytes.of(hashFunction));
  argument.bytes(2, privateKey);
  argument.bytes(3, text);
  const value = callForeignFunction("sign", argument.finish()).value;
  if (!value || !isTrue(value)) return null;
  const reader = new ProtobufReader(value);
  while (reader.next()) {
    if (reader.field == 2) return reader.bytes;
  }
  return null;
}

/** Whether the answer's first field, `result`, is true. */
function isTrue(answer: Bytes): bool {
  const reader = new ProtobufReader(answer);
  while (reader.next()) {
    if (reader.field == 1) return reader.integer != 0;
  }
  return false;
}
