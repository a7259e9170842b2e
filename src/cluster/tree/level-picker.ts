import type { FailureCode } from '../../base/failure.ts';
import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { HashingFacts, PickContext, Picker } from '../picker.ts';
import type { Spills } from './spills.ts';

/** A level that somebody may be picked from. */
export interface BuiltLevel {
  readonly priority: number;
  readonly load: number;
  readonly picker: Picker;
}

/**
 * Chooses a level by its share of traffic, then asks it.
 *
 * With a key the level is chosen by the hash (its remainder of 100, as Envoy), so that a key stays where it is for as
 * long as shares do, and moves as little as they do. A level that has nobody to give at this moment, because every
 * circuit is open, gives its turn to the others in their order; Envoy does so only when health checks or ejection have
 * told it. An endpoint that was tried before is better than none, and another one of any level better than that.
 */
export class LevelPicker implements Picker {
  /** For each percent, whose it is. */
  private readonly levelOf = new Uint8Array(100);

  /** In order of priority; their loads are 100 together. */
  constructor(
    private readonly levels: readonly BuiltLevel[],
    private readonly random: Random,
    private readonly spills: Spills,
  ) {
    let percent = 0;
    for (const [i, { load }] of levels.entries()) {
      this.levelOf.fill(i, percent, percent + load);
      percent += load;
    }
  }

  /** Of the level that is asked first. */
  get facts(): HashingFacts | undefined {
    return this.levels[0]!.picker.facts;
  }

  pick(context: PickContext): Endpoint | null {
    const { levels } = this;
    const chosen = this.levelOf[context.hasHash ? percentOf(context) : this.random.below(100)]!;
    let refusal: FailureCode = 'no_endpoint';
    let tried: Endpoint | null = null;
    let triedAt = 0;
    for (let k = -1; k < levels.length; k++) {
      if (k === chosen) continue;
      const at = k === -1 ? chosen : k;
      const found = levels[at]!.picker.pick(context);
      if (found === null) {
        if (context.refusal !== 'no_endpoint') refusal = context.refusal;
      } else if (!context.avoid.includes(found)) {
        return this.counted(found, at);
      } else if (tried === null) {
        tried = found;
        triedAt = at;
      }
    }
    if (tried !== null) return this.counted(tried, triedAt);
    context.refusal = refusal;
    return null;
  }

  private counted(endpoint: Endpoint, at: number): Endpoint {
    if (this.levels[at]!.priority > 0) this.spills.toLevels++;
    return endpoint;
  }
}

/** The remainder of the 64-bit hash, of which 2^32 has a remainder of 96. */
function percentOf({ hashHigh, hashLow }: PickContext): number {
  return ((hashHigh % 100) * 96 + (hashLow % 100)) % 100;
}
