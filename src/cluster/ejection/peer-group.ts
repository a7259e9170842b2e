/** Half of any group of peers, whatever share of the whole is allowed. */
const HALF = 0.5;

/**
 * Endpoints of which a bounded share may be out, and how they stand, counted as each changes: ten thousand of them may be
 * judged in one turn, and none of those judgements may look at all the others.
 */
export class PeerGroup<S extends Standing> {
  members = 0;
  /** Of the members. */
  out = 0;
  flowing = 0;

  constructor(
    readonly suspects: readonly S[],
    private readonly share = HALF,
  ) {}

  /** How many more are out than may be; below 0 there is room. */
  get surplus(): number {
    return this.out - roomAmong(this.members, this.share);
  }

  count(standing: Standing, by: 1 | -1): void {
    if (standing.isMember) this.members += by;
    if (standing.isMember && standing.isOut) this.out += by;
    if (standing.isFlowing) this.flowing += by;
  }
}

/** How one of them counts. */
export interface Standing {
  readonly isMember: boolean;
  readonly isOut: boolean;
  readonly isFlowing: boolean;
}

export const NO_STANDING: Standing = { isMember: false, isOut: false, isFlowing: false };

/** How many of n may be out: half, and one of two. */
function roomAmong(n: number, share: number): number {
  return n < 2 ? 0 : Math.max(1, Math.floor(n * share));
}
