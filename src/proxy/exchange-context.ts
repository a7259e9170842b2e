import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { ProxyObserver } from './observer.ts';

/** What all exchanges of a process share. */
export interface ExchangeContext {
  readonly clock: Clock;
  readonly random: Random;
  /** Tells this sidecar's requests from all others; 16 hex digits. */
  readonly instanceId: string;
  readonly observer: ProxyObserver;
}
