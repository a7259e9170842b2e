// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { describe, expect, it } from 'vitest';
import { countsOf } from '../../src/config/called-services.ts';
import type { LayerName } from '../../src/config/kv-keys.ts';
import type { KvText, Material, Settlement } from '../../src/config/material.ts';
import { parsePath, valueAt } from '../../src/config/paths.ts';
import { formatProblem } from '../../src/config/problems.ts';
import { seal } from '../../src/config/seal.ts';
import { type SettleOptions, settle } from '../../src/config/settle.ts';
import { web } from './parse.ts';

const FILE = web('consul: {}\nupstreams: { orders: {} }\n');

interface Scene extends Partial<Omit<SettleOptions, 'wallMs'>> {
  readonly file?: string;
  readonly set?: readonly string[];
  readonly env?: Material['local']['env'];
  readonly newest?: Partial<Record<LayerName, string>>;
  readonly good?: Partial<Record<LayerName, string>>;
  readonly inForce?: Material['inForce'];
}

function texts(layers: Partial<Record<LayerName, string>>, from: number): KvText[] {
  return Object.entries(layers).map(([layer, text], i) => ({
    layer: layer as LayerName,
    text: text!,
    revision: String(from + i),
    isCandidate: false,
  }));
}

function settled({
  file = FILE,
  set = [],
  env = {},
  newest = {},
  good = {},
  inForce = null,
  ...rest
}: Scene): Settlement {
  const material: Material = {
    local: { source: 'remora.yaml', text: file, env, set },
    newest: texts(newest, 100),
    good: texts(good, 1),
    chains: [],
    inForce,
  };
  return settle(material, { wallMs: 0, ...rest });
}

const orders = ({ config }: Settlement) => config!.upstreams.get('orders')!;
const problemsIn = ({ layers }: Settlement): string[] => layers.flatMap(({ problems }) => problems.map(formatProblem));
const used = ({ layers }: Settlement) => Object.fromEntries(layers.map(({ layer, used }) => [layer, used?.revision]));

const connect = (time: string): string => `timeouts: { connect: ${time} }`;

describe('precedence', () => {
  const steps: Scene[] = [
    { file: web(`consul: {}\nupstreams: { orders: {} }\ndefaults: { ${connect('1s')} }\n`) },
    { file: web(`consul: {}\nupstreams: { orders: { ${connect('2s')} } }\ndefaults: { ${connect('1s')} }\n`) },
    { newest: { mesh: `defaults: { ${connect('3s')} }` } },
    { newest: { mesh: `{ defaults: { ${connect('3s')} }, upstreams: { orders: { ${connect('4s')} } } }` } },
    { newest: { 'service/orders': connect('5s') } },
    { newest: { 'caller/web': `defaults: { ${connect('6s')} }` } },
    { newest: { 'caller/web': `{ defaults: { ${connect('6s')} }, upstreams: { orders: { ${connect('7s')} } } }` } },
    { set: ['upstreams.orders.timeouts.connect=8s'] },
  ];

  it.each(steps.map((_, index) => index + 1))('lets step %i win over all below it', (count) => {
    const taken = steps.slice(0, count);
    const newest = Object.fromEntries(taken.flatMap((step) => Object.entries(step.newest ?? {})));
    const scene: Scene = Object.assign({}, ...taken, { newest });
    const settlement = settled(scene);
    expect(problemsIn(settlement)).toEqual([]);
    expect(orders(settlement).timeouts.connectMs).toBe(count * 1_000);
  });
});

