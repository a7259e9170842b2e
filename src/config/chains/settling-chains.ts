import type { Blame } from '../decide.ts';
import type { Source } from '../expand.ts';
import type { ChainText } from '../material.ts';
import type { Problem } from '../problems.ts';
import { type ChainSources, chainSources } from './chain-sources.ts';
import { chainSource } from './words.ts';

/** Of all services together. */
const MAX_PROBLEMS = 200;

/**
 * Consul's config entries while a configuration settles. They were written for other proxies, by people who may not
 * know of remora's documents: entries that do not fit what documents say are left out, a service at a time, and no
 * document is ever taken back for their sake.
 */
export class SettlingChains {
  private used: readonly ChainSources[];
  private readonly found: Problem[];

  constructor(texts: readonly ChainText[]) {
    this.used = texts.toSorted((a, b) => (a.service < b.service ? -1 : 1)).map(chainSources);
    this.found = this.used.flatMap(({ problems }) => problems);
  }

  /** Lowest of all. */
  sources(): readonly Source[] {
    return this.used.flatMap(({ sources }) => sources);
  }

  /** Leaves out those that have a part in what is wrong; false: none has. */
  drop(blames: readonly Blame[]): boolean {
    const guilty = this.used.filter(({ service }) => {
      const source = chainSource(service);
      const own = blames.filter(({ problem, others }) => problem.source === source || others.includes(source));
      this.found.push(...own.map(({ problem }) => problem));
      return own.length > 0;
    });
    this.used = this.used.filter((one) => !guilty.includes(one));
    return guilty.length > 0;
  }

  /** Nothing says whose fault it is. False: there were none. */
  dropAll(): boolean {
    const hadAny = this.used.length > 0;
    for (const { service } of this.used) {
      this.found.push({
        ...{ source: chainSource(service), line: 1, column: 1, path: '', hint: null },
        found: 'config entries that fit nothing else',
        expected: 'entries that go with the documents',
      });
    }
    this.used = [];
    return hadAny;
  }

  problems(): readonly Problem[] {
    return this.found.slice(0, MAX_PROBLEMS);
  }
}
