import { type Clock, Timer } from './clock.ts';

/** Waits on the given clock. Ends early, without an error, when the signal aborts: callers look at the signal. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = new Timer({ onTimer: () => done() });
    const done = (): void => {
      clock.disarm(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    clock.arm(timer, clock.now() + ms);
  });
}
