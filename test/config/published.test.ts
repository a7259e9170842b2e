// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { jsonSchema } from '../../src/config/json-schema.ts';
import { keyTable } from '../../src/config/key-table.ts';
import { FIRST_FILE, WITHOUT_STATIC } from './first-file.ts';
import { web } from './parse.ts';

const SCHEMA_FILE = new URL('../../deploy/remora.schema.json', import.meta.url);
const README = new URL('../../src/config/README.md', import.meta.url);
const KEYS = /(?<=<!-- keys -->\n)[\s\S]*(?=<!-- \/keys -->)/;

if (process.env['UPDATE'] === '1') {
  writeFileSync(SCHEMA_FILE, `${JSON.stringify(jsonSchema(), null, 2)}\n`);
  writeFileSync(
    README,
    readFileSync(README, 'utf8').replace(KEYS, () => `\n${keyTable()}\n\n`),
  );
}

it('publishes the schema that the program has (UPDATE=1 writes it anew)', () => {
  expect(JSON.parse(readFileSync(SCHEMA_FILE, 'utf8'))).toEqual(jsonSchema());
});

it('lists in its README the keys that the program has (UPDATE=1 writes them anew)', () => {
  expect(KEYS.exec(readFileSync(README, 'utf8'))?.[0].trim()).toBe(keyTable());
});

it('says of every key what it means, and of every value who may set it', () => {
  for (const row of keyTable().split('\n').slice(2)) {
    const [, key, fallback, scope, meaning] = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    expect.soft(meaning, key).not.toBe('');
    expect.soft(fallback, key).not.toBe('');
    if (scope === '') expect.soft(keyTable(), key).toContain(`${key?.slice(0, -1)}.`);
  }
});

describe('the published schema', () => {
  const accepts = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile(
    JSON.parse(readFileSync(SCHEMA_FILE, 'utf8')) as object,
  );
  const verdict = (text: string) => accepts(parse(text)) || accepts.errors;

  it.each([
    ['the first file', FIRST_FILE],
    ['the first file without static', WITHOUT_STATIC],
    [
      'references',
      web('admin: { port: "${env:PORT}" }\nconsul: { token: "${file:/t}" }\nstateDir: "${env:DIR}/state"'),
    ],
    ['a timeout that is off', web('upstreams: { a: { timeouts: { request: 0 }, retry: { replay: 0 } } }')],
    ['no gRPC port', web('admin: { grpcPort: off }')],
    ['a hash', web('upstreams: { a: { balance: ring_hash, hash: { source: true } } }')],
    ['a ring', web('upstreams: { a: { balance: ring_hash, hash: { source: true }, ring: { points: 9 } } }')],
    [
      'hashes',
      web(
        'upstreams: { a: { hash: [ { header: a }, { cookie: { name: b, ttl: 1h } }, { path: { regex: "/(.)" } } ] } }',
      ),
    ],
  ])('accepts %s', (_what, text) => {
    expect(verdict(text)).toBe(true);
  });

  it.each([
    ['no service', 'admin: { port: 1 }'],
    ['an unknown key', web('upstrems: {}')],
    ['an unknown key below', web('upstreams: { a: { timeouts: { conect: 1s } } }')],
    ['a duration without a unit', web('upstreams: { a: { timeouts: { connect: 5 } } }')],
    ['a 0 where it means nothing', web('http: { headTimeout: 0 }')],
    ['a port too high', web('admin: { port: 65536 }')],
    ['a word for a port', web('admin: { port: http }')],
    ['an unknown balancer', web('upstreams: { a: { balance: magic } }')],
    ['a hash of what is no part of a request', web('upstreams: { a: { hash: [ { heder: a } ] } }')],
    ['a cookie without a name', web('upstreams: { a: { hash: { cookie: { ttl: 1h } } } }')],
    ['a name that is none', web('upstreams: { "a b": {} }')],
    ['an endpoint without a port', web('static: { a: ["host"] }')],
    ['nothing behind a key', web('consul:')],
  ])('refuses %s', (_what, text) => {
    expect(verdict(text)).not.toBe(true);
  });
});
