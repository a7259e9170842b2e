// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the configuration look like this
import { beforeEach, describe, expect, it } from 'vitest';
import { type ApplyOptions, runApply } from '../../../src/cli/config/apply.ts';
import { runCheckAll, runCheckFile } from '../../../src/cli/config/check-layers.ts';
import type { ExitCode } from '../../../src/cli/config/exit.ts';
import { runHistory } from '../../../src/cli/config/history.ts';
import { runInit } from '../../../src/cli/config/init.ts';
import { runPlan } from '../../../src/cli/config/plan.ts';
import { runRollback } from '../../../src/cli/config/rollback.ts';
import { runShow, runShowLayer } from '../../../src/cli/config/show.ts';
import { configKey, type LayerName, rolloutKey, statusKey } from '../../../src/config/kv-keys.ts';
import { encodeRollout } from '../../../src/config/rollout-text.ts';
import { seal, unsealed } from '../../../src/config/seal.ts';
import type { SidecarStatus } from '../../../src/config/sidecar-status.ts';
import { encodeStatus } from '../../../src/config/status-text.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { type Fate, MemoryKv } from '../../support/memory-kv.ts';
import { Desk } from '../operator.ts';

let kv: MemoryKv;
let clock: ManualClock;
let desk: Desk;

beforeEach(() => {
  kv = new MemoryKv();
  clock = new ManualClock();
  desk = new Desk(kv, clock);
});

function stored(layer: LayerName): string | null {
  const found = kv.keys.get(configKey(layer));
  return found === undefined ? null : unsealed(found.text);
}

/** A sidecar that says what it runs. */
function tell(name: string, calls: readonly string[], layers: SidecarStatus['layers'] = []): void {
  const [service, instance] = name.split('/') as [string, string];
  const more = { version: '1', startedAtMs: 0, sinceMs: 0, verdicts: [], rings: {} };
  kv.put(statusKey(service, instance), encodeStatus({ service, instance, layers, calls, ...more }));
}

/** Lets time pass until a command is over. */
async function over(doing: Promise<ExitCode>): Promise<ExitCode> {
  let code: ExitCode | null = null;
  void doing.then((said) => {
    code = said;
  });
  for (let turn = 0; code === null && turn < 2_000; turn++) {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    clock.advance(50);
  }
  return doing;
}

function apply(layer: LayerName, text: string, more: Partial<ApplyOptions> = {}): Promise<ExitCode> {
  const file = desk.file('a.yaml', text);
  return over(runApply(desk.operator, { layer, file, base: null, message: '', waitMs: null, canary: null, ...more }));
}

describe('init', () => {
  it('writes what is missing, once', async () => {
    expect(await runInit(desk.operator)).toBe(0);
    expect(desk.heard()).toEqual(['remora/config/mesh written', 'remora/rollout/ written']);
    kv.put(configKey('mesh'), 'defaults: {}\n');
    expect(await runInit(desk.operator)).toBe(0);
    expect(desk.heard()).toEqual(['remora/config/mesh is there', 'remora/rollout/ is there']);
    expect(stored('mesh')).toBe('defaults: {}\n');
  });
});

