import { whenAborted } from '../base/abort.ts';
import type { Log } from '../base/log.ts';
import { KeptWatch, type Watch } from '../base/watch.ts';
import type { ClusterSnapshot, DiscoverySource, EndpointSpec, ServiceQuery, Start } from '../cluster/snapshot.ts';

/** Would a connection to it come back to this very sidecar? */
export type IsSelf = (endpoint: EndpointSpec) => boolean;

const ALONE = "the only endpoint is this sidecar's own registration; calls to it come back here";

/**
 * Another source without the endpoint that is this very sidecar.
 *
 * A service that calls its own name means its siblings. Its own registration is listed among them, and a request that
 * is balanced there ends at our own inbound port as a loop: a failure of some share of calls, for no reason that the
 * caller could see. So it is left out while there is anybody else. Where there is nobody, it stays: what happens then
 * is said by the answer (`loop_detected`), while "no endpoint" would hide that the service is there and is us.
 *
 * Outermost among sources: what is counted as a loss and what is kept on disk is what Consul says, with us in it.
 */
export class WithoutSelf implements DiscoverySource {
  constructor(
    private readonly inner: DiscoverySource,
    /** Null until it is known where the sidecar listens. */
    private readonly self: Watch<IsSelf>,
    private readonly log: Log,
  ) {}

  follow(query: ServiceQuery, signal: AbortSignal, start: Start): Watch<ClusterSnapshot> {
    const siblings = new Siblings(this.inner.follow(query, signal, start), this.self, this.log);
    whenAborted(signal, () => siblings.stop());
    return siblings;
  }
}

class Siblings extends KeptWatch<ClusterSnapshot> {
  private isAlone = false;
  private readonly unsubscribe: readonly (() => void)[];

  constructor(
    private readonly inner: Watch<ClusterSnapshot>,
    private readonly self: Watch<IsSelf>,
    private readonly log: Log,
  ) {
    super();
    this.unsubscribe = [inner.subscribe((snapshot) => this.take(snapshot)), self.subscribe(() => this.judgeAnew())];
  }

  override get freshAt(): number {
    return this.inner.freshAt;
  }

  override get problem(): string | null {
    return this.inner.problem ?? (this.isAlone ? ALONE : null);
  }

  stop(): void {
    for (const unsubscribe of this.unsubscribe) unsubscribe();
  }

  private take(snapshot: ClusterSnapshot): void {
    const { endpoints, service } = snapshot;
    const isSelf = this.self.value;
    const others = isSelf === null ? endpoints : endpoints.filter((endpoint) => !isSelf(endpoint));
    const isAlone = others.length === 0 && endpoints.length > 0;
    if (isAlone && !this.isAlone) this.log.warn('only_itself_to_call', { service });
    this.isAlone = isAlone;
    this.keep(isAlone || others.length === endpoints.length ? snapshot : { ...snapshot, endpoints: others });
  }

  private judgeAnew(): void {
    if (this.value?.endpoints.some(this.self.value!)) this.take(this.inner.value!);
  }
}
