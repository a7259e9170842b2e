import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Objection, Rollout } from '../../src/config/rollout.ts';
import { isInShare, type Part, PROMOTION_MS, placeOf, Rollouts } from '../../src/config/rollouts.ts';
import { ManualClock } from '../support/manual-clock.ts';

const FOR_MS = 60_000;
const LASTS_MS = 90_000;

function staged(clock: ManualClock, more: Partial<Rollout> = {}): Rollout {
  const startedAtMs = clock.wallMs();
  return {
    layer: 'mesh',
    base: '100',
    candidate: '{}',
    share: 10_000,
    seed: '00000000000000aa',
    guards: [],
    forMs: FOR_MS,
    startedAtMs,
    untilMs: startedAtMs + LASTS_MS,
    by: 'test',
    ...more,
  };
}

function objectionTo({ seed, layer }: Rollout): Objection {
  return { seed, layer, kind: 'broken', requests: 200, why: 'error_ratio 50 %', atMs: 0 };
}

/** A sidecar and the KV store that it looks at. */
class Scene {
  readonly clock = new ManualClock();
  staged: Rollout[] = [];
  objections: Objection[] = [];
  revision = '100';
  /** Of the wall clock of this machine. */
  skewMs = 0;
  readonly rollouts = new Rollouts('web', 'web-1');

  look(): readonly Part[] {
    const { clock, staged, objections, revision } = this;
    return this.rollouts.look({
      staged,
      objections,
      revisionOf: () => revision,
      concerns: () => true,
      now: clock.now(),
      wallMs: clock.wallMs() + this.skewMs,
    });
  }

  get runs(): boolean {
    return this.look().some(({ isRunning }) => isRunning);
  }

  get why(): string | undefined {
    return this.look()[0]?.why;
  }
}

function running(): { readonly scene: Scene; readonly rollout: Rollout } {
  const scene = new Scene();
  scene.look();
  const rollout = staged(scene.clock);
  scene.staged = [rollout];
  expect(scene.runs).toBe(true);
  return { scene, rollout };
}

