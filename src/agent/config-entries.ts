import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { servicesOf } from '../config/called-services.ts';
import type { Config } from '../config/config.ts';
import type { LiveConfig } from '../config/live-config.ts';
import { ChainSource } from '../discovery/chain-source.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';

/**
 * Follows Consul's own config entries for the services that are called, and tells the settings of them. What they lead
 * to is called too, and followed in turn.
 */
export function followConfigEntries(
  consul: ConsulApi,
  settings: LiveConfig,
  clock: Clock,
  random: Random,
  signal: AbortSignal,
): void {
  settings.setChains([], null);
  const tell = settings.setChains.bind(settings);
  const source = new ChainSource(consul, clock, random, tell, signal);
  // Services of the file are none that Consul knows.
  const follow = (config: Config): void =>
    source.follow([...servicesOf(config)].filter((service) => !config.static.has(service)));
  const stop = settings.config.subscribe(follow);
  signal.addEventListener('abort', stop, { once: true });
  follow(settings.config.value!);
}
