import type { Log } from '../base/log.ts';
import type { EjectionEvent, EjectionListener } from '../cluster/ejection/journal.ts';

/** Writes down who is left out and why, with the figures; and who would be, in the mode of its detector. */
export class EjectionLog implements EjectionListener {
  constructor(
    private readonly log: Log,
    private readonly upstream: string,
  ) {}

  onEjectionEvent(event: EjectionEvent): void {
    const { endpoint, detector } = event;
    const whose = { upstream: this.upstream, endpoint, detector };
    if (event.kind === 'returned') {
      this.log.info('endpoint_returned', { ...whose, why: event.why, after_ms: Math.round(event.afterMs) });
      return;
    }
    const { kind, figures, forMs, count } = event;
    if (kind !== 'ejected') return this.log.info('endpoint_not_ejected', { ...whose, why: kind, ...figures });
    this.log.warn('endpoint_ejected', { ...whose, for_ms: Math.round(forMs), count, ...figures });
  }
}
