import type { Endpoint } from '../endpoint.ts';
import type { PickContext, Picker } from '../picker.ts';

/** With half of the level elsewhere, so many find nobody of it once in sixty thousand times. */
const PICKS = 16;

/**
 * Picks from a level in which zones say nothing of where first attempts go: it is small, or not the first, or nobody of
 * it is in our zone. A retry leaves the zones that were tried all the same, since machines of one zone fail together.
 *
 * It asks for another one until that is of another zone, a bounded number of times, because the balancer knows nothing of
 * zones and must be left to choose among those that remain. A preference: in the end the first one will do.
 */
export class ApartPicker implements Picker {
  constructor(private readonly inner: Picker) {}

  pick(context: PickContext): Endpoint | null {
    const found = this.inner.pick(context);
    if (found === null || !isOfTriedZone(found, context.avoid)) return found;
    for (let i = 1; i < PICKS; i++) {
      const other = this.inner.pick(context);
      if (other !== null && !isOfTriedZone(other, context.avoid)) return other;
    }
    return found;
  }
}

/** Of whom nobody says where it is, it may be anywhere. */
function isOfTriedZone({ spec }: Endpoint, tried: readonly Endpoint[]): boolean {
  if (spec.zone === null) return false;
  for (let i = 0; i < tried.length; i++) if (tried[i]!.spec.zone === spec.zone) return true;
  return false;
}
