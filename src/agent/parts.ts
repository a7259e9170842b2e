import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Watch } from '../base/watch.ts';
import type { Turnstile } from '../cluster/checks/turnstile.ts';
import type { ConnectorFactory } from '../cluster/endpoint.ts';
import type { EndpointListener } from '../cluster/live-endpoint.ts';
import type { HttpConfig, UpstreamConfig } from '../config/config.ts';
import type { Sources } from '../discovery/sources.ts';
import type { Http2Shared } from '../net/http2-shared.ts';
import type { SocketHost, Sockets } from '../net/sockets.ts';
import type { OverloadGuard } from '../policy/overload-guard.ts';
import type { ExchangeContext } from '../proxy/exchange-context.ts';
import type { ProxyObserver } from '../proxy/observer.ts';
import type { MirrorCrowd } from '../proxy/places/mirror-crowd.ts';
import type { Shadows } from '../proxy/places/shadows.ts';
import type { SpentTraces } from '../proxy/spent-traces.ts';
import type { Overriding } from '../route/overrides/overrides.ts';
import type { ConnectionRoom } from './connection-room.ts';
import type { LeavingPorts } from './leaving-ports.ts';
import type { Place } from './place.ts';
import type { PlanDirectory } from './relief.ts';
import type { RoutedSubsets } from './routed-subsets.ts';

/** The services of the process that everything on the data path is made with. */
export interface Parts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly sockets: Sockets;
  readonly host: SocketHost;
  /** Instead of connections on sockets; absent in a sidecar that runs. */
  readonly connectors?: ConnectorFactory;
  /** Limits of HTTP connections. */
  readonly limits: HttpConfig;
  readonly http2: Http2Shared;
  /** For client connections, all listeners together. */
  readonly room: ConnectionRoom;
  /** Turns away what the process cannot take. */
  readonly guard: OverloadGuard;
  readonly leaving: LeavingPorts;
  readonly observer: ProxyObserver;
  readonly breakers: EndpointListener;
  /** For health checks, all upstreams together. */
  readonly turnstile: Turnstile;
  readonly context: ExchangeContext;
  readonly shadows: Shadows;
  readonly mirrored: MirrorCrowd;
  readonly spent: SpentTraces;
  readonly sources: Sources;
  /** What tells this sidecar from all others, after a restart too: its subsets of large clusters depend on it. */
  readonly caller: string;
  /** Known late, where Consul is asked for it. */
  readonly place: Watch<Place>;
  /** Changes with the configuration. */
  readonly sampling: { ratio: number };
  readonly directory: PlanDirectory;
  /** What an upstream is of which nobody says anything. */
  unsaid(): UpstreamConfig;
  /** Changes with the configuration, before it is taken. */
  readonly subsets: RoutedSubsets;
  readonly overrides: Overriding;
}
