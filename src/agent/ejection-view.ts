import type { EjectionEventView, EjectionView } from '../admin/ejection-view.ts';
import type { EjectionEvent } from '../cluster/ejection/journal.ts';
import type { Ejection } from '../cluster/ejection/watcher.ts';

export function ejectionView(ejection: Ejection | null, now: number): EjectionView | null {
  if (ejection === null) return null;
  const { detector, figures, until, count } = ejection;
  return { detector, figures, leftMs: Math.max(0, Math.round(until - now)), count };
}

export function ejectionEventView(event: EjectionEvent, now: number): EjectionEventView {
  const { at, endpoint, kind, detector } = event;
  const what = { agoMs: Math.max(0, Math.round(now - at)), endpoint, kind, detector };
  return event.kind === 'returned'
    ? { ...what, figures: {}, forMs: Math.round(event.afterMs), why: event.why }
    : { ...what, figures: event.figures, forMs: Math.round(event.forMs), why: null };
}
