import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Watch } from '../base/watch.ts';
import { Turnstile } from '../cluster/checks/turnstile.ts';
import type { Config } from '../config/config.ts';
import type { LiveConfig } from '../config/live-config.ts';
import type { Sources } from '../discovery/sources.ts';
import type { IsSelf } from '../discovery/without-self.ts';
import { randomHex } from '../http/hex.ts';
import { WindowBudget } from '../http2/receive-window.ts';
import { Wires } from '../net/session-wire.ts';
import type { SocketHost, Sockets } from '../net/sockets.ts';
import { MirrorCrowd } from '../proxy/places/mirror-crowd.ts';
import { Shadows } from '../proxy/places/shadows.ts';
import { SpentTraces } from '../proxy/spent-traces.ts';
import { NO_OVERRIDES, Overrides } from '../route/overrides/overrides.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import { LeavingPorts } from './leaving-ports.ts';
import { watchedRoom } from './overload-watch.ts';
import type { Parts } from './parts.ts';
import { followPlace } from './place.ts';
import { PlanDirectory } from './relief.ts';
import { RoutedSubsets } from './routed-subsets.ts';
import { callerName } from './self.ts';

interface Given {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly telemetry: Telemetry;
  readonly settings: Pick<LiveConfig, 'unsaid'>;
}

/** What had to be opened for them. */
interface Opened {
  readonly sockets: Sockets;
  readonly host: SocketHost;
  readonly consul: Parameters<typeof followPlace>[1];
  readonly sources: Sources;
  readonly self: Watch<IsSelf>;
}

/** The services of a process that everything on its data path shares, until the signal. */
export function makeParts(given: Given, config: Config, opened: Opened, signal: AbortSignal): Parts {
  const { clock, random, log, telemetry } = given;
  const { sockets, host, consul, sources, self } = opened;
  const { observer } = telemetry;
  const context = { clock, random, instanceId: randomHex(random, 16), observer };
  const breakers = {
    onBreakerChange: ({ id }: { readonly id: string }, from: string, to: string) =>
      log.info('breaker_changed', { endpoint: id, from, to }),
  };
  const sampling = { ratio: config.telemetry.sampleRatio };
  return {
    clock,
    random,
    log,
    sockets,
    host,
    limits: config.http,
    http2: {
      wires: new Wires(),
      budget: new WindowBudget(config.http2.windowBudgetBytes),
      limits: config.http2,
      random,
    },
    ...watchedRoom(config, clock, random, log, signal),
    leaving: new LeavingPorts(),
    observer,
    breakers,
    turnstile: new Turnstile(),
    context,
    shadows: new Shadows(context),
    mirrored: new MirrorCrowd(),
    spent: new SpentTraces(),
    sources,
    caller: callerName(config.service),
    place: followPlace(config.service, consul, sources, self, given, signal),
    sampling,
    directory: new PlanDirectory(),
    unsaid: () => given.settings.unsaid(),
    overrides: config.overrides === null ? NO_OVERRIDES : new Overrides(config.overrides, clock),
    subsets: new RoutedSubsets(config.overrides !== null),
  };
}
