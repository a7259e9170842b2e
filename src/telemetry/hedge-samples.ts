import type { LiveHedge } from '../policy/hedge.ts';
import { type Sample, sample } from './registry.ts';

export function* hedgeSamples(upstream: string, { sent, won, refused }: LiveHedge): Generator<Sample> {
  yield sample('remora_hedges_total', [upstream, 'sent'], sent);
  yield sample('remora_hedges_total', [upstream, 'won'], won);
  yield sample('remora_hedges_total', [upstream, 'refused'], refused);
}
