// Writes the pieces of WebAssembly's binary form.

/** An unsigned number in LEB128, in as few bytes as it takes. */
export function u32Bytes(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    bytes.push(rest < 0x80 ? rest : (rest & 0x7f) | 0x80);
    if (rest < 0x80) return Buffer.from(bytes);
  }
}

/** A signed number of at most 32 bits in LEB128. */
export function s32Bytes(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7) {
    const low = rest & 0x7f;
    const isLast = rest >> 6 === 0 || rest >> 6 === -1;
    bytes.push(isLast ? low : low | 0x80);
    if (isLast) return Buffer.from(bytes);
  }
}

/** A text, behind its size. */
export function nameBytes(value: string): Buffer {
  return Buffer.concat([u32Bytes(Buffer.byteLength(value)), Buffer.from(value)]);
}

export function sectionBytes(id: number, content: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([id]), u32Bytes(content.length), content]);
}
