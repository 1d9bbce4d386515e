// Who wants to know that a stream, connection or root is gone. A function, set only when it is
// needed, so that a filter that makes no calls does not carry the code that forgets them.

/** Is told of every context that goes. */
export type DepartureObserver = (id: u32) => void;

let observer: DepartureObserver | null = null;

/** Names the one who is told. */
export function observeDepartures(observe: DepartureObserver): void {
  observer = observe;
}

/** For the dispatcher: the context of that number is gone. */
export function departed(id: u32): void {
  const observe = observer;
  if (observe) observe(id);
}