describe('plan', () => {
  const plan = (layer: LayerName, text: string): Promise<ExitCode> =>
    runPlan(desk.operator, { layer, file: desk.file('p.yaml', text), json: false });

  it('tells what changes, for whom, and what comes of it there, and writes nothing', async () => {
    kv.put(configKey('mesh'), 'defaults: { timeouts: { request: 9s } }\n');
    kv.put(configKey('caller/cart'), 'upstreams: { orders: { timeouts: { request: 1s } } }\n');
    tell('web/web-1', ['orders']);
    tell('cart/cart-1', ['orders', 'stock']);
    tell('other/other-1', ['stock']);
    const before = kv.index;
    expect(await plan('service/orders', 'timeouts: { request: 5s }\n')).toBe(0);
    expect(kv.index).toBe(before);
    expect(desk.heard().slice(0, -2)).toEqual([
      'service/orders, there is no document yet',
      '~ how orders is called',
      '    timeouts.request  (not said) -> 5s',
      'concerns 2 sidecars that call orders: cart/cart-1, web/web-1',
      'in sidecars of cart',
      '  nothing changes',
      '  stays: upstreams.orders.timeouts.request is that of kv:remora/config/caller/cart',
      'in sidecars of web',
      '  ~ upstream orders',
      '      timeouts.request  9s -> 5s',
      '(as far as KV says; files lie below it, and are known only where a sidecar runs)',
      '',
    ]);
  });

  it('tells which upstreams and routes come', async () => {
    tell('web/web-1', ['orders']);
    const routes = '  cart:\n    hosts: [shop]\n    to: cart\n';
    expect(await plan('mesh', `routes:\n${routes}`)).toBe(0);
    const heard = desk.heard().join('\n');
    expect(heard).toContain('+ route cart\n    hosts  ["shop"]\n    to     cart\n');
    expect(heard).toMatch(/in sidecars of web\n[\s\S]* {2}\+ upstream cart\n/);
  });

  it('warns of services that Consul does not know, which a slip in a name makes', async () => {
    tell('web/1', ['orders']);
    kv.unknown.add('ordrs').add('orders');
    expect(await plan('mesh', 'routes: { a: { hosts: a, to: ordrs }, b: { hosts: b, to: orders } }')).toBe(0);
    expect(desk.heard().filter((line) => line.startsWith('warning'))).toEqual([
      'warning: service ordrs would be called, and Consul knows no instance of it: is that its name?',
    ]);
    expect(await plan('service/ordrs', 'retry: { maxAttempts: 1 }')).toBe(0);
    expect(desk.said).toContain('warning: service ordrs would be called');
    const { operator } = desk;
    expect(await runCheckFile(operator, 'mesh', desk.file('c.yaml', 'routes: { a: { hosts: a, to: ordrs } }'))).toBe(0);
    expect(desk.said).toContain('ok\nwarning: service ordrs would be called');
  });

  it('names line, path, found and expected of a document that is no good, in the file as it is', async () => {
    expect(await plan('service/orders', '# how\ntimeouts:\n  conect: 3\n')).toBe(1);
    const [problem, count] = desk.heard();
    expect(problem).toMatch(
      /p\.yaml:3:3 timeouts\.conect: found an unknown key, expected one of .*did you mean connect\?/,
    );
    expect(count).toBe('1 problem');
  });

  it('names the line of another document that it contradicts', async () => {
    kv.put(configKey('service/orders'), 'hedge: { delay: 50ms }\nretry: { maxAttempts: 2 }\n');
    expect(await plan('mesh', 'defaults: { hash: { nonsense: true } }\n')).toBe(1);
    expect(desk.heard()[0]).toMatch(/p\.yaml:1:\d+ defaults\.hash/);
  });

  it('names sidecars that are registered and have told nothing', async () => {
    tell('web/web-1', []);
    const node = 'n1';
    kv.sidecars = async () => [
      { service: 'web', id: 'web-1', node },
      { service: 'web', id: 'web-2', node },
      { service: 'cart', id: 'cart-1', node },
    ];
    expect(await plan('caller/web', 'defaults: { panic: 0.1 }\n')).toBe(0);
    expect(desk.said).toContain('concerns 1 sidecar: web/web-1\n');
    expect(desk.said).toContain('registered in Consul without a status: web/web-2 on n1\n');
  });

  it('takes references for what they are', async () => {
    const text = 'defaults: { tag: "${env:TAG}" }\n';
    expect(await plan('mesh', text), desk.said).toBe(0);
    expect(desk.said).toContain('${env:TAG}');
  });
});