describe('a document of a service', () => {
  const file = web('consul: {}\nupstreams: { orders: {}, old: { service: orders }, users: {} }\n');

  it('is laid over every upstream of that service, and over no other', () => {
    const settlement = settled({
      file,
      newest: { 'service/orders': `{ ${connect('2s')}, subsets: { v2: { tag: v2 } } }` },
    });
    const times = [...settlement.config!.upstreams.values()].map(({ name, timeouts }) => [name, timeouts.connectMs]);
    expect(times).toEqual([
      ['orders', 2_000],
      ['old', 2_000],
      ['users', 5_000],
    ]);
    expect(problemsIn(settlement)).toEqual([]);
  });

  it('is complained about once, in its own words, however many upstreams it is laid over', () => {
    const settlement = settled({ file, newest: { 'service/orders': 'timeouts:\n  connect: 5\n' } });
    expect(problemsIn(settlement)).toEqual([
      'kv:remora/config/service/orders:2:12 timeouts.connect: found 5, expected a duration such as 500ms or 15s, or 0 for none; laid over upstreams.orders',
    ]);
  });

  it.each([
    ['port: 80', ':1:1 port: found a local setting'],
    ['roles: { ports: { primary: 1 } }', ':1:10 roles.ports: found a local setting'],
    ['service: users', ':1:1 service: found the name of a service, expected how it is called'],
    ['upstreams: { orders: {} }', ':1:1 upstreams: found an unknown key'],
    ['- a', ':1:1: found a list, expected a map'],
    ['timeout: {}', ':1:1 timeout: found an unknown key, expected one of service, port,'],
    ['allowEmpty: 1', ':1:13 allowEmpty: found 1, expected true or false'],
  ])('is refused for %j', (text, complaint) => {
    const settlement = settled({ newest: { 'service/orders': text } });
    expect(problemsIn(settlement)[0]).toContain(`kv:remora/config/service/orders${complaint}`);
    expect(settlement.layers).toMatchObject([{ layer: 'service/orders', used: null }]);
  });
});

describe('defaults', () => {
  it('are complained about where they stand, with or without an upstream', () => {
    for (const file of [FILE, web('consul: {}\nupstreams: { a: {}, b: {} }\n'), web()]) {
      expect(problemsIn(settled({ file, newest: { mesh: 'defaults:\n  timeouts: { conect: 1s }' } }))).toEqual([
        expect.stringMatching(
          /^kv:remora\/config\/mesh:2:15 defaults\.timeouts\.conect: found an unknown key, .*did you mean connect\?$/,
        ),
      ]);
    }
  });

  it('say nothing of what each upstream must have for itself', () => {
    for (const key of ['service: a', 'port: 1', 'address: 127.0.0.1']) {
      const settlement = settled({ file: web(`consul: {}\ndefaults: { ${key} }\n`) });
      expect(settlement.config).toBeNull();
      expect(settlement.localProblems).toMatchObject([{ found: 'an unknown key' }]);
    }
  });

  it('let null take away what lies below them, and what lies above them stay', () => {
    const file = web(
      'consul: {}\nupstreams: { a: { hedge: { delay: 1s } }, b: {} }\ndefaults: { hedge: { delay: 2s } }\n',
    );
    const newest = { mesh: '{ defaults: { hedge: null }, upstreams: { b: { hedge: { delay: 3s } } } }' };
    const { upstreams } = settled({ file, newest }).config!;
    expect(upstreams.get('a')?.hedge).toBeNull();
    expect(upstreams.get('b')?.hedge).toMatchObject({ delayMs: 3_000 });
  });
});

