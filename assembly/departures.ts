// Tells an observer that a stream, connection or root is gone. The observer is a function that is
// set only when it is needed, so that a filter that makes no calls does not carry the code that
// forgets them.

/** Is called for every context that goes. */
export type DepartureObserver = (id: u32) => void;

let observer: DepartureObserver | null = null;

/** Sets the observer. */
export function observeDepartures(observe: DepartureObserver): void {
  observer = observe;
}

/** For the dispatcher: the context with that number is gone. */
export function departed(id: u32): void {
  const observe = observer;
  if (observe) observe(id);
}
