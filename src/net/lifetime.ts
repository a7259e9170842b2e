import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Fields } from '../http/fields.ts';
import type { ConnectionOptions } from './connection-options.ts';
import type { IdleLimit } from './idle-limit.ts';
import { keepAliveMs } from './keep-alive.ts';

/** Up to a fifth less than may be, at random: connections that were opened together must not end together. */
const JITTER = 0.2;
const NEVER = Number.POSITIVE_INFINITY;
const WITHOUT_END = 2 ** 30;

/**
 * How much of the life of one connection is left: by its age, by its requests, and, while it rests, by the patience of
 * its endpoint. Instants are fields and no results, which would be put on the heap for each request.
 */
export class Lifetime {
  restedAt = 0;
  /** It rests until then, if nobody wants it. */
  restsUntil = NEVER;
  /** How long it may rest by what its endpoint said; `Infinity` when it said nothing. */
  private toldMs = NEVER;
  private hasBeenTold = false;
  private endsAt = NEVER;
  private usesLeft = WITHOUT_END;
  private isCounted = false;

  /** It is open from now on. */
  begin({ maxAgeMs, maxRequests }: ConnectionOptions, random: Random, now: number): void {
    if (maxAgeMs > 0) this.endsAt = now + maxAgeMs * (1 - JITTER * random.next());
    if (maxRequests > 0) this.usesLeft = Math.ceil(maxRequests * (1 - JITTER * random.next()));
    this.isCounted = maxRequests > 0;
  }

  /** A request goes onto it. */
  use(): void {
    if (this.isCounted) this.usesLeft -= 1;
  }

  /** The `Keep-Alive` of an answer. Only the first is read: endpoints say the same in each. */
  learn(head: Fields, limit: IdleLimit): void {
    if (this.hasBeenTold) return;
    this.hasBeenTold = true;
    const keepAlive = head.get('keep-alive');
    this.toldMs = limit.told(keepAlive === null ? -1 : keepAliveMs(keepAlive));
  }

  /** Null while another request may go onto it; else why not. */
  overBy(now: number): 'age' | 'requests' | 'idle' | null {
    if (this.usesLeft <= 0) return 'requests';
    if (now >= this.endsAt) return 'age';
    return this.toldMs > 0 ? null : 'idle';
  }

  /** Nothing is on it. Null: it rests from now on, until `restsUntil`; else the reason why it may not. */
  rest(limit: IdleLimit, clock: Clock): 'age' | 'requests' | 'idle' | null {
    const now = clock.now();
    limit.look(now);
    this.restedAt = now;
    this.restsUntil = Math.min(now + Math.min(this.toldMs, limit.ms), this.endsAt);
    return this.overBy(now);
  }

  /** Would its endpoint still wait for a request? The limit may have become less since it came to rest. */
  isLendable(limit: IdleLimit, now: number): boolean {
    return now < this.restsUntil && now - this.restedAt < limit.ms;
  }
}
