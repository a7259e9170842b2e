import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Sidecar } from '../support/sidecar.ts';
import { grpcCollector, httpCollector } from '../telemetry/collector.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

let tree: string;
/** By its path under `dist/`, the text of every file of the program. */
const texts = new Map<string, string>();

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'remora-bundle-'));
  const dist = join(tree, 'dist');
  await mkdir(dist);
  await run(process.execPath, [join(ROOT, 'test/tool/bundle.mjs'), dist]);
  for (const name of await readdir(dist, { recursive: true })) {
    if (name.endsWith('.js')) texts.set(name, await readFile(join(dist, name), 'utf8'));
  }
});

afterAll(() => rm(tree, { recursive: true, force: true }));

const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1]!);

/** What is loaded with a part, before anything in it has run. */
function withImports(part: string, seen = new Set<string>()): Set<string> {
  if (seen.has(part)) return seen;
  seen.add(part);
  for (const next of found(texts.get(part)!, /^(?:import|export) .*"\.\/([^"]+)";$/gm)) {
    withImports(`parts/${next}`, seen);
  }
  return seen;
}

/** The part that a source file has become a piece of. */
function partOf(source: string): string {
  const parts = [...texts].filter(([, text]) => text.includes(`\n// ${source}\n`)).map(([name]) => name);
  expect(parts).toHaveLength(1);
  return parts[0]!;
}

const packagesIn = (text: string): string[] => found(text, /^\/\/ node_modules\/((?:@[^/]+\/)?[^/]+)\//gm);

function packagesOf(source: string): string[] {
  const all = [...withImports(partOf(source))].flatMap((part) => packagesIn(texts.get(part)!));
  return [...new Set(all)].sort();
}

it.each([
  ['src/cli/program.ts', ['commander']],
  ['src/cli/check.ts', ['yaml', 'zod']],
  ['src/cli/run.ts', []],
  ['src/config/settle.ts', ['yaml', 'zod']],
  ['src/discovery/consul-client.ts', ['consul', 'papi']],
])('loads with %s only the packages it cannot do without', (source, packages) => {
  expect(packagesOf(source)).toEqual(packages);
});

it.each([
  ['src/telemetry/tracing.ts', '@opentelemetry/sdk-trace'],
  ['src/admin/grpc.ts', '@grpc/grpc-js'],
])('has in the part of %s what run leaves out', (source, name) => {
  expect(packagesOf(source)).toContain(name);
});

it('needs nothing beside it but Node', () => {
  const targets = [...texts.values()].flatMap((text) =>
    found(text, /(?:^import |^import .* from |(?:import|require)\()"([^"\n]+)"/gm),
  );
  expect(targets).toContain('tls'); // of a library, which asks for it in its own way
  const isOurs = (target: string): boolean => target.startsWith('.');
  const isNodes = (target: string): boolean => target.startsWith('node:') || builtinModules.includes(target);
  expect(targets.filter((target) => !isOurs(target) && !isNodes(target))).toEqual([]);
});

it('takes of Node what it uses, where an import statement would load what is behind every export', () => {
  const parts = [...texts].filter(([name]) => name.startsWith('parts/'));
  const importing = parts.filter(([, text]) => /^import (?:.* from )?"[^."]|\bimport\("[^."]/m.test(text));
  expect(importing.map(([name]) => name)).toEqual([]);
});

it('asks for TLS only where an address of Consul says https', () => {
  const text = texts.get(partOf('src/discovery/consul-client.ts'))!;
  expect(found(text, /^.*require\("(https)"\)/gm)).toHaveLength(2);
  expect(text).not.toMatch(/\bhttps = |\bhttps[.;]/);
});

it('is kept in memory with one byte for each character', () => {
  expect([...texts].filter(([, text]) => /[^\0-\xff]/.test(text)).map(([name]) => name)).toEqual([]);
});

it('carries the licence of every package in it', async () => {
  const licences = await readFile(join(tree, 'dist/LICENSES.txt'), 'utf8');
  const packages = [...new Set([...texts.values()].flatMap(packagesIn))];
  expect(packages.length).toBeGreaterThan(10);
  expect(packages.filter((name) => !`\n${licences}`.includes(`\n${name} `))).toEqual([]);
});

it.each(['grpc', 'http/protobuf'] as const)(
  'runs, answers over gRPC and exports over %s without node_modules',
  async (protocol) => {
    for (const name of ['package.json', 'proto']) await cp(join(ROOT, name), join(tree, name), { recursive: true });
    const main = join(tree, 'dist/main.js');
    const collector = await (protocol === 'grpc' ? grpcCollector() : httpCollector());
    const config = {
      service: { name: 'web', port: 1 },
      upstreams: { orders: { port: 0, protocol: 'http' } },
      static: { orders: ['127.0.0.1:1'] },
      telemetry: { sampleRatio: 1, otlp: { endpoint: collector.endpoint, protocol } },
    };
    const sidecar = await Sidecar.start(config, { main });
    try {
      expect((await fetch(sidecar.url('orders'))).headers.get('x-remora-failure')).toBe('connect_refused');
      const admin = `127.0.0.1:${sidecar.port('admin-grpc')}`;
      const { stdout } = await run(process.execPath, [main, 'status', '--admin', admin]);
      expect(stdout).toContain('web');
      expect(await sidecar.stop()).toBe(0);
      expect(collector.spans.map(({ resource }) => resource['service.name'])).toContain('web');
    } finally {
      await sidecar.kill();
      await collector.close();
    }
  },
);
