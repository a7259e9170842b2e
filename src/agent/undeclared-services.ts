import { type Clock, Timer, type TimerOwner } from '../base/clock.ts';
import { undeclaredUpstream } from '../config/undeclared.ts';
import type { Plan } from '../proxy/plan.ts';
import type { HostName } from '../route/host.ts';
import type { Undeclared } from '../route/routers.ts';
import type { Parts } from './parts.ts';
import { NO_OWNER, Upstream } from './upstream.ts';

const MAX_SERVICES = 64;
const IDLE_MS = 600_000;
/** Nobody runs under the name: most likely there is no such service, and it keeps a place from one that there is. */
const EMPTY_MS = 60_000;
const SWEEP_MS = 30_000;

interface Found {
  readonly upstream: Upstream;
  usedAt: number;
}

/**
 * Services found on first use (`outbound.discover`). Bounded, because callers choose the names: at most 64 at a time,
 * and one that nobody has asked for in ten minutes is let go, in one minute when it has no endpoints. A name beyond the
 * bound is `no_route`.
 */
export class UndeclaredServices implements Undeclared, TimerOwner {
  private readonly found = new Map<string, Found>();
  private readonly timer = new Timer(this);
  private readonly clock: Clock;

  constructor(private readonly parts: Parts) {
    this.clock = parts.clock;
  }

  get upstreams(): readonly Upstream[] {
    return [...this.found.values()].map(({ upstream }) => upstream);
  }

  find(name: HostName): Plan | null {
    const key = `${name.tag ?? ''}.${name.service}.${name.datacenter ?? ''}`;
    const known = this.found.get(key) ?? this.add(key, name);
    if (known === null) return null;
    known.usedAt = this.clock.now();
    return known.upstream.plan;
  }

  onTimer(_timer: Timer, now: number): void {
    for (const [key, { upstream, usedAt }] of this.found) {
      const idleMs = upstream.cluster.size === 0 ? EMPTY_MS : IDLE_MS;
      if (now - usedAt < idleMs || upstream.plan.admission.inFlight > 0) continue;
      this.found.delete(key);
      upstream.close();
    }
    if (this.found.size > 0) this.clock.arm(this.timer, now + SWEEP_MS);
  }

  close(): void {
    this.clock.disarm(this.timer);
    for (const { upstream } of this.found.values()) upstream.close();
    this.found.clear();
  }

  private add(key: string, name: HostName): Found | null {
    if (this.found.size >= MAX_SERVICES || this.parts.sources.pick(name.service) === null) return null;
    const added = {
      upstream: new Upstream(undeclaredUpstream(name, this.parts.unsaid()), this.parts, NO_OWNER),
      usedAt: 0,
    };
    this.found.set(key, added);
    if (!this.timer.isArmed) this.clock.arm(this.timer, this.clock.now() + SWEEP_MS);
    return added;
  }
}
