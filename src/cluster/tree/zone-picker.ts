import type { Random } from '../../base/random.ts';
import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';
import { WeightedDraw } from '../weighted-draw.ts';
import type { Spills } from './spills.ts';

/** Another zone that has room for callers of ours. */
export interface BuiltZone {
  readonly share: number;
  readonly picker: Picker;
}

/**
 * Chooses between our own zone and the others.
 *
 * Who was refused in our zone leaves it at once, and so does a retry: machines of one zone fail together, and the
 * second attempt must not be spent on the neighbour of the first. All others then count as one, or the zone with the
 * fewest endpoints would get as much of it as the one with the most.
 */
export class ZonePicker implements Picker {
  private readonly draw: WeightedDraw | null;

  constructor(
    private readonly own: string,
    /** Of the first attempts, 0 .. 1. */
    private readonly share: number,
    private readonly home: Picker,
    private readonly outside: Picker,
    /** Where the rest of the first attempts goes; shares above 0, and none where our zone takes everything. */
    private readonly others: readonly BuiltZone[],
    private readonly random: Random,
    private readonly spills: Spills,
  ) {
    const shares = others.map((zone) => zone.share);
    this.draw = shares.length === 0 ? null : new WeightedDraw(shares, random);
  }

  pick(context: PickContext): Endpoint | null {
    const first = this.firstFor(context.avoid);
    const found = first.pick(context);
    if (found !== null && !context.avoid.includes(found)) return this.counted(found);
    const other = first === this.home ? this.outside : this.home;
    const instead = other.pick(context) ?? (other === this.home ? this.outside.pick(context) : null);
    if (instead !== null && (found === null || !context.avoid.includes(instead))) return this.counted(instead);
    return found === null ? null : this.counted(found);
  }

  private firstFor(avoid: readonly Endpoint[]): Picker {
    if (avoid.length > 0) return this.hasTriedHome(avoid) ? this.outside : this.home;
    if (this.draw === null || this.random.next() < this.share) return this.home;
    return this.others[this.draw.draw()]!.picker;
  }

  private hasTriedHome(avoid: readonly Endpoint[]): boolean {
    for (let i = 0; i < avoid.length; i++) if (avoid[i]!.spec.zone === this.own) return true;
    return false;
  }

  private counted(endpoint: Endpoint): Endpoint {
    if (endpoint.spec.zone !== this.own) this.spills.toZones++;
    return endpoint;
  }
}
