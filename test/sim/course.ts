import type { Random } from '../../src/base/random.ts';

/** How long answers take: the quantiles of a distribution, as pairs of a share (0 .. 1) and ms, in ascending order. */
export interface Shape {
  readonly name: string;
  readonly quantiles: readonly (readonly [share: number, ms: number])[];
}

/** Every time between half and one and a half of the mean is as likely. */
export function around(meanMs: number): Shape {
  return {
    name: `around ${meanMs} ms`,
    quantiles: [
      [0, meanMs / 2],
      [1, meanMs * 1.5],
    ],
  };
}

/** One time of the shape; between two quantiles they lie evenly. */
export function drawMs({ quantiles }: Shape, random: Random): number {
  const share = random.next();
  let i = 1;
  while (quantiles[i]![0] < share) i++;
  const [fromShare, fromMs] = quantiles[i - 1]!;
  const [toShare, toMs] = quantiles[i]!;
  return fromMs + ((toMs - fromMs) * (share - fromShare)) / (toShare - fromShare);
}

/** How a server treats a request at one moment. */
export interface Treatment {
  /** Of the answers when it has nothing else to do. */
  readonly shape: Shape;
  /** Times as slow as its shape says. */
  readonly slowness: number;
  readonly fails: boolean;
}

export const PLAIN = { slowness: 1, fails: false };

/** What happens to the servers in the course of a simulation. Instants are seconds from its start. */
export interface Course {
  treat(server: number, second: number): Treatment;
  /** Does discovery name it as healthy? Asked at the start and at each of `changes`. */
  isMember(server: number, second: number): boolean;
  readonly changes: readonly number[];
  /** Share of requests that are all for one key. */
  hotShare(second: number): number;
}

/** Nothing but what the servers are like. */
export function steadily(treat: Course['treat']): Course {
  return { treat, isMember: () => true, changes: [], hotShare: () => 0 };
}
