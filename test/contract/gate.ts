import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Gate, REFUSED, type Ticket } from '../../src/policy/gate.ts';
import { FAILURE, IGNORED, SUCCESS } from '../support/evidence.ts';

/** A gate and how to see what it holds. */
export interface GateUnderTest {
  readonly gate: Gate;
  /** Admissions it believes are out; null where it does not count them. */
  readonly out: () => number | null;
}

type Step = { readonly kind: 'admit' | 'settle' | 'wait'; readonly which: number };

const steps = fc.array(
  fc.record({ kind: fc.constantFrom<Step['kind']>('admit', 'admit', 'settle', 'wait'), which: fc.nat(1_000_000) }),
  { maxLength: 200 },
);

/** What every gate promises, whatever happens to it. */
export function gateContract(name: string, make: () => GateUnderTest): void {
  describe(`${name} as a gate`, () => {
    it('admits the first attempt', () => {
      const { gate } = make();
      expect(gate.canAdmit(1000)).toBe(true);
      expect(gate.admit(1000)).not.toBe(REFUSED);
    });

    it('answers canAdmit as admit would, and changes nothing by answering', () => {
      run(make, (gate, now) => {
        const told = gate.canAdmit(now);
        expect(gate.canAdmit(now)).toBe(told);
        return told;
      });
    });

    it('holds as many admissions as were not settled', () => {
      run(make, null);
    });

    it('admits again after everything was settled and time has passed', () => {
      fc.assert(
        fc.property(steps, (script) => {
          const { gate, tickets, now } = play(make(), script, null);
          for (const ticket of tickets) gate.settle(ticket, SUCCESS, now);
          expect(gate.canAdmit(now + 3_600_000)).toBe(true);
        }),
      );
    });

    it('takes the settling of a refusal for nothing', () => {
      fc.assert(
        fc.property(steps, (script) => {
          const { gate, now, under } = play(make(), script, null);
          const before = [gate.canAdmit(now), under.out()];
          gate.settle(REFUSED, FAILURE, now);
          expect([gate.canAdmit(now), under.out()]).toEqual(before);
        }),
      );
    });
  });
}

type Watch = ((gate: Gate, now: number) => boolean) | null;

function run(make: () => GateUnderTest, watch: Watch): void {
  fc.assert(fc.property(steps, (script) => void play(make(), script, watch)));
}

/** Plays a random script of admissions, settlements in any order and waits; checks the books after every step. */
function play(under: GateUnderTest, script: readonly Step[], watch: Watch) {
  const { gate, out } = under;
  const tickets: Ticket[] = [];
  let now = 1000;
  for (const { kind, which } of script) {
    if (kind === 'wait') {
      now += which % 5000;
    } else if (kind === 'settle' && tickets.length > 0) {
      const [ticket] = tickets.splice(which % tickets.length, 1);
      gate.settle(ticket!, [SUCCESS, FAILURE, IGNORED][which % 3]!, now);
    } else if (kind === 'admit') {
      const told = watch?.(gate, now);
      const ticket = gate.admit(now);
      if (told !== undefined) expect(ticket !== REFUSED).toBe(told);
      if (ticket !== REFUSED) tickets.push(ticket);
    }
    if (out() !== null) expect(out()).toBe(tickets.length);
  }
  return { under, gate, tickets, now };
}
