// The package has no types of its own; this is what `lock.ts` uses of it.

declare module "fs-native-extensions" {
  /**
   * Takes the kernel's exclusive lock of an open file; false where another open file has it. The
   * lock goes when the descriptor is closed, and so at the latest when the process ends.
   */
  export function tryLock(fd: number): boolean;
}
