import type { Clock } from '../base/clock.ts';
import type { ConsulApi } from './consul-api.ts';
import { describeError } from './consul-error.ts';
import { isDenial } from './rights-answer.ts';

const HERE = { datacenter: null, namespace: null };
/** Rights are given and taken at any time, and no answer tells. */
const ASK_MS = 60_000;
/** Somebody is about to mend it. */
const DENIED_MS = 5_000;
/** Where Consul has no ACLs it would take a restart of all its servers to get them. */
const OPEN_MS = 600_000;

/**
 * Whether the token may read what is followed in KV. Without the right an answer has nothing of it and no mark upon it,
 * as if nobody had ever written anything: the rest would be taken for all there is, and all be called well.
 *
 * It is asked beside the answers, at most once a minute while all is well, and keeps nothing from anybody.
 */
export class KvRights {
  private askAt = 0;
  private isAsking = false;

  constructor(
    private readonly api: Pick<ConsulApi, 'checkRights'>,
    private readonly clock: Clock,
    private readonly keys: readonly string[],
    /** Null: it may. */
    private readonly onKnown: (problem: string | null) => void,
  ) {}

  /** There is an answer. */
  async look(signal: AbortSignal): Promise<void> {
    if (this.keys.length === 0 || this.isAsking || this.clock.now() < this.askAt) return;
    this.isAsking = true;
    try {
      const resources = this.keys.map((name) => ({ kind: 'key', name }) as const);
      const rights = await this.api.checkRights(resources, HERE, signal);
      this.askAt = this.clock.now() + (rights === 'open' ? OPEN_MS : ASK_MS);
      if (!signal.aborted) this.onKnown(null);
    } catch (error) {
      this.askAt = this.clock.now() + (isDenial(error) ? DENIED_MS : ASK_MS);
      // Whatever else it is, the next answer suffers from it too and says so, or this Consul is too old to be asked.
      if (isDenial(error) && !signal.aborted) this.onKnown(describeError(error));
    } finally {
      this.isAsking = false;
    }
  }
}
