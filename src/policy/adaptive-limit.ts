import { isDeepStrictEqual } from 'node:util';
import { FAILURES } from '../base/failure.ts';
import { GRPC_STATUSES } from '../http/grpc-status.ts';
import type { AdaptiveMode, AdaptiveOptions, LawOptions } from './adaptive-options.ts';
import { Aimd } from './aimd.ts';
import { CRITICALITY_NAMES, type Criticality, DEFAULT_CRITICALITY } from './criticality.ts';
import type { Evidence } from './evidence.ts';
import { Gradient2 } from './gradient2.ts';
import type { LimitLaw, LimitSample } from './limit-law.ts';

/** 18 minutes: no answer takes longer, and it is a small integer to the machine. */
const MAX_RTT_US = 2 ** 30;

/**
 * A limit on requests in flight that is learned, and what each criticality may use of it.
 *
 * Evidence is the last attempt of an exchange. An answer that is a success brings its latency; 429, 503,
 * RESOURCE_EXHAUSTED and time that ran out at the endpoint are refusals for want of capacity; all else (resets, refused
 * connections, other failures) says nothing of how many are too many. Tunnels are admitted, and say nothing either.
 */
export class AdaptiveLimit {
  /** By criticality: refused, or with `observe` counted in place of that. */
  readonly refused = new Uint32Array(CRITICALITY_NAMES.length);
  readonly wouldRefuse = new Uint32Array(CRITICALITY_NAMES.length);
  private law: LimitLaw;
  /** How many may be in flight for one of each criticality to be admitted beside them. */
  private readonly rooms = new Int32Array(CRITICALITY_NAMES.length);
  private roomsOf = 0;
  private readonly shares = new Float64Array(CRITICALITY_NAMES.length);
  private readonly sample: LimitSample = { rttUs: 0, inFlight: 0, didDrop: false };

  constructor(private options: AdaptiveOptions) {
    this.law = makeLaw(options.law);
    this.takeShares();
  }

  get mode(): AdaptiveMode {
    return this.options.mode;
  }

  get limit(): number {
    return this.law.limit;
  }

  get gradient(): number {
    return this.law.gradient;
  }

  /** What was learned is kept, unless it is learned otherwise from now on. */
  reconfigure(options: AdaptiveOptions): void {
    const isSameLaw = isDeepStrictEqual(options.law, this.options.law);
    this.options = options;
    if (!isSameLaw) this.law = makeLaw(options.law);
    this.takeShares();
  }

  /** Would one more be admitted? Changes nothing. */
  hasRoom(inFlight: number, criticality: Criticality = DEFAULT_CRITICALITY): boolean {
    return this.options.mode !== 'enforce' || inFlight < this.rooms[criticality]!;
  }

  /** As `hasRoom`, of one that comes, which is counted. */
  admits(inFlight: number, criticality: Criticality = DEFAULT_CRITICALITY): boolean {
    const { mode } = this.options;
    if (mode === 'off' || inFlight < this.rooms[criticality]!) return true;
    if (mode === 'observe') {
      this.wouldRefuse[criticality]! += 1;
      return true;
    }
    this.refused[criticality]! += 1;
    return false;
  }

  /** One is over, which had `inFlight` beside it when it was admitted, itself included. */
  learn(inFlight: number, evidence: Evidence, now: number): void {
    if (this.options.mode === 'off') return;
    const { sample, law } = this;
    sample.didDrop = isDrop(evidence);
    if (!sample.didDrop && !hasLatency(evidence)) return;
    sample.inFlight = inFlight;
    sample.rttUs = sample.didDrop ? 0 : Math.min(MAX_RTT_US, (evidence.firstByteAt - evidence.sentAt) * 1000) | 0;
    law.observe(sample, now);
    if (law.limit !== this.roomsOf) this.share();
  }

  private takeShares(): void {
    const { critical, sheddable_plus, sheddable } = this.options.shares;
    this.shares.set([1, critical, sheddable_plus, sheddable]);
    this.share();
  }

  /** With every step of the law, which may be every exchange. */
  private share(): void {
    const { rooms, shares, law } = this;
    this.roomsOf = law.limit;
    for (let level = 0; level < rooms.length; level++) rooms[level] = Math.max(1, law.limit * shares[level]!);
  }
}

function makeLaw(options: LawOptions): LimitLaw {
  return options.algorithm === 'aimd' ? new Aimd(options, options.aimd) : new Gradient2(options, options.gradient2);
}

/** An early answer to a request that was still being sent says more of the client than of the endpoint. */
function hasLatency({ outcome, sentAt, firstByteAt }: Evidence): boolean {
  return outcome === 'success' && sentAt > 0 && firstByteAt >= sentAt;
}

function isDrop({ code, status, grpcStatus, outcome }: Evidence): boolean {
  if (code === null) return status === 503 || status === 429 || grpcStatus === GRPC_STATUSES.resource_exhausted;
  return outcome === 'failure' && FAILURES[code].proxyStatus === 'http_response_timeout';
}
