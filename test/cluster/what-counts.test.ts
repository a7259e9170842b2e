import { describe, expect, it } from 'vitest';
import type { Health } from '../../src/cluster/snapshot.ts';
import type { BreakerState } from '../../src/policy/breaker.ts';
import { evidence } from '../support/evidence.ts';
import { pickContext } from '../support/fake-endpoint.ts';
import { judgedCluster } from '../support/judged-cluster.ts';

/** Shorter than the breaker's row, so that each can act without the other. */
const ROW = { consecutive5xx: { mode: 'enforce', count: 3 } } as const;
const HEALTHS: readonly Health[] = ['passing', 'warning', 'critical', 'maintenance'];
const CIRCUITS: readonly BreakerState[] = ['closed', 'open', 'probing'];
const BOTH = [false, true];

interface Cell {
  readonly health: Health;
  readonly isDown: boolean;
  readonly isEjected: boolean;
  readonly circuit: BreakerState;
}

const CELLS: readonly Cell[] = HEALTHS.flatMap((health) =>
  BOTH.flatMap((isDown) =>
    BOTH.flatMap((isEjected) => CIRCUITS.map((circuit) => ({ health, isDown, isEjected, circuit }))),
  ),
);

const titleOf = ({ health, isDown, isEjected, circuit }: Cell): string =>
  `${health}, checks ${isDown ? 'down' : 'up'}, ${isEjected ? 'ejected' : 'in'}, circuit ${circuit}`;

/** `a` is as the cell says; so many others are as they should be. */
function sceneOf({ health, isDown, isEjected, circuit }: Cell, others: string) {
  const judged = judgedCluster(ROW);
  const { cluster, find, clock, apply, attempts, spec } = judged;
  const tell = (of: Health, rest = others): void =>
    apply(spec('a', { health: of }), ...[...rest].map((id) => spec(id)));
  // Somebody is ejected only beside others.
  tell('passing', 'bcd');
  const { gate } = find('a');
  if (isEjected) attempts('a', 3, 503);
  // What it is left out for does not keep traffic away in a panic.
  if (circuit !== 'closed') for (let i = 0; i < 5; i++) gate.settle(gate.admit(clock.now()), FAILED, clock.now());
  if (circuit === 'probing') {
    clock.advance(2_000);
    expect(gate.admit(clock.now())).not.toBe(0);
  }
  find('a').isProbedDown = isDown;
  cluster.onHealthChange();
  if (others !== '') for (const id of 'bcd') attempts(id, 1);
  tell(health);
  return judged;
}

const FAILED = evidence('failure', { status: 503 });

describe.each(CELLS.map((cell) => [titleOf(cell), cell] as const))('an endpoint that is %s', (_, cell) => {
  const { health, isDown, isEjected, circuit } = cell;
  const isWell = (health === 'passing' || health === 'warning') && !isDown;

  it('is used beside others as the table says', () => {
    const { picks, find, out } = sceneOf(cell, 'bcd');
    expect([find('a').gate.state, out()]).toEqual([circuit, isEjected ? 'a' : '']);
    expect(picks()).toBe(isWell && !isEjected && circuit === 'closed' ? 'abcd' : 'bcd');
  });

  it('is used alone unless it is in maintenance or its circuit is not closed, and then that is why', () => {
    const { cluster, clock, out } = sceneOf(cell, '');
    const context = pickContext({ now: clock.now() });
    const found = cluster.pick(context)?.id ?? context.refusal;
    const refusal = circuit === 'closed' ? 'a' : 'circuit_open';
    expect(found).toBe(health === 'maintenance' ? 'no_endpoint' : refusal);
    // Nobody is left out where there is nobody else, unless it is not of those that could be.
    expect(out()).toBe(isEjected && !isWell ? 'a' : '');
  });

  it('is used again once all of it is over, and nothing stays armed', () => {
    const { cluster, clock, find, apply, attempt, spec, picks, out } = sceneOf(cell, 'bcd');
    find('a').isProbedDown = false;
    apply(...[...'abcd'].map((id) => spec(id)));
    clock.advance(40_000);
    expect(out()).toBe('');
    // The probe that is out by now has lost its place.
    attempt('a', 200);
    expect(find('a').gate.state).toBe('closed');
    expect([picks(), cluster.criticalParts]).toEqual(['abcd', []]);
    clock.advance(100_000);
    expect(clock.armed).toBe(0);
  });
});
