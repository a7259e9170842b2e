import { isDeepStrictEqual } from 'node:util';
import type { Random } from '../base/random.ts';
import { failureAnswer, type LocalAnswer } from '../http/answer.ts';
import type { Peer } from '../http/conduit.ts';
import type { RequestHead } from '../http/head.ts';
import {
  type ActiveFault,
  type FaultCounts,
  type FaultMatch,
  type FaultOptions,
  type Faults,
  type Mishap,
  noCounts,
  WHOLE_SHARE,
} from './fault.ts';

/** `now` is monotonic and `wallMs` the same instant since 1970: ends are wall times, and requests are not. */
export interface FaultInstant {
  readonly now: number;
  readonly wallMs: number;
}

/** A longer text is no number of milliseconds. */
const MAX_DIGITS = 9;
const ZERO = 0x30;

/**
 * Faults as they are listed: of each sort (a delay, an end, a bandwidth) the first that matches a request and is drawn
 * for it. A delay comes before an end, as it would by itself.
 *
 * Ends are turned into monotonic time when the list is made, so that a request compares two numbers and a clock that is
 * set back revives nothing.
 */
export class FaultList implements Faults {
  readonly counts: FaultCounts;
  private readonly faults: readonly Fault[];

  /** What counted in the list before goes on counting. */
  constructor(
    options: readonly FaultOptions[],
    matchOf: (options: FaultOptions) => FaultMatch,
    { now, wallMs }: FaultInstant,
    before: FaultList | null = null,
  ) {
    this.counts = before === null ? noCounts() : before.counts;
    this.faults = options.map((one) => {
      const known = before?.faults.find((other) => isDeepStrictEqual(other.options, one));
      return known ?? new Fault(one, matchOf(one), now + (one.untilMs - wallMs));
    });
  }

  choose(head: RequestHead | null, peer: Peer, random: Random, mishap: Mishap, now: number): boolean {
    for (let i = 0; i < this.faults.length; i++) {
      const fault = this.faults[i]!;
      if (now >= fault.endsAt || !fault.hasSlot(head, mishap)) continue;
      if (!fault.match.matches(head, peer) || !fault.isDrawn(random)) continue;
      const { effect } = fault.options;
      if (effect.kind === 'delay') {
        const delayMs = effect.header === null ? effect.delayMs : askedMs(head, effect.header, effect.delayMs);
        if (delayMs <= 0) continue;
        mishap.delayMs = delayMs;
      }
      if (fault.active >= fault.options.maxActive) {
        this.counts.skipped += 1;
        continue;
      }
      mishap.take(fault, effect.kind);
      this.counts[effect.kind] += 1;
    }
    return mishap.isMarked;
  }

  leave({ delay, end, pace }: Mishap): void {
    if (delay !== null) delay.active -= 1;
    if (end !== null) end.active -= 1;
    if (pace !== null) pace.active -= 1;
  }

  inForce(now: number): readonly Fault[] {
    return this.faults.filter(({ endsAt }) => now < endsAt);
  }
}

class Fault implements ActiveFault {
  readonly answer: LocalAnswer | null;
  active = 0;

  constructor(
    readonly options: FaultOptions,
    readonly match: FaultMatch,
    readonly endsAt: number,
  ) {
    const { effect } = options;
    this.answer =
      effect.kind === 'abort'
        ? { ...failureAnswer('fault_injected'), status: effect.status, grpcStatus: effect.grpcStatus }
        : null;
  }

  /** Of each sort one is enough, and opaque bytes have neither an answer nor a pace of its own. */
  hasSlot(head: RequestHead | null, mishap: Mishap): boolean {
    switch (this.options.effect.kind) {
      case 'delay':
        return mishap.delay === null;
      case 'bandwidth':
        return mishap.pace === null && head !== null;
      case 'abort':
        return mishap.end === null && head !== null;
      case 'reset':
        return mishap.end === null;
    }
  }

  isDrawn(random: Random): boolean {
    const { share } = this.options;
    return share >= WHOLE_SHARE || random.below(WHOLE_SHARE) < share;
  }
}

/** What the request asks for, within bounds; 0 when it does not, or not in whole milliseconds. */
function askedMs(head: RequestHead | null, header: string, most: number): number {
  const text = head === null ? null : head.get(header);
  if (text === null || text.length > MAX_DIGITS) return 0;
  let ms = 0;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - ZERO;
    if (digit < 0 || digit > 9) return 0;
    ms = ms * 10 + digit;
  }
  return ms < most ? ms : most;
}
