// Tar archives that depend on nothing but the names and bytes of their files.

import { packTar } from "modern-tar";

/** A file of an archive. */
export interface TarFile {
  /** Its path, with `/` between folders. */
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** The same bytes on every machine: the epoch as time, no owner, mode 0644, files in this order. */
export function tarOf(files: readonly TarFile[]): Promise<Uint8Array> {
  return packTar(
    files.map(({ name, bytes }) => ({
      header: {
        name,
        size: bytes.length,
        type: "file" as const,
        mode: 0o644,
        uid: 0,
        gid: 0,
        uname: "",
        gname: "",
        mtime: new Date(0),
      },
      body: bytes,
    })),
  );
}
