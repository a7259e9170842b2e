import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { Cell, type Watch } from '../base/watch.ts';
import { BlockingQuery } from './blocking-query.ts';
import type { ConsulAnswer, ConsulApi } from './consul-api.ts';
import type { KvDocument, KvSource } from './kv.ts';

/**
 * Keys of Consul's KV store, read through the leader: a configuration that flips back because another server is a
 * second behind would be worse than one that arrives a second later.
 *
 * A key that vanishes is published as such (`text: null`); what absence means is for the consumer to say.
 */
export class ConsulKv implements KvSource {
  constructor(
    private readonly api: ConsulApi,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly waitMs?: number,
  ) {}

  follow(key: string, signal: AbortSignal): Watch<KvDocument> {
    const cell = new Cell<KvDocument>(this.clock);
    const poll = new BlockingQuery<ConsulAnswer<KvDocument>>(
      (request, ends) => this.api.kv(key, { ...request, mode: 'leader' }, ends),
      {
        onAnswer: (answer) => cell.set(answer.value),
        onUnchanged: () => cell.confirm(),
        onPollProblem: (problem) => cell.fail(problem),
      },
      this.clock,
      this.random,
      (sinceMs) => this.api.hasNewToken(sinceMs),
      this.waitMs,
    );
    void poll.run(signal);
    return cell;
  }
}
