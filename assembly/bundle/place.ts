// A filter's place in one direction of a stream.

/** Whether a filter lets its direction go on. */
export enum Iteration {
  Continue,
  /** The next callback may let it go on. */
  StopOne,
  /** It lets nothing go on before it is resumed. */
  StopAll,
}

@final
export class Place {
  iteration: Iteration = Iteration.Continue;
  headersContinued: bool = false;
  /** It returned `StopIterationAndBuffer`: its next body callback sees all that is held. */
  buffering: bool = false;

  reset(): void {
    this.iteration = Iteration.Continue;
    this.headersContinued = false;
    this.buffering = false;
  }
}
