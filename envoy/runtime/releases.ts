// The stock Envoy releases that meshwright fetches and is tested on, with the checksum of each
// wheel.

/** The release that is fetched unless `$ENVOY_VERSION` names another. */
export const defaultEnvoyVersion = "1.39.3";

export type WheelPlatform = "macosx_15_0_arm64" | "manylinux_2_31_aarch64" | "manylinux_2_31_x86_64";

/** SHA-256 of each wheel, in hexadecimal, by version and platform. */
export type EnvoyReleases = Readonly<Record<string, Readonly<Record<WheelPlatform, string>>>>;

/**
 * All are clean release builds with V8. Not every published wheel is: 1.38.3 is neither clean nor
 * has V8.
 */
export const envoyReleases: EnvoyReleases = {
  "1.36.4": {
    macosx_15_0_arm64: "c2db4ce7214ac9a32e45127c419f4db30a0ab0039885ba4e111d581e6edff9aa",
    manylinux_2_31_aarch64: "05b06a19c4f6499c752f1a5a034a02752f0cdbd0422c3d8eb515237a36e82cd2",
    manylinux_2_31_x86_64: "86dfc14ae7fad32de3b3ace54fbd400187c3b4fd6731781ff5bc633fa133f3f9",
  },
  "1.39.3": {
    macosx_15_0_arm64: "6934b8d3109c03bf60c81a6a3085033e5168f66fac105b4899a3b0516ecae900",
    manylinux_2_31_aarch64: "2c624b8623c132e05f6f615f2e34b34fcdd1fdd0aaef065b3af55697178d2a50",
    manylinux_2_31_x86_64: "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6",
  },
  "1.40.0": {
    macosx_15_0_arm64: "985ac86c585204f80c4824adc9dba261511c83164c466a2f29ab5f150deddeaf",
    manylinux_2_31_aarch64: "55828002a71f9bd4034650df412feafbce419c33d2687aaaa8c742a856ae07ea",
    manylinux_2_31_x86_64: "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
  },
};

/**
 * The wheel's platform tag for Node's names of system and processor; `undefined` where there is no
 * wheel.
 */
export function wheelPlatform(
  platform: NodeJS.Platform,
  arch: NodeJS.Architecture,
): WheelPlatform | undefined {
  switch (`${platform}/${arch}`) {
    case "linux/x64":
      return "manylinux_2_31_x86_64";
    case "linux/arm64":
      return "manylinux_2_31_aarch64";
    case "darwin/arm64":
      return "macosx_15_0_arm64";
  }
  return undefined;
}
