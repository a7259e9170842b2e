import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCheck } from '../../src/cli/check.ts';
import { FIRST_FILE, WITHOUT_CONSUL } from '../config/first-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'remora-check-'));
afterAll(() => rmSync(folder, { recursive: true }));

function check(text: string | null, { set = [] as string[], env = {} } = {}) {
  const path = join(folder, 'remora.yaml');
  if (text !== null) writeFileSync(path, text);
  let output = '';
  const code = runCheck(
    text === null ? join(folder, 'none.yaml') : path,
    { set, env, wallMs: () => Date.parse('2026-01-31T12:00:00Z') },
    { write: (chunk) => (output += chunk) },
  );
  return { code, lines: output.replaceAll(`${folder}/`, '').trimEnd().split('\n') };
}

it('says ok and what would listen and where traffic would go', () => {
  expect(check(FIRST_FILE)).toEqual({
    code: 0,
    lines: [
      'ok',
      'service web at 127.0.0.1:8080',
      'inbound http on 127.0.0.1:15006 to 127.0.0.1:8080',
      'outbound http on 127.0.0.1:15001 by Host',
      'upstream orders http on 127.0.0.1:9001 to 2 static, p2c_ewma',
      'upstream cache tcp on 127.0.0.1:9002 to Consul service cache, p2c_ewma',
      'consul http://127.0.0.1:8500',
      'admin on 127.0.0.1:15000, gRPC on 127.0.0.1:15010',
    ],
  });
});

it('says what the application speaks where that is settled', () => {
  const { lines } = check('service: { name: stock, port: 50051, protocol: grpc }\ninbound: { port: 15006 }\n');
  expect(lines[2]).toBe('inbound http on 127.0.0.1:15006 to 127.0.0.1:50051, which speaks grpc');
});

it('says everything that is wrong, and how much that is', () => {
  expect(check(`${WITHOUT_CONSUL}shutdown: { timeout: 5 }\n`)).toEqual({
    code: 1,
    lines: [
      'remora.yaml:6:3 upstreams.cache: found no source of endpoints, expected endpoints under static.cache, or consul; add consul: {} or set CONSUL_HTTP_ADDR',
      'remora.yaml:10:22 shutdown.timeout: found 5, expected a duration such as 500ms or 15s',
      '2 problems',
    ],
  });
});

it('judges with the flags and the environment it is given', () => {
  const answer = check(WITHOUT_CONSUL, { set: ['admin.port=0'], env: { CONSUL_HTTP_ADDR: 'consul:8500' } });
  expect(answer.code).toBe(0);
  expect(answer.lines.slice(-2)).toEqual([
    'consul http://consul:8500',
    'admin on 127.0.0.1, any free port, gRPC on 127.0.0.1, any free port',
  ]);
});

it('says which upstreams are reached by Host only, and which not at all', () => {
  const upstreams = 'service: { name: web, port: 8080 }\nconsul: {}\nupstreams: { orders: {} }\n';
  expect(check(upstreams).lines[2]).toBe(
    'upstream orders http that nothing leads to (no port of its own, no outbound) to Consul service orders, p2c_ewma',
  );
  expect(check(`${upstreams}outbound: { port: 0 }\n`).lines[3]).toBe(
    'upstream orders http by Host only to Consul service orders, p2c_ewma',
  );
});

it('says what roles and shards an upstream has, and the ports of roles', () => {
  const upstreams = `
    db: { protocol: tcp, roles: { ports: { primary: 5432, replica: 0 } } }
    one: { roles: { ports: { primary: 5433 } } }
    users: { port: 9001, roles: { from: { lock: users/leader } } }
    carts: { port: 9002, balance: maglev, hash: { header: x-user }, roles: { kind: multi_primary, from: { meta: role } } }
    orders: { port: 9003, shards: { version: 7, key: { header: x }, map: { kind: list, otherwise: a, ranges: [{ keys: [k], shard: b }] } } }
`;
  const text = `service: { name: web, port: 8080 }\nconsul: {}\nupstreams:${upstreams}outbound: { port: 0 }\n`;
  expect(check(text).lines.filter((line) => line.startsWith('upstream'))).toEqual([
    'upstream db tcp on 127.0.0.1:5432 (primary), 127.0.0.1, any free port (replica) to Consul service db, p2c_ewma, roles by tag',
    'upstream one http on 127.0.0.1:5433 (primary), and by Host to Consul service one, p2c_ewma, roles by tag',
    'upstream users http on 127.0.0.1:9001 to Consul service users, p2c_ewma, roles by lock users/leader',
    'upstream carts http on 127.0.0.1:9002 to Consul service carts, maglev, several primaries by meta role',
    'upstream orders http on 127.0.0.1:9003 to Consul service orders, p2c_ewma, 2 shards (list, version 7)',
  ]);
});

it('names every file that it would need and cannot read', () => {
  const text = `${FIRST_FILE.replace(/^admin:.*$/m, '')}admin: { port: 0, tokenFile: ${folder}/none }\n`;
  const tls =
    'consul: { address: "https://c:1", tokenFile: /, tls: { caFile: /no/ca, certFile: /no/c, keyFile: /no/k } }';
  const answer = check(text.replace(/^consul:.*$/m, tls));
  expect(answer.code).toBe(1);
  expect(answer.lines.map((line) => line.replace(/^remora\.yaml:[0-9:]+ /, ''))).toEqual([
    'consul.tokenFile: found "/", expected a file that can be read; it is a folder',
    expect.stringMatching(/^consul\.tls\.caFile: found "\/no\/ca", expected a file that can be read; ENOENT/),
    expect.stringMatching(/^consul\.tls\.certFile: found "\/no\/c", /),
    expect.stringMatching(/^consul\.tls\.keyFile: found "\/no\/k", /),
    expect.stringMatching(/^admin\.tokenFile: found "none", /),
    '5 problems',
  ]);
  const bad =
    'service: { name: web, port: 0 }\ninbound: { port: 7 }\noutbound: { port: 7 }\nadmin: { tokenFile: /no/t }\n';
  expect(
    check(`${bad}stateDir: "\${file:/no/s}"\n`).lines.map((line) => line.split(': ')[0]!.split(' ').at(-1)),
  ).toEqual(['service.port', 'outbound.port', 'inbound.port', 'admin.tokenFile', 'stateDir', 'problems']);
  expect(
    check('service: { name: web, port: 8080 }\nconsul: {}\n', { env: { CONSUL_HTTP_TOKEN_FILE: '/no' } }).lines[0],
  ).toMatch(/^environment CONSUL_HTTP_TOKEN_FILE consul\.tokenFile: found "\/no"/);
});

it('warns, and still says ok, when callers elsewhere would be sent to loopback', () => {
  const answer = check('service: { name: web, port: 8080, register: {} }\nconsul: { address: "http://c:1" }\n');
  expect(answer.code).toBe(0);
  expect(answer.lines.at(-1)).toMatch(/^warning: service\.address is 127\.0\.0\.1/);
});

it('shows no credentials', () => {
  const otlp = 'telemetry: { otlp: { endpoint: "http://c:4318/?key=s3cret" } }';
  expect(check(`service: { name: web, port: 8080 }\n${otlp}\n`).lines.at(-1)).toBe(
    'traces to http://c:4318/?key=*** over http/protobuf',
  );
});

it('says so when there is no file', () => {
  expect(check(null)).toEqual({
    code: 1,
    lines: ['none.yaml: found no such file, expected a YAML file that can be read', '1 problem'],
  });
});
