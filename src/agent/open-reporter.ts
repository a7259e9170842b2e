import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Config } from '../config/config.ts';
import type { StagedLayers } from '../config/staged-layers.ts';
import type { ConsulApi } from '../discovery/consul-api.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { type Reporter, SILENT } from './reporter.ts';
import type { Upstream } from './upstream.ts';

interface Given {
  readonly version: string;
  readonly settings: StagedLayers;
  readonly telemetry: Telemetry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Loaded when there is a Consul to tell it to. */
export async function openReporter(
  { version, settings, telemetry, clock, random, log }: Given,
  api: ConsulApi,
  { service, consul }: Config,
  upstreams: () => readonly Upstream[],
): Promise<Reporter> {
  if (consul === null || !consul.status) return SILENT;
  const { Reporting } = await import('./reporting.ts');
  const called = () =>
    upstreams().map(({ declared, cluster }) => {
      return { name: declared.name, service: declared.service, ring: cluster.hashing?.fingerprint ?? null };
    });
  const { traffic } = telemetry;
  return new Reporting({ version, service, api, layers: settings, traffic, called, clock, random, log });
}
