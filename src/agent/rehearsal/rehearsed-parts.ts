import { NO_LOG } from '../../base/log.ts';
import { SeededRandom } from '../../base/random.ts';
import { Cell } from '../../base/watch.ts';
import { Turnstile } from '../../cluster/checks/turnstile.ts';
import type { ConnectorFactory } from '../../cluster/endpoint.ts';
import type { Config } from '../../config/config.ts';
import { unsaidUpstream } from '../../config/unsaid-upstream.ts';
import { RoleSource } from '../../discovery/role-source.ts';
import { Sources } from '../../discovery/sources.ts';
import { type StaticServices, StaticSource } from '../../discovery/static-source.ts';
import { WindowBudget } from '../../http2/receive-window.ts';
import { Output } from '../../net/output.ts';
import { Wires } from '../../net/session-wire.ts';
import type { Sockets } from '../../net/sockets.ts';
import { OverloadGuard } from '../../policy/overload-guard.ts';
import type { ProxyObserver } from '../../proxy/observer.ts';
import { MirrorCrowd } from '../../proxy/places/mirror-crowd.ts';
import { Shadows } from '../../proxy/places/shadows.ts';
import { SpentTraces } from '../../proxy/spent-traces.ts';
import { NO_OVERRIDES, Overrides } from '../../route/overrides/overrides.ts';
import { ConnectionRoom } from '../connection-room.ts';
import { LeavingPorts } from '../leaving-ports.ts';
import type { Parts } from '../parts.ts';
import type { Place } from '../place.ts';
import { PlanDirectory } from '../relief.ts';
import { RoutedSubsets } from '../routed-subsets.ts';
import type { AssumedSource } from './assumed-source.ts';
import type { SteppingClock } from './stepping-clock.ts';

/** The same draws in every run: a test that passes today passes tomorrow. */
const SEED = 0x5eed;

const NO_SOCKETS: Sockets = {
  kind: 'data',
  dial: () => {
    throw new Error('a rehearsal dials nobody');
  },
  listen: () => Promise.reject(new Error('a rehearsal opens no port')),
};

/** What upstreams are made with, where nothing leaves the process. */
export function rehearsedParts(
  config: Config,
  clock: SteppingClock,
  source: AssumedSource,
  isAssumed: (service: string) => boolean,
  observer: ProxyObserver,
  connectors: ConnectorFactory,
): Parts {
  const random = new SeededRandom(SEED);
  const listed = new Map([...config.static].filter(([service]) => !isAssumed(service)));
  const services = new Cell<StaticServices>(clock, listed);
  const file = new RoleSource(new StaticSource(services, clock), null, NO_LOG);
  const context = { clock, random, instanceId: '0000000000000000', observer };
  const { name, zone } = config.service;
  return {
    clock,
    random,
    log: NO_LOG,
    sockets: NO_SOCKETS,
    host: { output: new Output(), onBug: observer.onBug },
    connectors,
    limits: config.http,
    http2: {
      wires: new Wires(),
      budget: new WindowBudget(config.http2.windowBudgetBytes),
      limits: config.http2,
      random,
    },
    room: ConnectionRoom.within(65_536, 1, config.http.maxConnections),
    guard: new OverloadGuard(config.overload, random, { onPressure: () => undefined }),
    leaving: new LeavingPorts(),
    observer,
    breakers: { onBreakerChange: () => undefined },
    turnstile: new Turnstile(),
    unsaid: () => unsaidUpstream({}),
    context,
    shadows: new Shadows(context),
    mirrored: new MirrorCrowd(),
    spent: new SpentTraces(),
    sources: new Sources(services, file, new RoleSource(source, null, NO_LOG)),
    caller: name,
    place: new Cell<Place>(clock, { zone, callers: null }),
    sampling: { ratio: 0 },
    directory: new PlanDirectory(),
    overrides: config.overrides === null ? NO_OVERRIDES : new Overrides(config.overrides, clock),
    subsets: new RoutedSubsets(config.overrides !== null),
  };
}
