import { expect, it } from 'vitest';
import { warningsOf } from '../../src/config/warnings.ts';
import { good, web } from './parse.ts';

const registered = (lines: string): string[] =>
  warningsOf(good(web(lines).replace('port: 8080', 'port: 8080, register: {}')));

it('warns that Consul is told an address which peers on other machines cannot reach', () => {
  expect(registered('consul: { address: "http://10.0.0.9:8500" }\ninbound: { port: 15006 }\n')).toEqual([
    'inbound.address is 127.0.0.1, and service.register tells Consul so: callers on other machines will not reach it; ' +
      "unless all of them are on this one, set inbound.address to an address of this machine, or to 0.0.0.0 for the one of Consul's agent",
  ]);
});

it.each(['https://[2001:db8::1]:8501', 'http://127.0.0.1:8500', 'http://[::1]:8500', 'unix:///run/consul.sock'])(
  'warns of it wherever the agent of Consul is: %s',
  (address) => {
    expect(registered(`consul: { address: "${address}" }\n`)).toEqual([
      expect.stringMatching(/^service\.address is 127\.0\.0\.1,/),
    ]);
  },
);

it.each([
  ['inbound is on every address', 'consul: { address: "http://c:8500" }\ninbound: { port: 1, address: 0.0.0.0 }\n'],
  [
    'inbound has an address of its own',
    'consul: { address: "http://c:8500" }\ninbound: { port: 1, address: 10.0.0.5 }\n',
  ],
])('warns of nothing when %s', (_what, lines) => {
  expect(registered(lines)).toEqual([]);
});

it('warns of nothing when somebody else registers the service', () => {
  expect(warningsOf(good(web('consul: { address: "http://c:8500" }\ninbound: { port: 1 }\n')))).toEqual([]);
});
