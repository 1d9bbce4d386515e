// The package has no types of its own. These are for what `lock.ts` uses.

declare module "fs-native-extensions" {
  /**
   * Takes the kernel's exclusive lock of an open file; false where another open file has it. The
   * lock ends when the descriptor is closed, at the latest when the process ends.
   */
  export function tryLock(fd: number): boolean;
}
