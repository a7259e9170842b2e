import { expect, it } from 'vitest';
import { consulPolicy } from '../../../src/cli/config/consul-policy.ts';

it('gives a reader what there is to read', () => {
  const rules = consulPolicy({ role: 'reader', service: null, node: null, keyList: false });
  expect(rules.split('\n')).toEqual([
    '# remora: reads documents, their history and what sidecars run; writes nothing.',
    'service_prefix "" { policy = "read" }',
    'node_prefix "" { policy = "read" }',
    'key_prefix "remora/" { policy = "read" }',
    '',
  ]);
});

it('lets a sidecar write its service, its session, its status and its objections, and nothing else', () => {
  const rules = consulPolicy({ role: 'sidecar', service: 'web', node: 'n1', keyList: true });
  expect(rules.split('\n').filter((line) => line.includes('"write"'))).toEqual([
    'service "web" { policy = "write" }',
    'key_prefix "remora/rollout/objection/web/" { policy = "write" }',
    'key_prefix "remora/status/web/" { policy = "write" }',
    'session "n1" { policy = "write" }',
  ]);
});

it('keeps names within their quotes', () => {
  const rules = consulPolicy({ role: 'sidecar', service: 'a"b', node: null, keyList: false });
  expect(rules).toContain('service "a\\"b" { policy = "write" }');
});
