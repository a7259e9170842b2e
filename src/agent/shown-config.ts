import type { Config, UpstreamConfig } from '../config/config.ts';
import { isMap } from '../config/layers.ts';
import { CHANGEABLE, type Shown } from './reload.ts';

/**
 * The configuration at work in the words of the file. What is taken once is shown as it was at the start, and every
 * upstream as it is: one that could not be opened anew goes on as it was.
 */
export class ShownConfig {
  private readonly ofUpstreams = new WeakMap<UpstreamConfig, unknown>();
  private latest: { readonly config: Config; readonly shown: Shown };

  constructor(
    private readonly config: Config,
    private readonly initial: Shown,
  ) {
    this.latest = { config, shown: initial };
    this.note(config, initial);
  }

  note(config: Config, shown: Shown): void {
    this.latest = { config, shown };
    const { upstreams } = shown;
    if (!isMap(upstreams)) return;
    for (const [name, upstream] of config.upstreams) this.ofUpstreams.set(upstream, upstreams[name]);
  }

  of(config: Config): Shown {
    return config === this.config ? this.initial : this.latest.shown;
  }

  effective(declared: readonly UpstreamConfig[]): Shown {
    const upstreams = declared.map((one) => [one.name, this.ofUpstreams.get(one)] as const);
    const { shown } = this.latest;
    const keys = [...new Set([...Object.keys(this.initial), ...Object.keys(shown)])];
    const values = keys.map((key) => [key, (CHANGEABLE.has(key) ? shown : this.initial)[key]] as const);
    const effective = Object.fromEntries(values.filter(([, value]) => value !== undefined));
    return { ...effective, upstreams: Object.fromEntries(upstreams) };
  }
}
