import type { EndpointSpec } from '../cluster/snapshot.ts';

/**
 * Which of those that claim to be the primary is believed, where there may be one.
 *
 *     one in good health claims it        that one, whoever was it before
 *     several do                          the one that was believed before; else the one with the lowest id
 *     nobody in good health does          the same among the others
 *     nobody does                         nobody
 *
 * A dead primary cannot take back its claim, so health comes first. Where two in good health claim it, one of them does
 * not know yet that it is one no more, and nobody outside can tell which: writes that go on where they went do not
 * spread over both histories, and every sidecar that saw the first of the two alone decides alike.
 */
export class PrimaryClaims {
  private believed: string | null = null;
  private rivals: readonly string[] = [];

  /** The id of the one that is believed; null for nobody. */
  get primary(): string | null {
    return this.believed;
  }

  /** All in good health that claim it, when they are several. */
  get rivalry(): readonly string[] {
    return this.rivals;
  }

  judge(claims: readonly EndpointSpec[]): string | null {
    const healthy = claims.filter(({ health }) => health === 'passing' || health === 'warning');
    const ids = (healthy.length > 0 ? healthy : claims).map(({ id }) => id).sort();
    this.rivals = healthy.length > 1 ? ids : [];
    if (this.believed === null || !ids.includes(this.believed)) this.believed = ids[0] ?? null;
    return this.believed;
  }
}
