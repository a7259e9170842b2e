import { type Criticality, DEFAULT_CRITICALITY } from '../policy/criticality.ts';
import type { Parked } from './parking.ts';

/**
 * Where one exchange or tunnel stands in a line. Made once by its owner and used again; the links belong to the line.
 */
export class LinePlace {
  criticality: Criticality = DEFAULT_CRITICALITY;
  bytes = 0;
  /** When it came, and when it has waited for too long. */
  since = 0;
  until = 0;
  isIn = false;
  next: LinePlace | null = null;
  previous: LinePlace | null = null;

  constructor(readonly parked: Parked) {}
}