describe('upstreams that routes lead to', () => {
  it('are made when nobody declared them, through routes of upstreams and documents too', () => {
    const file = web('consul: {}\noutbound: { port: 1 }\nroutes: { r: { hosts: [shop], to: a } }\n');
    const newest = {
      mesh: 'routes: { s: { hosts: [x], split: [{ upstream: b }, { upstream: c }], mirror: { to: d } } }',
      'service/a': '{ timeouts: { connect: 3s }, routes: { t: { to: { upstream: e } } } }',
    } as const;
    const settlement = settled({ file, newest });
    expect(problemsIn(settlement)).toEqual([]);
    expect([...settlement.config!.upstreams.keys()].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(settlement.config!.upstreams.get('a')?.timeouts.connectMs).toBe(3_000);
    expect(countsOf(settlement.config!)).toEqual({ upstreams: 5, routes: 3 });
  });

  it('are few where the documents of services make them: each is a connection of the caller to its agent', () => {
    const leadingTo = (name: string, count: number): string =>
      `routes: { ${Array.from({ length: count }, (_, i) => `r${i}: { to: { upstream: ${name}${i} } }`).join(', ')} }`;
    const file = web('consul: {}\nupstreams: { orders: {}, stock: {}, own0: {} }\n');
    const newest = { 'service/orders': leadingTo('a', 64), 'service/stock': 'routes: { r: { to: { upstream: a1 } } }' };
    expect(problemsIn(settled({ file, newest }))).toEqual([]);
    const more = { ...newest, 'service/stock': 'routes: { r: { to: { upstream: b } } }' };
    expect(problemsIn(settled({ file, newest: more }))).toEqual([
      expect.stringMatching(
        /^kv:remora\/config\/service\/orders:1:1 routes: found routes to upstreams .* 65 .* at most 64/,
      ),
    ]);
    expect(used(settled({ file, newest: more }))).toMatchObject({ 'service/stock': '101' });
    const declared = { 'service/orders': leadingTo('own', 65) };
    expect(problemsIn(settled({ file, newest: declared }))).toEqual([]);
    expect(problemsIn(settled({ newest: { 'service/orders': leadingTo('a', 900) } }))).toHaveLength(1);
  });

  it('are complained about where the route names them', () => {
    const file = web('outbound: { port: 1 }\nroutes:\n  r: { hosts: [shop], to: nowhere }\n');
    expect(settled({ file }).localProblems.map(formatProblem)).toEqual([
      expect.stringMatching(/^remora\.yaml:4:27 upstreams\.nowhere: found no source of endpoints/),
    ]);
  });
});

describe('a document that is no good', () => {
  const good = { mesh: `defaults: { ${connect('2s')} }` };
  const deep = `defaults: ${'{ a: '.repeat(40)}1${' }'.repeat(40)}`;

  it.each([
    ['a: [', 'found broken YAML'],
    ['', 'found nothing, expected a map'],
    [deep, 'found values nested or repeated without end'],
    [`# ${'x'.repeat(524_288)}\n{}`, 'found 524293 characters, expected at most 524288'],
    ['nonsense: 1', 'nonsense: found an unknown key'],
    ['timeouts: { connect: 1s }', 'say it under defaults, for all upstreams, or under upstreams.<name>'],
    ['consul: {}', 'consul: found a local setting'],
    ['secrets: { allowEnv: [HOME] }', 'secrets: found a local setting'],
    ['defaults: { timeouts: { connect: 5 } }', 'defaults.timeouts.connect: found 5, expected a duration'],
    ['defaults: { timeouts: { request: 1s, attempt: 5s } }', 'defaults.timeouts.attempt: found 5s'],
    ['upstreams: { x: { protocol: tcp } }', 'upstreams.x.protocol: found tcp without a port'],
    [seal(good.mesh).slice(0, -1), 'found a text that is not the one its first line was written for'],
    [seal('{}').replace('{}', '{ }'), 'found a text that is not the one its first line was written for'],
  ])('%j leaves the last good one in force', (text, complaint) => {
    const settlement = settled({ newest: { mesh: text }, good });
    expect(problemsIn(settlement)[0]).toContain(complaint);
    expect(problemsIn(settlement)[0]).toMatch(/^kv:remora\/config\/mesh:1:/);
    expect(used(settlement)).toEqual({ mesh: '1' });
    expect(orders(settlement).timeouts.connectMs).toBe(2_000);
  });

  it('is not one that consul kv get has ended with a line feed more', () => {
    for (const text of [good.mesh, `${good.mesh}\n`]) {
      expect(problemsIn(settled({ newest: { mesh: `${seal(text)}\n` } }))).toEqual([]);
      expect(problemsIn(settled({ newest: { mesh: `${seal(text)}\n\n` } }))).toHaveLength(1);
    }
  });

  it('leaves nothing in force when there was none', () => {
    const settlement = settled({ newest: { mesh: 'a: [' } });
    expect(used(settlement)).toEqual({ mesh: undefined });
    expect(orders(settlement).timeouts.connectMs).toBe(5_000);
  });

  it('does not keep others from being applied', () => {
    const settlement = settled({
      newest: {
        mesh: 'a: [',
        'service/orders': 'timeouts: { connect: 5 }',
        'caller/web': `defaults: { ${connect('7s')} }`,
      },
    });
    expect(used(settlement)).toEqual({ mesh: undefined, 'service/orders': undefined, 'caller/web': '102' });
    expect(orders(settlement).timeouts.connectMs).toBe(7_000);
  });

  it('is said with at most fifty problems', () => {
    const routes = Array.from({ length: 200 }, (_, i) => `r${i}: { hosts: [a], to: 5 }`).join(', ');
    const [mesh] = settled({ newest: { mesh: `routes: { ${routes} }` } }).layers;
    expect(mesh?.problems).toHaveLength(50);
  });

  it('is whole when its first line says so', () => {
    const settlement = settled({ newest: { mesh: seal(seal(good.mesh)) } });
    expect(problemsIn(settlement)).toEqual([]);
    expect(orders(settlement).timeouts.connectMs).toBe(2_000);
  });
});

describe('documents that contradict each other', () => {
  const attempt = { 'caller/web': 'upstreams: { orders: { timeouts: { attempt: 9s } } }' } as const;
  const request = { mesh: 'defaults: { timeouts: { request: 8s } }' } as const;

  it('lose the one that changed, and name both', () => {
    for (const [newest, good, loser] of [
      [{ ...attempt, ...request }, attempt, 'mesh'],
      [{ ...attempt, ...request }, request, 'caller/web'],
    ] as const) {
      const settlement = settled({ newest, good });
      const refused = settlement.layers.filter(({ problems }) => problems.length > 0);
      expect(refused.map(({ layer }) => layer)).toEqual([loser]);
      expect(refused[0]?.problems).toMatchObject([
        {
          source: 'kv:remora/config/caller/web',
          path: 'upstreams.orders.timeouts.attempt',
          beside: [{ source: 'kv:remora/config/mesh', path: 'defaults.timeouts.request' }],
        },
      ]);
    }
  });

  it('lose the one that is complained about when both are new', () => {
    expect(used(settled({ newest: { ...attempt, ...request } }))).toEqual({ mesh: '101', 'caller/web': undefined });
  });

  it('are tried again without what was taken back for its own faults', () => {
    const settlement = settled({
      newest: { mesh: 'defaults: { timeouts: { request: 8s }, nonsense: 1 }', ...attempt },
    });
    expect(used(settlement)).toEqual({ mesh: undefined, 'caller/web': '101' });
  });

  it('give way to the file, even those that were good before it changed', () => {
    const file = web('consul: {}\nupstreams: { orders: { timeouts: { attempt: 9s } } }\n');
    const settlement = settled({ file, newest: request, good: request });
    expect(used(settlement)).toEqual({ mesh: undefined });
    expect(problemsIn(settlement)).toEqual([
      expect.stringMatching(
        /^remora\.yaml:3:45 upstreams\.orders\.timeouts\.attempt: found 9s, expected at most request/,
      ),
    ]);
  });
});

describe('a key that vanished', () => {
  it('leaves its last good document in force, and {} clears it', () => {
    const good = { mesh: `defaults: { ${connect('2s')} }` };
    const settlement = settled({ good });
    expect(orders(settlement).timeouts.connectMs).toBe(2_000);
    expect(problemsIn(settlement)).toEqual([
      'kv:remora/config/mesh:1:1: found no such key any more, expected a document; the last good one stays in force; write {} to clear it',
    ]);
    const cleared = settled({ good, newest: { mesh: '{}' } });
    expect(orders(cleared).timeouts.connectMs).toBe(5_000);
    expect(problemsIn(cleared)).toEqual([]);
  });
});

describe('a document that would take away all', () => {
  const file = web('consul: {}\noutbound: { port: 1 }\n');
  const good = { mesh: 'routes: { r: { hosts: [shop], to: orders } }' } as const;
  const inForce = { upstreams: 1, routes: 1 };

  it('is found among hundreds of new ones without a judging for each, and alone taken back', () => {
    const names = Array.from({ length: 300 }, (_, at) => `s${at}`);
    const upstreams = Object.fromEntries(names.map((name) => [name, {}]));
    const services = Object.fromEntries(names.map((name) => [`service/${name}`, connect('3s')]));
    const file = web(`consul: {}\noutbound: { port: 1 }\nupstreams: ${JSON.stringify(upstreams)}\n`);
    const startedAt = performance.now();
    settled({ file });
    const onceMs = performance.now() - startedAt;
    const settlement = settled({
      file,
      newest: { mesh: '{}', ...services, 'caller/web': '{}' },
      good: { ...good, 'caller/web': 'routes: { other: { hosts: [other], to: s1 } }' },
      inForce: { upstreams: 301, routes: 2 },
    });
    // A judging for each would be 600 of them, and a few are in the first time already.
    expect(performance.now() - startedAt).toBeLessThan(40 * onceMs);
    expect(settlement.config!.routes.map(({ name }) => name)).toEqual(['other']);
    expect(settlement.layers.filter(({ problems }) => problems.length > 0).map(({ layer }) => layer)).toEqual([
      'caller/web',
    ]);
  });

  it('is refused, unless it says that it may', () => {
    const settlement = settled({ file, newest: { mesh: '{}' }, good, inForce });
    expect(used(settlement)).toEqual({ mesh: '1' });
    expect(problemsIn(settlement)).toEqual([expect.stringContaining('or allowEmpty: true')]);
    expect(used(settled({ file, newest: { mesh: 'allowEmpty: true' }, good, inForce }))).toEqual({ mesh: '100' });
    expect(used(settled({ file, newest: { mesh: '{}' }, good }))).toEqual({ mesh: '100' });
  });

  it('is refused when it leaves upstreams, and no route', () => {
    const settlement = settled({ newest: { mesh: '{}' }, good, inForce: { upstreams: 2, routes: 1 } });
    expect(used(settlement)).toEqual({ mesh: '1' });
  });

  it('is found among others that changed with it', () => {
    const newest = { mesh: '{}', 'caller/web': 'telemetry: { accessLog: all }' } as const;
    const settlement = settled({ file, newest, good, inForce });
    expect(used(settlement)).toEqual({ mesh: '1', 'caller/web': '101' });
    expect(settlement.config?.telemetry.accessLog).toBe('all');
  });

  it('is not looked for in the file, whose writer is at hand', () => {
    const settlement = settled({ newest: { mesh: 'telemetry: { accessLog: all }' }, good: { mesh: '{}' }, inForce });
    expect(used(settlement)).toEqual({ mesh: '100' });
  });

  it('is no matter of the file', () => {
    expect(settled({ file: `${FILE}allowEmpty: true\n` }).localProblems).toMatchObject([
      { found: 'allowEmpty in a file' },
    ]);
  });
});

describe('references of documents', () => {
  const file = `${FILE}secrets: { dir: /run/secrets, allowEnv: [TAG] }\n`;
  const files: Record<string, string> = {
    '/run/secrets/tag': 'from-a-file\n',
    '/run/secrets/out': 'no',
    '/etc/shadow': 'no',
  };
  const machine = {
    env: { TAG: 'from-env', HOME: '/root/hidden' },
    readFile: (path: string) => {
      if (files[path] === undefined) throw new Error(`no ${path}`);
      return files[path];
    },
    realPath: (path: string) => (path === '/run/secrets/out' ? '/etc/shadow' : path),
  };
  const tagged = (text: string) => ({ newest: { 'service/orders': `tag: "${text}"` } });

  it('resolve to what the file allows, and are shown as they are written', () => {
    for (const [text, tag] of [
      ['${file:tag}', 'from-a-file'],
      ['${env:TAG}', 'from-env'],
      ['a-${env:TAG}', 'a-from-env'],
    ] as const) {
      const settlement = settled({ file, ...machine, ...tagged(text) });
      expect(problemsIn(settlement)).toEqual([]);
      expect(orders(settlement).tag).toBe(tag);
      expect(settlement.shown).toMatchObject({ upstreams: { orders: { tag: text } } });
      expect(JSON.stringify([settlement.shown, ...settlement.origins])).not.toContain('from-');
    }
  });

  it.each([
    '${file:../shadow}',
    '${file:/etc/shadow}',
    '${file:a/../../shadow}',
    '${file:out}',
    '${file:absent}',
    '${file:.}',
  ])('refuse %s', (text) => {
    const settlement = settled({ file, ...machine, ...tagged(text) });
    expect(problemsIn(settlement)).toEqual([
      expect.stringContaining(`:1:6 tag: found "${text}", expected`.replaceAll('"', '')),
    ]);
    expect(orders(settlement).tag).toBeNull();
  });

  it.each(['${env:HOME}', '${env:PATH}', '${vault:a}', '${env:TAG'])('refuse %s', (text) => {
    const settlement = settled({ file, ...machine, ...tagged(text) });
    expect(problemsIn(settlement)).toEqual([expect.stringContaining(`tag: found ${text}, expected`)]);
    expect(problemsIn(settlement).join()).not.toContain('hidden');
  });

  it('refuse everything where the file allows nothing', () => {
    for (const text of ['${file:tag}', '${env:TAG}'])
      expect(problemsIn(settled({ ...machine, ...tagged(text) }))).toHaveLength(1);
  });

  it('keep what they stand for out of problems', () => {
    const env = { TAG: 'from-env' };
    const bad = 'subset: "${env:TAG}"';
    const settlement = settled({ file, ...machine, env, newest: { 'service/orders': bad } });
    expect(problemsIn(settlement).length).toBeGreaterThan(0);
    expect(problemsIn(settlement).join()).not.toContain('from-env');
  });
});

describe('what is shown', () => {
  const file = web(
    'consul: {}\nupstreams:\n  orders: { balance: ring_hash, hash: { header: x-user }, timeouts: { connect: 1s } }\n  users: {}\n',
  );
  const newest = {
    mesh: 'defaults:\n  timeouts: { request: 20s }\n  breaker: { coolDown: 2s }\n',
    'service/orders': 'timeouts: { request: 9s }',
    'caller/web': 'upstreams: { users: { breaker: { coolDown: null } } }',
  } as const;
  const settlement = settled({ file, newest, set: ['upstreams.orders.timeouts.connect=3s'] });
  const origin = (path: string) => settlement.origins.get(path);

  it('says of every value where it was written, and of none that is built in', () => {
    expect(problemsIn(settlement)).toEqual([]);
    expect(origin('upstreams.orders.timeouts.connect')).toMatchObject({ source: '--set' });
    expect(origin('upstreams.orders.timeouts.request')).toEqual({
      source: 'kv:remora/config/service/orders',
      line: 1,
      column: 22,
    });
    expect(origin('upstreams.users.timeouts.request')).toEqual({
      source: 'kv:remora/config/mesh',
      line: 2,
      column: 24,
    });
    expect(origin('upstreams.orders.breaker.coolDown')).toMatchObject({ source: 'kv:remora/config/mesh', line: 3 });
    expect(origin('upstreams.users.breaker.coolDown')).toBeUndefined();
    expect(origin('upstreams.orders.hash')).toMatchObject({ source: 'remora.yaml', line: 4 });
    expect(origin('upstreams.users.balance')).toBeUndefined();
  });

  it('names paths of what is shown', () => {
    for (const path of settlement.origins.keys())
      expect(valueAt(settlement.shown, parsePath(path) ?? [])).toBeDefined();
  });

  it('has one fingerprint however it is written, and another for other settings', () => {
    const json = { ...newest, 'service/orders': '{"timeouts": {"request": "9s"}}' };
    const set = ['upstreams.orders.timeouts.connect=3s'];
    expect(settled({ file, newest: json, set }).fingerprint).toBe(settlement.fingerprint);
    expect(settled({ file, newest: json }).fingerprint).not.toBe(settlement.fingerprint);
  });

  it('is left out when nobody asks', () => {
    const { shown, origins, config } = settled({ file, newest, isExplained: false });
    expect([shown, origins.size, config === null]).toEqual([{}, 0, false]);
  });
});
