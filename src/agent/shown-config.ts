import type { Config, UpstreamConfig } from '../config/config.ts';
import { isMap } from '../config/layers.ts';
import type { Explanation } from '../config/live-config.ts';
import { CHANGEABLE, type Shown } from './reload.ts';

type Words = Pick<Explanation, 'shown'>;

/**
 * The configuration at work in the words of the file. What is taken once is shown as it was at the start, and every
 * upstream as it is: one that could not be opened anew goes on as it was. Words are read when somebody asks for them.
 */
export class ShownConfig {
  private readonly ofUpstreams = new WeakMap<UpstreamConfig, Words>();
  private readonly fixed: Shown;
  private latest: Words;

  constructor(config: Config, words: Words) {
    this.fixed = Object.fromEntries(Object.entries(words.shown).filter(([key]) => !CHANGEABLE.has(key)));
    this.latest = words;
    this.note(config, words);
  }

  /** What is taken once, as it was at the start. */
  get initial(): Shown {
    return this.fixed;
  }

  /** It is at work from now on. */
  note(config: Config, words: Words): void {
    this.latest = words;
    for (const upstream of config.upstreams.values()) this.ofUpstreams.set(upstream, words);
  }

  effective(declared: readonly UpstreamConfig[]): Shown {
    const read = new Map<Words, Shown>();
    const shownIn = (words: Words): Shown => {
      const shown = read.get(words) ?? words.shown;
      read.set(words, shown);
      return shown;
    };
    const upstreams = declared.map((one) => {
      const all = shownIn(this.ofUpstreams.get(one) ?? this.latest)['upstreams'];
      return [one.name, isMap(all) ? all[one.name] : undefined] as const;
    });
    const changeable = Object.entries(shownIn(this.latest)).filter(([key]) => CHANGEABLE.has(key));
    return { ...this.fixed, ...Object.fromEntries(changeable), upstreams: Object.fromEntries(upstreams) };
  }
}
