import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { BlockingQuery, type PollAnswer } from './blocking-query.ts';
import type { ConsulApi } from './consul-api.ts';

/** What Consul's config entries come to for one service, as its JSON. */
export interface FollowedChain {
  readonly service: string;
  readonly json: string;
}

/** Each is a connection to the agent for as long as the service is called. */
export const MAX_CHAINS = 100;

type Api = Pick<ConsulApi, 'discoveryChain' | 'hasNewToken'>;

interface Answer extends PollAnswer {
  readonly value: string;
}

/** One service on its way. */
interface Follower {
  readonly ends: AbortController;
  json: string | null;
  problem: string | null;
}

/**
 * The discovery chains of some services, by a blocking query for each. Errors leave the last answer standing: config
 * entries that held a moment ago are a better guess than none.
 */
export class ChainSource {
  private readonly followers = new Map<string, Follower>();
  private left = 0;
  private chains: readonly FollowedChain[] = [];

  constructor(
    private readonly api: Api,
    private readonly clock: Clock,
    private readonly random: Random,
    /** `problem`: why some cannot be asked for, or null. The list is another one only when it says something else. */
    private readonly onChange: (chains: readonly FollowedChain[], problem: string | null) => void,
    private readonly signal: AbortSignal,
  ) {
    signal.addEventListener('abort', () => this.follow([]), { once: true });
  }

  /** These from now on. What was known of others is forgotten. */
  follow(services: Iterable<string>): void {
    const all = this.signal.aborted ? [] : [...new Set(services)].sort();
    const wanted = new Set(all.slice(0, MAX_CHAINS));
    this.left = all.length - wanted.size;
    const gone = [...this.followers].filter(([service]) => !wanted.has(service));
    for (const [service, follower] of gone) {
      this.followers.delete(service);
      follower.ends.abort();
    }
    for (const service of wanted) if (!this.followers.has(service)) this.start(service);
    if (gone.some(([, { json }]) => json !== null)) this.publish();
  }

  private start(service: string): void {
    const follower: Follower = { ends: new AbortController(), json: null, problem: null };
    this.followers.set(service, follower);
    const poll = new BlockingQuery<Answer>(
      async (request, signal) => {
        const { value, index, print } = await this.api.discoveryChain(service, { ...request, mode: 'stale' }, signal);
        return { value, index, print };
      },
      {
        onAnswer: ({ value }) => this.take(follower, value),
        onUnchanged: () => this.take(follower, follower.json),
        onPollProblem: (problem) => {
          follower.problem = `${service}: ${problem}`;
          this.tell();
        },
      },
      this.clock,
      this.random,
      (sinceMs) => this.api.hasNewToken(sinceMs),
    );
    void poll.run(follower.ends.signal);
  }

  private take(follower: Follower, json: string | null): void {
    const isNews = json !== follower.json;
    const wasWrong = follower.problem !== null;
    follower.json = json;
    follower.problem = null;
    if (isNews) this.publish();
    else if (wasWrong) this.tell();
  }

  private publish(): void {
    this.chains = [...this.followers].flatMap(([service, { json }]) => (json === null ? [] : [{ service, json }]));
    this.tell();
  }

  private tell(): void {
    const failed = [...this.followers.values()].flatMap(({ problem }) => problem ?? []);
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    const left = this.left === 0 ? [] : [`${this.left} services beyond the first ${MAX_CHAINS} are not asked for`];
    const [first] = failed;
    const said = [...(first === undefined ? [] : [`${first}${more}`]), ...left];
    this.onChange(this.chains, said.length === 0 ? null : said.join('; '));
  }
}
