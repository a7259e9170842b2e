import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runTests } from '../../../src/cli/test.ts';

const README = readFileSync(new URL('../../../src/agent/rehearsal/README.md', import.meta.url), 'utf8');
const EXAMPLE = /^```yaml\n([\s\S]*?)^```/m.exec(README)![1]!;

const folder = mkdtempSync(join(tmpdir(), 'remora-policy-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function file(text: string, name = `${++files}.yaml`): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

/** The exit code and what was written, less the name of the folder. */
async function run(...paths: readonly string[]): Promise<{ code: number; text: string; junit: string }> {
  let text = '';
  const junit = join(folder, 'junit.xml');
  const options = { junit, env: {}, wallMs: () => 1_700_000_000_000 };
  const code = await runTests(paths, options, { write: (more) => (text += more) });
  const plain = (all: string): string => all.replaceAll(`${folder}/`, '');
  return { code, text: plain(text), junit: plain(readFileSync(junit, 'utf8')) };
}

/** One test of a mesh document, as a whole file. */
function one(mesh: string, request: string, expectation: string, more = ''): string {
  return file(
    `documents:\n  mesh: ${mesh}\n${more}\ntests:\n  - name: it\n    request: ${request}\n    expect: ${expectation}\n`,
  );
}

it('the example of the README is as it says', async () => {
  const { code, text } = await run(file(EXAMPLE));
  expect(text.replace(/^.*\.yaml\n/, '')).toBe(
    [
      '  ok    staff get the new version',
      '  ok    all others get any',
      '  ok    the old path is gone',
      '  ok    who refuses is not the last',
      '  ok    nobody is there',
      '5 tests, 0 failed',
      '',
    ].join('\n'),
  );
  expect(code).toBe(0);
});

describe('what is otherwise', () => {
  it('is said with what was expected, what was found, and why', async () => {
    const { code, text, junit } = await run(
      one(
        '{ routes: { old: { hosts: [orders], match: { path: { segments: /old }, methods: [GET] }, to: orders } } }',
        '{ host: orders, path: /old/1 }',
        '{ route: new, status: 204, endpoints: [a], timeouts: { attempt: 1ms }, sent: { path: /x, headers: { x-a: null } } }',
      ),
    );
    expect(code).toBe(1);
    expect(text).toContain('  FAIL  it (line 5)\n');
    expect(text).toContain('route: expected "new", found "old"\n');
    expect(text).toContain('status: expected 204, found 200\n');
    expect(text).toContain('endpoints: expected a, found orders\n');
    expect(text).toContain('timeouts.attempt: expected 1ms, found ');
    expect(text).toContain('sent.path: expected "/x", found "/old/1"\n');
    expect(text).toContain('since route old matches it: path segments /old, GET\n');
    expect(text).toContain('1 test, 1 failed\n');
    expect(junit).toContain('tests="1" failures="1" errors="0"');
    expect(junit).toContain('<failure message="route: expected &quot;new&quot;, found &quot;old&quot;">');
  });

  it('is everything, where no port takes the request', async () => {
    const { code, text } = await run(one('{}', '{ port: 9009 }', '{ status: 200 }'));
    expect(code).toBe(1);
    expect(text).toContain(
      'request: expected the outbound port of its sidecar, or one of an upstream, found port 9009',
    );
  });
});

describe('a decision', () => {
  it.each<[string, string, string, string, string?]>([
    ['nobody is called so', '{}', '{ host: nobody }', '{ refusal: no_route, status: 404, upstream: null }'],
    [
      'a route answers',
      '{ routes: { hello: { match: { path: { exact: /hello } }, respond: { status: 418, body: hi } } } }',
      '{ host: any.where, path: /hello }',
      '{ route: hello, status: 418, upstream: null, refusal: null, attempts: [] }',
    ],
    [
      'a path is rewritten and fields are set',
      '{ routes: { a: { match: { path: { segments: /api } }, to: orders, rewrite: { prefix: / }, request: { set: { x-b: "1" } } } } }',
      '{ host: shop, path: "/api/1?x=2", headers: { x-b: "0" } }',
      '{ route: a, upstream: orders, sent: { path: "/1?x=2", headers: { x-b: "1", x-c: null } } }',
    ],
    [
      'one of an upstream by its own port',
      '{ upstreams: { orders: { routes: { r: { match: { path: { exact: /r } }, to: users } } } } }',
      '{ port: 9001, path: /r }',
      '{ route: r, upstream: users }',
      'config: sidecar.yaml',
    ],
    [
      'nobody else is well enough to be asked',
      '{ upstreams: { orders: {} } }',
      '{ host: orders }',
      '{ status: 503, refusal: connect_refused, attempts: [a, a, a] }',
      'assume: { orders: [ { id: a, answers: refused }, { id: b, health: critical } , { id: b2, health: maintenance } ] }',
    ],
    [
      'a call of gRPC',
      '{ upstreams: { orders: { protocol: grpc } }, routes: { g: { match: { grpc: { service: shop.Cart } }, to: orders } } }',
      '{ host: shop, method: POST, path: /shop.Cart/Add, headers: { content-type: application/grpc } }',
      '{ route: g, upstream: orders, status: 200, refusal: null }',
    ],
    [
      'a write has no primary in the end',
      '{ upstreams: { orders: { roles: {} } } }',
      '{ host: orders, method: POST }',
      '{ refusal: no_primary, status: 503 }',
      'assume: { orders: [ { id: a, tags: [replica] } ] }',
    ],
    [
      'a pattern',
      '{ routes: { p: { match: { path: { regex: "/[0-9]+" } }, to: orders } } }',
      '{ host: shop, path: /17 }',
      '{ route: p }',
    ],
    [
      'callers have documents of their own',
      '{}',
      '{ host: shop, path: /17 }',
      '{ route: mine, endpoints: [orders] }',
      'caller: web\nassume: {}',
    ],
  ])('%s', async (_what, mesh, request, expectation, more = '') => {
    file(
      'service: { name: web, port: 80 }\nconsul: {}\nupstreams: { orders: { port: 9001 }, users: {} }',
      'sidecar.yaml',
    );
    const own = more.startsWith('caller')
      ? '  caller/web: { routes: { mine: { to: orders } } }\n  caller/other: { nonsense: 1 }\n'
      : '';
    const { text } = await run(one(mesh, request, expectation, own + more));
    expect(text).toContain('  ok    it\n');
  });
});

describe('a file that is wrong', () => {
  it.each([
    ['tests: []', '1.yaml:1:8 tests: found an empty list, expected at least one test'],
    ['tests: [ { name: a, expect: { status: 200 }, reqest: {} } ]', 'did you mean request?'],
    ['tests: [ { name: a, expect: {} } ]', 'expected at least one thing that is expected'],
    [
      'tests: [ { name: a, expect: { refusal: no_such_code } } ]',
      'tests[0].expect.refusal: found "no_such_code", expected',
    ],
    ['tests: [ { name: a, expect: { timeouts: { requests: 1s } } } ]', 'did you mean request?'],
    [
      'documents: { mash: {} }\ntests: [ { name: a, expect: { status: 200 } } ]',
      'expected mesh, service/NAME or caller/NAME',
    ],
    [
      'documents: { mesh: nowhere.yaml }\ntests: [ { name: a, expect: { status: 200 } } ]',
      'nowhere.yaml cannot be read',
    ],
    [
      'documents: { mesh: { upstreams: { orders: { retry: 5 } } } }\ntests: [ { name: a, expect: { status: 200 } } ]',
      'kv:remora/config/mesh',
    ],
    ['tests: [', 'broken YAML'],
  ])('%s', async (text, words) => {
    const { code, text: said, junit } = await run(file(text));
    expect(said).toContain(words.replace(/^1\.yaml/, `${files}.yaml`));
    expect(code).toBe(2);
    expect(junit).toContain('errors="1"');
  });

  it('keeps no other from being run', async () => {
    const good = one('{}', '{ host: nobody }', '{ refusal: no_route }');
    const { code, text } = await run(join(folder, 'missing.yaml'), good);
    expect(code).toBe(2);
    expect(text).toContain('missing.yaml: ');
    expect(text).toContain('1 test, 0 failed, 1 of 2 files not run');
  });
});
