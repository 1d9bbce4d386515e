// Signs the ids of visitors, and checks signatures. A signature is SipHash-2-4 of the id, 64 bits,
// under a key of its own for each secret and name of a cookie.

import { Bytes } from "../../../assembly";
import { sipHash } from "../../../assembly/rules";
import { ID_DIGITS, WORD_DIGITS, writeWord } from "./visitor-id";

export const SIGNATURE_DIGITS: i32 = WORD_DIGITS;

/** The secret and the name that follows it, between which this byte stands. */
const SEPARATOR: u8 = 0;

/** Keys of SipHash by which its two halves become independent keys of a secret. */
const FIRST_HALF: u64 = 0x6d65736877726967;
const SECOND_HALF: u64 = 0x68742d636f6f6b69;

/** No secret has signed it. */
export const UNSIGNED: i32 = -1;

@final
export class Signer {
  private readonly keys: StaticArray<u64>;
  private readonly id: Bytes = new Bytes(0, ID_DIGITS);
  private readonly text: Bytes = Bytes.owned(SIGNATURE_DIGITS);

  /**
   * @param secrets the first signs, and what any of them has signed is good
   * @param name the cookie's
   */
  constructor(
    readonly secrets: StaticArray<Bytes>,
    name: Bytes,
  ) {
    this.keys = new StaticArray<u64>(2 * secrets.length);
    for (let i = 0; i < secrets.length; i++) {
      const material = joined(secrets[i], name);
      this.keys[2 * i] = sipHash(FIRST_HALF, SECOND_HALF, material);
      this.keys[2 * i + 1] = sipHash(SECOND_HALF, FIRST_HALF, material);
    }
  }

  /** The signature of the id that begins there; valid until the next one is made. */
  sign(id: usize): Bytes {
    return this.signedBy(0, id);
  }

  /**
   * The number of the secret that has signed the id, or `UNSIGNED`. The time that it takes says
   * nothing about a right signature.
   * @param id where the id begins
   * @param signature where `SIGNATURE_DIGITS` bytes begin
   */
  signerOf(id: usize, signature: usize): i32 {
    for (let i = 0; i < this.secrets.length; i++) {
      if (areEqual(this.signedBy(i, id), signature)) return i;
    }
    return UNSIGNED;
  }

  private signedBy(secret: i32, id: usize): Bytes {
    this.id.ptr = id;
    const key0 = unchecked(this.keys[2 * secret]);
    const key1 = unchecked(this.keys[2 * secret + 1]);
    writeWord(this.text.ptr, sipHash(key0, key1, this.id));
    return this.text;
  }
}

function joined(secret: Bytes, name: Bytes): Bytes {
  const text = Bytes.owned(secret.size + 1 + name.size);
  memory.copy(text.ptr, secret.ptr, secret.size);
  store<u8>(text.ptr + secret.size, SEPARATOR);
  memory.copy(text.ptr + secret.size + 1, name.ptr, name.size);
  return text;
}

/** Compares all bytes, wherever the first difference is. */
function areEqual(signature: Bytes, with_: usize): bool {
  let difference: u8 = 0;
  for (let i = 0; i < signature.size; i++) difference |= signature.at(i) ^ load<u8>(with_ + i);
  return difference == 0;
}