describe('Rollouts', () => {
  it('runs the candidate of a rollout whose share it is in, and of no other', () => {
    const { scene, rollout } = running();
    scene.staged = [{ ...rollout, seed: '00000000000000bb', share: 0 }];
    scene.clock.advance(PROMOTION_MS);
    expect(scene.runs).toBe(false);
  });

  it('leaves at an objection of anybody', () => {
    const { scene, rollout } = running();
    scene.objections = [objectionTo({ ...rollout, seed: '00000000000000cc' })];
    expect(scene.runs).toBe(true);
    scene.objections = [objectionTo(rollout)];
    expect(scene.runs).toBe(false);
    expect(scene.why).toBe('somebody objects: error_ratio 50 %');
  });

  it('leaves when the time is over, whatever becomes of Consul', () => {
    const { scene } = running();
    scene.clock.advance(LASTS_MS - 10);
    expect(scene.runs).toBe(true);
    scene.clock.advance(10);
    expect(scene.runs).toBe(false);
  });

  it('leaves in time on a machine whose clock is behind', () => {
    const scene = new Scene();
    scene.look();
    scene.skewMs = -3_600_000;
    scene.staged = [staged(scene.clock)];
    expect(scene.runs).toBe(true);
    scene.clock.advance(LASTS_MS);
    expect(scene.runs).toBe(false);
  });

  it('leaves when the layer has moved, forwards or backwards', () => {
    for (const revision of ['101', '99', '0']) {
      const { scene } = running();
      scene.revision = revision;
      expect(scene.runs).toBe(false);
      scene.revision = '100';
      expect(scene.runs).toBe(false);
    }
  });

  it('waits for a base that it has not seen yet', () => {
    const scene = new Scene();
    scene.revision = '90';
    scene.staged = [staged(scene.clock)];
    expect(scene.runs).toBe(false);
    expect(scene.why).toBe('mesh has not been seen at 100 yet');
    scene.revision = '100';
    expect(scene.runs).toBe(true);
  });

  it('goes to a promoted document straight, whichever watch is first', () => {
    for (const isDocumentFirst of [true, false]) {
      const { scene } = running();
      if (isDocumentFirst) {
        scene.revision = '105';
        expect(scene.runs).toBe(false);
        scene.staged = [];
      } else {
        scene.staged = [];
        expect(scene.runs).toBe(true);
        scene.clock.advance(50);
        scene.revision = '105';
      }
      expect(scene.runs).toBe(false);
    }
  });

  it('leaves a rollout that is gone and was not promoted', () => {
    const { scene, rollout } = running();
    scene.staged = [];
    expect(scene.runs).toBe(true);
    scene.clock.advance(PROMOTION_MS);
    expect(scene.runs).toBe(false);
    scene.staged = [rollout];
    expect(scene.runs).toBe(false);
  });

  it('hears of an objection while it waits for a promotion', () => {
    const { scene, rollout } = running();
    scene.staged = [];
    expect(scene.runs).toBe(true);
    scene.objections = [objectionTo(rollout)];
    expect(scene.runs).toBe(false);
  });

  it('judges from when it first saw it; a late starter by the wall clock, which is all it has', () => {
    const { scene, rollout } = running();
    scene.clock.advance(FOR_MS - 10);
    expect(scene.look()[0]!.isJudged).toBe(false);
    scene.clock.advance(10);
    expect(scene.look()[0]!.isJudged).toBe(true);

    const late = new Scene();
    late.staged = [{ ...rollout, startedAtMs: late.clock.wallMs() - FOR_MS, untilMs: late.clock.wallMs() + 30_000 }];
    expect(late.look()[0]).toMatchObject({ isRunning: true, isJudged: true });
  });

  it('leaves what it objects to itself', () => {
    const { scene, rollout } = running();
    scene.rollouts.leave(rollout.seed, 'broken');
    expect(scene.runs).toBe(false);
    expect(scene.why).toBe('broken');
  });

  it('takes part as often as the share says', () => {
    const seed = '0123456789abcdef';
    const names = Array.from({ length: 10_000 }, (_, i) => `web-${i}`);
    const taken = names.filter((name) => isInShare({ seed, share: 1_000 }, 'web', name)).length;
    expect(taken).toBeGreaterThan(900);
    expect(taken).toBeLessThan(1_100);
    expect(placeOf(seed, 'web', 'web-1')).not.toBe(placeOf('0123456789abcdee', 'web', 'web-1'));
  });

  it('never runs a candidate after its end, and never takes one up again', () => {
    const event = fc.oneof(
      fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 10, max: 40_000 }) }),
      fc.record({ kind: fc.constantFrom('stage', 'vanish', 'object', 'move', 'leave', 'restage', 'look' as const) }),
      fc.record({ kind: fc.constant('clock' as const), ms: fc.integer({ min: -200_000, max: 200_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 30 }), fc.boolean(), (events, isEarly) => {
        const scene = new Scene();
        if (isEarly) scene.look();
        const rollout = staged(scene.clock);
        let hasLeft = false;
        let runsSince: number | null = null;
        let goneSince: number | null = null;
        /** For good: nothing that may come later makes it right to run the candidate. */
        let isOver = false;
        for (const step of events) {
          if (step.kind === 'pass') scene.clock.advance(step.ms);
          else if (step.kind === 'clock') scene.skewMs = step.ms;
          else if (step.kind === 'stage') scene.staged = [rollout];
          else if (step.kind === 'restage') scene.staged = [{ ...rollout, seed: 'ffffffffffffffff', share: 0 }];
          else if (step.kind === 'vanish') scene.staged = [];
          else if (step.kind === 'object') scene.objections = [objectionTo(rollout)];
          else if (step.kind === 'move') scene.revision = '107';
          else if (step.kind === 'leave' && runsSince !== null) {
            scene.rollouts.leave(rollout.seed, 'broken');
            isOver = true;
          }
          const now = scene.clock.now();
          const isRunning = scene.runs;
          isOver ||= scene.objections.length > 0 || scene.revision !== '100';
          if (runsSince !== null) {
            isOver ||= step.kind === 'restage' || now - runsSince >= LASTS_MS;
            goneSince = scene.staged.includes(rollout) ? null : (goneSince ?? now);
            isOver ||= goneSince !== null && now - goneSince >= PROMOTION_MS;
          }
          if (isRunning) {
            runsSince ??= now;
            expect(isOver).toBe(false);
            expect(hasLeft).toBe(false);
            expect(scene.clock.wallMs() + scene.skewMs).toBeLessThan(rollout.untilMs);
          }
          hasLeft ||= runsSince !== null && !isRunning;
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
