import { networkInterfaces } from 'node:os';
import { expect, it } from 'vitest';
import { callerName, selfAt } from '../../src/agent/self.ts';
import { spec } from '../support/endpoint-specs.ts';

const at = (host: string, port: number) => spec('a', { host, port });

it('is what leads to the address and port of inbound', () => {
  const isSelf = selfAt({ address: '10.0.0.1', port: 15006 });
  expect(isSelf(at('10.0.0.1', 15006))).toBe(true);
  expect(isSelf(at('10.0.0.1', 15007))).toBe(false);
  expect(isSelf(at('10.0.0.2', 15006))).toBe(false);
  expect(isSelf(at('127.0.0.1', 15006))).toBe(false);
});

it.each(['0.0.0.0', '::'])('is every address of the machine when inbound listens on %s', (address) => {
  const isSelf = selfAt({ address, port: 15006 }, () => new Set(['10.0.0.1', 'fd00::1']));
  expect(isSelf(at('10.0.0.1', 15006))).toBe(true);
  expect(isSelf(at('fd00::1', 15006))).toBe(true);
  expect(isSelf(at('127.0.0.1', 15006))).toBe(true);
  expect(isSelf(at('10.0.0.2', 15006))).toBe(false);
  expect(isSelf(at('10.0.0.1', 80))).toBe(false);
});

it('knows the addresses of this machine', () => {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  const isSelf = selfAt({ address: '::', port: 80 });
  expect(addresses.filter((address) => !isSelf(at(address, 80)))).toEqual([]);
});

it('has a name among callers that no neighbour has: of its id, its machine and its port', () => {
  const web = { id: 'web', port: 8080 };
  expect(callerName(web, 'm1')).toBe('web@m1:8080');
  const others = [
    callerName(web, 'm2'),
    callerName({ ...web, port: 8081 }, 'm1'),
    callerName({ ...web, id: 'w' }, 'm1'),
  ];
  expect(new Set([callerName(web, 'm1'), ...others]).size).toBe(4);
  expect(callerName(web)).toBe(callerName(web));
});
