import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Health } from '../../../src/cluster/snapshot.ts';
import { spec } from '../../support/fake-endpoint.ts';
import { type Judged, judgedCluster } from '../../support/judged-cluster.ts';

const NAMES = [...'abcdefgh'];
const HEALTHS: readonly Health[] = ['passing', 'warning', 'critical', 'maintenance'];

type Step =
  | { readonly kind: 'fail' | 'answer'; readonly name: string; readonly times: number }
  | { readonly kind: 'members'; readonly healths: readonly (Health | null)[]; readonly levels: readonly number[] }
  | { readonly kind: 'probe'; readonly name: string; readonly isDown: boolean }
  | { readonly kind: 'wait'; readonly ms: number };

const name = fc.constantFrom(...NAMES);
const health = fc.option(fc.constantFrom(...HEALTHS), { nil: null, freq: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('fail' as const), name, times: fc.integer({ min: 1, max: 8 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('answer' as const), name, times: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('members' as const),
      healths: fc.array(health, { minLength: NAMES.length, maxLength: NAMES.length }),
      levels: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: NAMES.length, maxLength: NAMES.length }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('probe' as const), name, isDown: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 10, max: 40_000 }) }) },
);

function take(judged: Judged, next: Step): void {
  const isThere = (id: string): boolean => judged.find(id) !== undefined;
  switch (next.kind) {
    case 'fail':
      return isThere(next.name) ? judged.attempts(next.name, next.times, 503) : undefined;
    case 'answer':
      return isThere(next.name) ? judged.attempts(next.name, next.times) : undefined;
    case 'wait':
      return judged.clock.advance(next.ms);
    case 'probe':
      if (!isThere(next.name)) return;
      judged.find(next.name).isProbedDown = next.isDown;
      return judged.cluster.onHealthChange();
    case 'members':
      return judged.apply(
        ...NAMES.flatMap((id, i) => {
          const said = next.healths[i]!;
          return said === null ? [] : [spec(id, { health: said, priority: next.levels[i]! })];
        }),
      );
  }
}

/** Those that may be picked, as far as others than the ejector say. */
function membersOf(judged: Judged) {
  return [...judged.cluster.endpoints].filter(
    ({ spec: { health: said }, isProbedDown }) => (said === 'passing' || said === 'warning') && !isProbedDown,
  );
}

it('never leaves out more than half, nor the last whose circuit is closed, whatever happens', () => {
  let most = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 0.25, 0.5), (steps, maxShare) => {
      const judged = judgedCluster({ consecutive5xx: { mode: 'enforce', count: 3 }, maxShare });
      judged.apply(...NAMES.map((id) => spec(id)));
      for (const next of steps) {
        take(judged, next);
        const members = membersOf(judged);
        const out = members.filter(({ isEjected }) => isEjected);
        most = Math.max(most, out.length);
        const n = members.length;
        expect(out.length).toBeLessThanOrEqual(n < 2 ? 0 : Math.max(1, Math.floor(n * maxShare)));
        for (const level of [0, 1]) {
          const peers = members.filter((member) => member.spec.priority === level);
          const isLeft = peers.some(({ isEjected, gate }) => !isEjected && gate.state === 'closed');
          const areOut = peers.filter(({ isEjected }) => isEjected).length;
          expect(areOut).toBeLessThanOrEqual(peers.length < 2 ? 0 : Math.floor(peers.length / 2));
          expect(areOut === 0 || isLeft).toBe(true);
        }
      }
      // Whoever is out comes back by time alone, and then nothing is armed.
      judged.clock.advance(400_000);
      expect([judged.out(), judged.clock.armed]).toEqual(['', 0]);
    }),
    { numRuns: 300 },
  );
  expect(most).toBeGreaterThanOrEqual(3);
});
