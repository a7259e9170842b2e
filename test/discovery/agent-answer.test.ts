import { expect, it } from 'vitest';
import { decodeOwnZone } from '../../src/discovery/agent-answer.ts';

it("reads the agent's zone from its locality, else from the meta of its node", () => {
  expect(decodeOwnZone({ Meta: { zone: 'eu-1' } })).toBe('eu-1');
  expect(decodeOwnZone({ Meta: { zone: 'eu-1' }, DebugConfig: { Locality: { Zone: 'eu-2' } } })).toBe('eu-2');
  expect(decodeOwnZone({ Meta: null, DebugConfig: { Locality: null } })).toBe(null);
  expect(decodeOwnZone({ Meta: { zone: '' } })).toBe(null);
  expect(() => decodeOwnZone([])).toThrow('the agent says nothing of itself');
});
