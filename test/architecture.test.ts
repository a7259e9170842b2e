import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SRC = join(ROOT, 'src');

/** Innermost first: a folder imports from itself and from those before it. */
const FOLDERS = [
  'base',
  'http',
  'http1',
  'http2',
  'policy',
  'cluster',
  'net',
  'proxy',
  'route',
  'discovery',
  'identity',
  'telemetry',
  'config',
  'admin',
  'agent',
  'cli',
];

const NOWHERE = /^$/;

/** Where code that is not ours may be imported. Node's own modules count when they do I/O. */
const HOMES: readonly (readonly [name: RegExp, homes: RegExp])[] = [
  [/^node:(net|tls)$/, /^net\//],
  [/^node:dns(\/promises)?$/, /^discovery\//],
  [/^node:timers(\/promises)?$/, /^base\/clock-system\.ts$/],
  [/^node:(http2|dgram|module|worker_threads)$/, NOWHERE],
  [/^node:(http|https)$/, /^(admin|discovery|cli)\//],
  [/^consul$/, /^discovery\/consul-client\.ts$/],
  [/^@opentelemetry\//, /^telemetry\//],
  [/^@grpc\/grpc-js$/, /^(admin\/|telemetry\/otlp\.ts)/],
  [/^protobufjs$/, /^admin\//],
  [/^(zod|yaml)$/, /^config\//],
  [/^re2js$/, /^route\/table\/regex\.ts$/],
  [/^commander$/, /^(cli\/|main\.ts)/],
  [/^node:child_process$/, /^(cli\/|config\/settler-process\.ts)/],
];

/** Files over the limit, with the reason why they are better whole. */
const LONG_FILES: Readonly<Record<string, string>> = {
  'proxy/exchange.ts':
    'the order of policies is one text; its parts (admitted, race, sending, answering, instead, wait) are files of their own',
};
const MAX_LINES = 400;

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.replaceAll('\\', '/'))
  .sort();
const text = (name: string): string => readFileSync(join(SRC, name), 'utf8');

/** Names, types, side effects and late imports alike. */
function importsIn(source: string): string[] {
  const found = source.matchAll(
    /^(?:import|export)\s[^;']*?from\s+'([^']+)'|^import\s+'([^']+)'|\bimport\(\s*'([^']+)'/gm,
  );
  return [...found].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

function importsOf(name: string): string[] {
  return importsIn(text(name));
}

/** Of each, where it may stand. `globalThis` would be the way around. */
const AMBIENT: readonly (readonly [words: RegExp, home: RegExp])[] = [
  [
    /(?<![.\w])(?:(?:Date\.now|performance\.now|setTimeout|setInterval)\b|(?:new )?Date\(\))|\bhrtime\b/,
    /^base\/clock-system\.ts$/,
  ],
  [/\bMath\.random\b|\b(random(Bytes|UUID|Int|Fill|FillSync)|getRandomValues)\b/, /^base\/random\.ts$/],
  [/\bglobalThis\b/, NOWHERE],
];

function isAmbient(name: string, code: string): boolean {
  return AMBIENT.some(([words, home]) => words.test(code) && !home.test(name));
}

function strangersIn(name: string, targets: readonly string[]): string[] {
  return targets.filter((target) => HOMES.some(([module, homes]) => module.test(target) && !homes.test(name)));
}

function rankOf(name: string): number {
  if (name === 'agent.ts') return FOLDERS.indexOf('agent');
  return name.includes('/') ? FOLDERS.indexOf(name.split('/')[0]!) : FOLDERS.length;
}

function bare(name: string): string {
  return bareCode(text(name));
}

/** Code without comments and strings, for looking for words. */
function bareCode(source: string): string {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

describe('the tree', () => {
  it('has only the folders of the design', () => {
    const strangers = files.filter((name) => name.includes('/') && rankOf(name) === -1);
    expect(strangers).toEqual([]);
  });

  it.each(files)('%s imports inwards', (name) => {
    const outward = importsOf(name)
      .filter((target) => target.startsWith('.'))
      .map((target) => relative(SRC, resolve(dirname(join(SRC, name)), target)).replaceAll('\\', '/'))
      .filter((target) => rankOf(target) > rankOf(name));
    expect(outward).toEqual([]);
  });

  it('has no import cycles', () => {
    const graph = new Map(
      files.map((name) => [
        name,
        importsOf(name)
          .filter((target) => target.startsWith('.'))
          .map((target) => relative(SRC, resolve(dirname(join(SRC, name)), target)).replaceAll('\\', '/')),
      ]),
    );
    expect(cyclesAmongValues(graph)).toEqual([]);
  });

  it('keeps third-party code and I/O in its home', () => {
    const strays = files.flatMap((name) => strangersIn(name, importsOf(name)).map((target) => `${name}: ${target}`));
    expect(strays).toEqual([]);
  });

  it('uses only packages that have a home', () => {
    const packages = files
      .flatMap(importsOf)
      .filter((target) => !target.startsWith('.') && !target.startsWith('node:'));
    const homeless = [...new Set(packages)].filter((target) => !HOMES.some(([module]) => module.test(target)));
    expect(homeless).toEqual([]);
  });
});

describe('every file', () => {
  it.each(files)('%s is of a size to be read', (name) => {
    const lines = text(name).split('\n').length;
    expect(lines <= MAX_LINES || name in LONG_FILES, `${name} has ${lines} lines`).toBe(true);
  });

  it('reads no clock and no chance in place', () => {
    expect(files.filter((name) => isAmbient(name, bare(name)))).toEqual([]);
  });

  it('has no loose types, no enums, no default exports and no unfinished work', () => {
    const forbidden =
      /(:|\bas|<) ?any\b|\benum \w|\bnamespace \w|export default|@ts-(ignore|expect-error|nocheck)|\b(TODO|FIXME|XXX)\b/;
    const found = files.filter(
      (name) => forbidden.test(bare(name)) || /@ts-(ignore|nocheck)|\b(TODO|FIXME)\b/.test(text(name)),
    );
    expect(found).toEqual([]);
  });

  it('swallows no error', () => {
    expect(files.filter((name) => /catch( \([a-z_]+\))? \{\s*\}/.test(bare(name)))).toEqual([]);
  });
});

describe('these laws see', () => {
  it.each([
    "import 'node:net';",
    "import net from 'node:net';",
    "import {\n  connect,\n} from 'node:net';",
    "export * from 'node:net';",
    "const net = await import('node:net');",
    "import type { Socket } from 'node:net';",
  ])('the import in %j', (source) => {
    expect(strangersIn('proxy/plan.ts', importsIn(`const a = 'b';\n${source}\n`))).toEqual(['node:net']);
    expect(strangersIn('net/listener.ts', importsIn(source))).toEqual([]);
  });

  it.each(['node:http2', 'node:timers', 'node:timers/promises', 'node:dgram', 'node:module'])(
    'that %s has no home',
    (name) => {
      expect(strangersIn('net/listener.ts', [name])).toEqual([name]);
    },
  );

  it.each([
    'const now = Date.now();',
    'new Date()',
    'performance.now()',
    'process.hrtime.bigint()',
    'setTimeout(f, 1)',
    'globalThis.setTimeout(f, 1)',
    'Math.random()',
    'randomBytes(8)',
    'crypto.randomUUID()',
    'crypto.getRandomValues(a)',
  ])('the machine’s time or chance in %j', (source) => {
    expect(isAmbient('proxy/plan.ts', bareCode(source))).toBe(true);
  });

  it.each(['new Date(at)', 'server.setTimeout(1)', '// Date.now()', "'Date.now'"])('none in %j', (source) => {
    expect(isAmbient('proxy/plan.ts', bareCode(source))).toBe(false);
  });
});

/** Cycles of imports; types vanish when compiled, but a cycle of types is a cycle for the reader too. */
function cyclesAmongValues(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    if (path.includes(name)) {
      cycles.push([...path.slice(path.indexOf(name)), name].join(' -> '));
      return;
    }
    if (done.has(name)) return;
    for (const target of graph.get(name) ?? []) visit(target, [...path, name]);
    done.add(name);
  };
  for (const name of graph.keys()) visit(name, []);
  return cycles;
}
