// A compose project as it is planned, before it is written.

/** A service of a compose file, as far as it is written here. */
export type ComposeService = Readonly<Record<string, unknown>>;

/** A service, or what many have in common. */
export interface Part {
  /** The name of what it has in common with others. */
  readonly like?: string;
  readonly own: ComposeService;
  /** Tags of compose, by keys of `own`: what an override takes away or replaces. */
  readonly tags?: Readonly<Record<string, "!reset" | "!override">>;
}

export interface ComposeProject {
  /** Absent where the mesh is an override of someone's project. */
  readonly name?: string;
  /** What many services have in common, by the names of the anchors. */
  readonly shared: Readonly<Record<string, Part>>;
  readonly services: Readonly<Record<string, Part>>;
  readonly networks: Readonly<Record<string, object>>;
}
