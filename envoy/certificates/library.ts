// The library that makes certificates, loaded where one is made: most commands never need it.

/** Its decorators need the polyfill, which must be there before it. */
export async function certificateLibrary() {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}
