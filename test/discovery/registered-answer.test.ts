import { describe, expect, it } from 'vitest';
import { decodeSidecars } from '../../src/discovery/registered-answer.ts';

describe('the services that have a sidecar', () => {
  it('are those with the check that a sidecar registers, whether or not Consul filtered the others', () => {
    const checks = [
      { Node: 'n1', Name: 'Serf Health Status', ServiceID: '', ServiceName: '' },
      { Node: 'n1', Name: 'remora', ServiceID: 'web-1', ServiceName: 'web' },
      { Node: 'n2', Name: 'HTTP on port 80', ServiceID: 'shop', ServiceName: 'shop' },
      { Node: 'n2', Name: 'remora', ServiceID: 'api', ServiceName: 'api' },
      null,
    ];
    expect(decodeSidecars(checks)).toEqual([
      { service: 'web', id: 'web-1', node: 'n1' },
      { service: 'api', id: 'api', node: 'n2' },
    ]);
  });

  it('are not known from an answer that is no list', () => {
    expect(() => decodeSidecars({})).toThrow('expected a list');
  });
});
