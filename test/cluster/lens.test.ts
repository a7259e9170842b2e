import { describe, expect, it } from 'vitest';
import { Lens } from '../../src/cluster/lens.ts';
import type { PickContext, Picker } from '../../src/cluster/picker.ts';
import { FakeEndpoint, pickContext } from '../support/fake-endpoint.ts';

function only(endpoint: FakeEndpoint): Picker {
  return { pick: () => endpoint };
}

function nobody(refusal: PickContext['refusal']): Picker {
  return {
    pick: (context) => {
      context.refusal = refusal;
      return null;
    },
  };
}

function lens(picker: Picker | null, otherwise: Lens | null = null): Lens {
  const made = new Lens('test');
  made.picker = picker;
  made.otherwise = otherwise;
  return made;
}

describe('a lens', () => {
  const first = new FakeEndpoint('first');
  const second = new FakeEndpoint('second');

  it('waits for its first picker', () => {
    const context = pickContext();
    expect(lens(null).pick(context)).toBeNull();
    expect(context.refusal).toBe('discovery_pending');
  });

  it('asks the other lens only when it has nothing to give itself', () => {
    expect(lens(only(first), lens(only(second))).pick(pickContext())).toBe(first);
    expect(lens(nobody('circuit_open'), lens(only(second))).pick(pickContext())).toBe(second);
  });

  it('prefers another endpoint of the other lens to one that was tried, and that one to none', () => {
    const tried = pickContext({ avoid: [first] });
    expect(lens(only(first), lens(only(second))).pick(tried)).toBe(second);
    expect(lens(only(first), lens(nobody('no_endpoint'))).pick(tried)).toBe(first);
    expect(lens(only(first), lens(only(second))).pick(pickContext({ avoid: [first, second] }))).toBe(first);
  });

  it('says of both what tells more', () => {
    const refusals = [
      ['circuit_open', 'no_endpoint', 'circuit_open'],
      ['no_endpoint', 'circuit_open', 'circuit_open'],
      ['no_endpoint', 'no_endpoint', 'no_endpoint'],
    ] as const;
    for (const [own, others, said] of refusals) {
      const context = pickContext();
      expect(lens(nobody(own), lens(nobody(others))).pick(context)).toBeNull();
      expect(context.refusal).toBe(said);
    }
  });
});
