import type { Clock } from '../../base/clock.ts';
import { sleep } from '../../base/sleep.ts';
import { DemoError } from './demo-error.ts';

const STEP_MS = 30;

/**
 * Asks again and again until there is an answer that is not null. Throws the signal's reason, or what did not happen.
 */
export async function waitFor<T>(
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
  withinMs: number,
  wish: string,
  ask: () => T | null | Promise<T | null>,
): Promise<T> {
  const until = clock.now() + withinMs;
  for (;;) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== null) return answer;
    if (clock.now() > until) throw new DemoError(`${wish}: not within ${Math.round(withinMs / 1000)} s`);
    await sleep(clock, STEP_MS, signal);
  }
}