describe('apply', () => {
  it('seals what it writes', async () => {
    expect(await apply('service/orders', 'timeouts: { request: 5s }\n')).toBe(0);
    expect(kv.keys.get(configKey('service/orders'))!.text).toBe(seal('timeouts: { request: 5s }\n'));
  });

  it('writes nothing that is no good', async () => {
    expect(await apply('service/orders', 'timeouts: { request: 5 }\n')).toBe(1);
    expect(await apply('caller/web', 'admin: { port: 1 }\n')).toBe(1);
    expect(kv.transactions).toBe(0);
  });

  it('writes nothing where it would change nothing', async () => {
    await apply('mesh', '{}\n');
    expect(await apply('mesh', '{}\n')).toBe(0);
    expect(desk.heard().at(-1)).toMatch(/^mesh has this document already, as revision \d+; nothing was written$/);
    expect(kv.transactions).toBe(1);
  });

  it('refuses another base than the one that was planned against, and shows what came between', async () => {
    await apply('service/orders', 'timeouts: { request: 5s }\n');
    const base = String(kv.keys.get(configKey('service/orders'))!.revision);
    await apply('service/orders', 'timeouts: { request: 6s }\n', { message: 'six' });
    desk.heard();
    expect(await apply('service/orders', 'timeouts: { request: 7s }\n', { base })).toBe(2);
    const heard = desk.heard().join('\n');
    expect(heard).toMatch(
      /not applied: service\/orders is revision \d+ by now, and it was \d+, by ann@desk at .*: six/,
    );
    expect(heard).toContain('timeouts.request  5s -> 6s\nNothing was written.');
  });

  it('says that it does not know, with a code of its own, and how to find out', async () => {
    kv.fates.push(...new Array<Fate>(1_000).fill('lost'));
    expect(await apply('mesh', 'defaults: {}\n')).toBe(4);
    expect(desk.heard().slice(-3)).toEqual([
      'unknown: Consul did not say whether it was done (Consul answered 500: No cluster leader)',
      expect.stringContaining('What stands there:'),
      '  remora config history --mesh',
    ]);
  });

  it('waits for the sidecars that it is for, and says who refused and why', async () => {
    tell('web/web-1', ['orders']);
    tell('web/web-2', ['orders']);
    tell('idle/idle-1', []);
    const doing = apply('service/orders', 'timeouts: { request: 5s }\n', { waitMs: 5_000 });
    const layer = 'service/orders';
    const answer = (problems: readonly string[]): SidecarStatus['layers'] => {
      const revision = String(kv.keys.get(configKey(layer))?.revision ?? 0);
      return [{ layer, applied: problems.length > 0 ? null : revision, seen: revision, candidate: null, problems }];
    };
    for (let i = 0; i < 200; i++) await Promise.resolve();
    tell('web/web-1', ['orders'], answer([]));
    tell('web/web-2', ['orders'], answer(['kv:... found 5, expected 6']));
    expect(await doing).toBe(3);
    expect(desk.heard().slice(-2)).toEqual([
      '1 of 2 sidecars applied it, 1 refused, 0 did not answer',
      '  web/web-2 refused: kv:... found 5, expected 6',
    ]);
  });

  it('does not wait for ever for one that says nothing', async () => {
    tell('web/web-1', ['orders']);
    expect(await apply('service/orders', 'timeouts: { request: 5s }\n', { waitMs: 5_000 })).toBe(3);
    expect(desk.heard().at(-1)).toBe('  web/web-1 has not answered');
  });

  it('ends a canary of the same layer, since that was made of another document', async () => {
    const at = { startedAtMs: clock.wallMs(), untilMs: clock.wallMs() + 60_000, forMs: 30_000 };
    const rollout = {
      layer: 'mesh',
      base: '0',
      candidate: 'defaults: {}',
      share: 1_000,
      seed: '0011aabb',
      guards: [],
    } as const;
    kv.put(rolloutKey('mesh'), encodeRollout({ ...rollout, ...at, by: 'bob@desk' }));
    expect(await runHistory(desk.operator, 'mesh', { json: false })).toBe(0);
    expect(desk.heard()[0]).toMatch(/canary, under way +bob@desk$/);
    expect(await apply('mesh', 'defaults: {}\n')).toBe(0);
    expect(desk.said).toContain('warning: this ends the canary that bob@desk staged');
    expect(kv.keys.has(rolloutKey('mesh'))).toBe(false);
  });

  it('says what stands where a file was meant', async () => {
    const options = { layer: 'mesh', base: null, message: '', waitMs: null, canary: null } as const;
    expect(await runApply(desk.operator, { ...options, file: '/nowhere/a.yaml' })).toBe(1);
    expect(desk.heard()[0]).toContain('/nowhere/a.yaml: found no such file');
  });
});

