import type { FailureCode } from '../base/failure.ts';
import type { Endpoint } from '../cluster/endpoint.ts';
import { type Hold, isPrimary } from './hold.ts';
import type { Parked } from './parking.ts';
import type { Placed } from './placement.ts';

/**
 * Where one exchange or tunnel has its place among those who wait for a primary. The place is its own until `leave`;
 * the request may be placed anew meanwhile, to where others wait in another hold, or nobody does.
 */
export class Stay {
  private at: Hold | null = null;

  constructor(
    private readonly parked: Parked,
    private readonly placed: Placed,
  ) {}

  /** What may be held may be sent to no one but a primary, and who was chosen may be none any more. */
  allows(endpoint: Endpoint): boolean {
    return this.placed.hold === null || isPrimary(endpoint);
  }

  /** Waits, `bytes` of its body with it. Null, or why it may not. Only where it was placed to wait. */
  wait(hold: Hold, bytes: number, now: number): FailureCode | null {
    if (this.at !== hold) this.leave();
    this.at = hold;
    return hold.wait(this.parked, bytes, now);
  }

  /** More of its body came while it waits. */
  grow(bytes: number, now: number): void {
    this.at?.grow(this.parked, bytes, now);
  }

  /** Its time here is over: why it is refused now. */
  end(now: number): FailureCode {
    return this.at === null ? 'no_primary' : this.at.end(this.parked, now);
  }

  /** It has its answer, or is gone. Harmless for who has never waited. */
  leave(): void {
    this.at?.leave(this.parked);
    this.at = null;
  }
}