describe('rollback', () => {
  const rollback = (revision: string | null): Promise<ExitCode> =>
    over(runRollback(desk.operator, { layer: 'mesh', revision, message: 'why not', waitMs: null }));

  it('puts the document before in force, or any that is kept', async () => {
    for (const text of ['defaults: { panic: 0.1 }\n', 'defaults: { panic: 0.2 }\n', 'defaults: { panic: 0.3 }\n']) {
      await apply('mesh', text);
    }
    const first = String(kv.index - 2);
    expect(await rollback(null)).toBe(0);
    expect(stored('mesh')).toBe('defaults: { panic: 0.2 }\n');
    expect(await rollback(first)).toBe(0);
    expect(stored('mesh')).toBe('defaults: { panic: 0.1 }\n');
    desk.heard();
    await runHistory(desk.operator, 'mesh', { json: false });
    expect(desk.heard()[1]).toBe(`    back to revision ${first}: why not`);
  });

  it('writes {} to have no document again, since a key that vanishes stays in force', async () => {
    await apply('mesh', 'defaults: { panic: 0.1 }\n');
    expect(await rollback(null)).toBe(0);
    expect(stored('mesh')).toBe('{}\n');
  });

  it('takes the first routes away again, which a document has to say that it means', async () => {
    const route = 'routes: { a: { hosts: shop, to: orders } }\n';
    for (const [before, after] of [
      ['{}\n', 'allowEmpty: true\n'],
      ['# ours\ndefaults: { panic: 0.1 }\n', 'allowEmpty: true\n# ours\ndefaults: { panic: 0.1 }\n'],
      ['{ "defaults": { "panic": 0.2 } }\n', '{ "allowEmpty": true, "defaults": { "panic": 0.2 } }\n'],
    ] as const) {
      expect(await apply('mesh', before)).toBe(0);
      expect(await apply('mesh', route)).toBe(0);
      expect(await rollback(null)).toBe(0);
      expect(stored('mesh')).toBe(after);
    }
  });

  it('does not go behind a good document for a canary that was not taken', async () => {
    await apply('mesh', 'defaults: { panic: 0.1 }\n');
    await apply('mesh', 'defaults: { panic: 0.2 }\n');
    const first = String(kv.index - 1);
    const { store } = desk.operator;
    const halted = { kind: 'halted', id: 'x', document: '{}\n', atMs: 0, by: 'ann', message: '', story: [] } as const;
    await over(store.record('mesh', String(kv.index + 1), halted, []).then(() => 0));
    desk.heard();
    expect(await rollback(null)).toBe(1);
    expect(desk.heard()[0]).toMatch(/^not applied: .* canary that was not taken/);
    expect(await rollback(first)).toBe(0);
  });

  it('names those that are kept where one is not', async () => {
    expect(await rollback(null)).toBe(1);
    expect(desk.heard()).toEqual(['not applied: the history of mesh has no older document']);
    await apply('mesh', '{}\n');
    desk.heard();
    expect(await rollback('77')).toBe(1);
    expect(desk.heard()).toEqual(['not applied: the history of mesh has no older revision 77; there are 0']);
  });
});

describe('a document that somebody broke by hand', () => {
  it.each(['routes:\n\ta: 1\n', 'defaults: [', `${seal('{}\n')} `, 'defaults: { panik: 1 }\n'])(
    'is mended by the next one: %j',
    async (broken) => {
      await apply('mesh', 'defaults: { panic: 0.1 }\n');
      kv.put(configKey('mesh'), broken);
      expect(await apply('mesh', 'defaults: { panic: 0.2 }\n')).toBe(0);
      expect(stored('mesh')).toBe('defaults: { panic: 0.2 }\n');
    },
  );
});

describe('show and check', () => {
  const SHOW = { caller: null, service: null, file: null, all: false, json: false };

  it('tell of every value which document it came from, and read nobody else’s', async () => {
    kv.put(configKey('mesh'), 'defaults:\n  timeouts: { request: 9s, connect: 1s }\n');
    kv.put(configKey('service/orders'), '{"timeouts": {"request": "5s"}}');
    kv.put(configKey('caller/web'), 'upstreams:\n  orders: { panic: 0.2 }\n');
    kv.put(configKey('caller/cart'), 'upstreams: { orders: { panic: 0.9 } }\n');
    expect(await runShow(desk.operator, { ...SHOW, caller: 'web', service: 'orders' })).toBe(0);
    const rows = desk.heard().map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, -1).toSorted()).toEqual([
      ['upstreams.orders.panic', '0.2', 'caller/web:2'],
      ['upstreams.orders.timeouts.connect', '1s', 'mesh:2'],
      ['upstreams.orders.timeouts.request', '5s', 'service/orders:1'],
    ]);
    expect(rows.at(-1)![0]).toMatch(/^and \d+ values that are built in/);
  });

  it('show nothing of the file that stands in where none is given', async () => {
    kv.put(configKey('mesh'), 'defaults: { panic: 0.1 }\n');
    expect(await runShow(desk.operator, { ...SHOW, all: true })).toBe(0);
    expect(desk.said).not.toMatch(/any\.caller|secrets\.dir/);
  });

  it('show a sidecar’s own file below the documents, with its secrets hidden', async () => {
    kv.put(configKey('service/orders'), 'timeouts: { request: 5s }\n');
    const text =
      'service: { name: web, port: 8080 }\nconsul: { token: hush }\nupstreams:\n  orders: { timeouts: { request: 8s, connect: 2s } }\n';
    const file = desk.file('remora.yaml', text);
    expect(await runShow(desk.operator, { ...SHOW, file, all: true })).toBe(0);
    expect(desk.said).not.toContain('hush');
    expect(desk.said).toMatch(/upstreams\.orders\.timeouts\.request +5s +service\/orders:1\n/);
    expect(desk.said).toMatch(/upstreams\.orders\.timeouts\.connect +2s +\S*remora\.yaml:4\n/);
    expect(desk.said).toMatch(/upstreams\.orders\.breaker\.\S+ +\S+ +built-in\n/);
  });

  it('show one document as it is stored', async () => {
    kv.put(configKey('mesh'), seal('defaults: {}\n'));
    expect(await runShowLayer(desk.operator, 'mesh')).toBe(0);
    expect(desk.said).toBe(seal('defaults: {}\n'));
    expect(await runShowLayer(desk.operator, 'caller/x')).toBe(1);
  });

  it('find every document that no sidecar would take', async () => {
    kv.put(configKey('mesh'), 'defaults: {}\n');
    expect(await runCheckAll(desk.operator)).toBe(0);
    kv.put(configKey('service/orders'), 'nonsense: 1\n');
    kv.put(configKey('caller/web'), seal('defaults: {}\n').slice(0, -3));
    desk.heard();
    expect(await runCheckAll(desk.operator)).toBe(1);
    const heard = desk.heard().join('\n');
    expect(heard).toContain('kv:remora/config/service/orders:1:1 nonsense: found an unknown key');
    expect(heard).toContain('kv:remora/config/caller/web:1:1: found a text that is not the one');
    expect(heard).toContain('2 problems');
  });

  it('name keys that nobody reads', async () => {
    kv.put(configKey('mesh'), '{}');
    kv.put('remora/config/services/orders', '{}');
    expect(await runCheckAll(desk.operator)).toBe(0);
    expect(desk.heard()).toEqual([
      'warning: remora/config/services/orders is read by nobody; documents are mesh, service/<name> and caller/<name>',
      'ok: 1 document',
    ]);
  });

  it('check a file against what is there', async () => {
    expect(await runCheckFile(desk.operator, 'mesh', desk.file('m.yaml', 'defaults: {}\n'))).toBe(0);
    expect(desk.heard()).toEqual(['ok']);
    expect(await runCheckFile(desk.operator, 'mesh', desk.file('m.yaml', 'defaults: 3\n'))).toBe(1);
  });
});

describe('history', () => {
  it('says so of what was written by hand', async () => {
    kv.put(configKey('mesh'), '{}');
    await runHistory(desk.operator, 'mesh', { json: false });
    expect(desk.heard()).toEqual(['11  -  written by hand, or before the history, in force']);
    await apply('mesh', 'defaults: {}\n', { message: 'mine' });
    desk.heard();
    await runHistory(desk.operator, 'mesh', { json: true });
    const { events } = JSON.parse(desk.said) as { events: { revision: string; kind: string; message: string }[] };
    expect(events.map(({ revision, kind, message }) => [revision, kind, message])).toEqual([
      ['12', 'applied, in force', 'mine'],
      ['11', 'written by hand, or before the history', ''],
    ]);
  });
});
