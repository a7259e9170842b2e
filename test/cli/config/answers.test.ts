import { Command } from 'commander';
import { beforeEach, describe, expect, it } from 'vitest';
import { runApply } from '../../../src/cli/config/apply.ts';
import { canaryFlags, canaryIn } from '../../../src/cli/config/canary-flags.ts';
import { runHistory } from '../../../src/cli/config/history.ts';
import { type Operator, withConsul } from '../../../src/cli/config/operator.ts';
import { runPlan } from '../../../src/cli/config/plan.ts';
import { runShow } from '../../../src/cli/config/show.ts';
import { awaitSidecars } from '../../../src/cli/config/sidecars.ts';
import { runConfigStatus } from '../../../src/cli/config/status.ts';
import { runTests } from '../../../src/cli/test.ts';
import { configKey, historyKey, type LayerName, rolloutKey, statusKey } from '../../../src/config/kv-keys.ts';
import { encodeStatus } from '../../../src/config/status-text.ts';
import { ConsulError } from '../../../src/discovery/consul-error.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { MemoryKv } from '../../support/memory-kv.ts';
import { settled } from '../../support/settled.ts';
import { Desk } from '../operator.ts';

let kv: MemoryKv;
let clock: ManualClock;
let desk: Desk;
let operator: Operator;

beforeEach(() => {
  kv = new MemoryKv();
  clock = new ManualClock();
  desk = new Desk(kv, clock);
  operator = desk.operator;
});

const PLAIN = { caller: null, service: null, file: null, all: false, json: true };

function plan(layer: LayerName, file: string, json: boolean): Promise<number> {
  return runPlan(operator, { layer, file, json });
}

function tell(layer: LayerName, applied: string, candidate: string | null): void {
  const layers = [{ layer, applied, seen: applied, candidate, problems: [] }];
  const rest = { version: '1', startedAtMs: 0, sinceMs: 0, layers, calls: ['orders'], verdicts: [], rings: {} };
  kv.put(statusKey('web', 'web-1'), encodeStatus({ service: 'web', instance: 'web-1', ...rest }));
}

describe('what is meant for a program', () => {
  it('is JSON where nothing could be done, too', async () => {
    expect(await plan('mesh', '/nowhere.yaml', true)).toBe(1);
    expect(JSON.parse(desk.said)).toEqual({ error: expect.stringContaining('/nowhere.yaml: found no such file') });
    desk.heard();
    expect(await runShow(operator, { ...PLAIN, file: '/nowhere.yaml' })).toBe(1);
    expect(JSON.parse(desk.said)).toEqual({ error: expect.stringContaining('/nowhere.yaml') });
    desk.heard();
    const away = () => Promise.reject(new ConsulError('No cluster leader', 500));
    expect(await withConsul({ json: true }, operator, away)).toBe(4);
    expect(JSON.parse(desk.said)).toEqual({ error: expect.stringContaining('No cluster leader') });
  });

  it('has a code of its own where Consul would not do it, with what to do', async () => {
    const denied = () => Promise.reject(new ConsulError('Consul answered 403: Permission denied', 403));
    expect(await withConsul({}, operator, denied)).toBe(1);
    expect(desk.said).toContain('remora consul-policy --role operator');
  });

  it('says which documents are not in force and why', async () => {
    kv.put(configKey('mesh'), 'defaults: 3\n');
    expect(await runShow(operator, PLAIN)).toBe(1);
    const { problems } = JSON.parse(desk.said) as { problems: readonly string[] };
    expect(problems).toEqual([expect.stringContaining('kv:remora/config/mesh:1:1 defaults: found')]);
  });

  it('has in a plan who is registered and told nothing', async () => {
    kv.sidecars = async () => [
      { service: 'web', id: 'web-1', node: 'n1' },
      { service: 'shop', id: 'shop-1', node: 'n1' },
    ];
    expect(await plan('caller/web', desk.file('a.yaml', '{}'), true)).toBe(0);
    expect(JSON.parse(desk.said)).toMatchObject({ silent: ['web/web-1 on n1'], silentUnknown: null });
  });
});

describe('a document for a service whose name no upstream can have', () => {
  it('is judged like any other', async () => {
    const file = desk.file('a.yaml', 'timeouts: { requestt: 5s }\n');
    for (const service of ['Orders.v2', 'größe', '...']) {
      expect(await plan(`service/${service}`, file, false)).toBe(1);
      expect(desk.heard().join('\n')).toContain('requestt: found');
    }
  });
});

it('the line to apply a plan by is one that a shell reads as it is meant', async () => {
  const file = desk.file("it's mine.yaml", '{}');
  expect(await plan('service/a;b', file, false)).toBe(0);
  const line = desk.heard().at(-1)!;
  expect(line).toContain(`it'\\''s mine.yaml' --service 'a;b' --base 0`);
});

it('times that are none stop no history', async () => {
  const revision = kv.put(configKey('mesh'), '{}');
  const entry = { kind: 'applied', id: 'x', document: null, by: 'me', message: '', story: [] };
  kv.put(historyKey('mesh', '3'), JSON.stringify({ ...entry, atMs: 1e300 }));
  const rollout = { layer: 'mesh', base: revision, candidate: '{}', share: 1, seed: 'abcdef01', guards: [], by: 'me' };
  const far = 8.9e15;
  kv.put(rolloutKey('mesh'), JSON.stringify({ ...rollout, forMs: 1, startedAtMs: far, untilMs: far + 1 }));
  expect(await runHistory(operator, 'mesh', { json: false })).toBe(0);
  expect(desk.said).toContain('at no time there is');
});

describe('who is waited for', () => {
  it('has not applied a document while it runs a candidate of it', async () => {
    const revision = kv.put(configKey('mesh'), '{}');
    tell('mesh', '99', 'abcdef01');
    let code: number | null = null;
    void awaitSidecars(operator, 'mesh', revision, 1_000).then((ended) => {
      code = ended;
    });
    for (let n = 0; n < 4; n++) {
      await settled();
      clock.advance(500);
    }
    await settled();
    expect(code).toBe(3);
    expect(desk.said).toContain('web/web-1 has not answered: it runs a candidate');
  });

  it('is also who is registered and has told no status, but for a document that may not be for it', async () => {
    const [mesh, orders] = [kv.put(configKey('mesh'), '{}'), kv.put(configKey('service/orders'), '{}')];
    kv.sidecars = async () => [{ service: 'web', id: 'web-7', node: 'n1' }];
    const codes: number[] = [];
    void awaitSidecars(operator, 'service/orders', orders, 1_000).then((ended) => codes.push(ended));
    await settled();
    expect(codes).toEqual([0]);
    expect(desk.said).toContain('registered in Consul without a status: web/web-7 on n1');
    void awaitSidecars(operator, 'mesh', mesh, 1_000).then((ended) => codes.push(ended));
    for (let n = 0; n < 4; n++) {
      await settled();
      clock.advance(500);
    }
    await settled();
    expect(codes).toEqual([0, 3]);
  });

  it('is waited for through an election', async () => {
    tell('mesh', kv.put(configKey('mesh'), '{}'), null);
    const tree = kv.kvTree.bind(kv);
    let left = 2;
    kv.kvTree = async (...args) => {
      if (left-- > 0) throw new ConsulError('No cluster leader', 500);
      return tree(...args);
    };
    let code: number | null = null;
    void runConfigStatus(operator, { layer: null, json: false, waitMs: 10_000 }).then((ended) => {
      code = ended;
    });
    for (let n = 0; n < 6; n++) {
      await settled();
      clock.advance(500);
    }
    expect(code).toBe(0);
  });
});

it('what says how canaries are tried is nothing for all sidecars at once', () => {
  const refusal = (...args: readonly string[]): string => {
    const command = canaryFlags(new Command('apply')).exitOverride();
    let said = '';
    command.configureOutput({ writeErr: (text) => void (said += text) });
    command.parse(args, { from: 'user' });
    try {
      canaryIn(command.opts(), command);
    } catch (error) {
      said ||= (error as Error).message;
    }
    return said;
  };
  for (const args of [['--guard', 'error_ratio<1%'], ['--for', '2m'], ['--idle-ok'], ['--detach']]) {
    expect(refusal(...args)).toContain(`${args[0]} says how a canary is tried: --canary <share> is needed too`);
    expect(refusal(...args, '--canary', '10%')).toBe('');
  }
  expect(refusal()).toBe('');
});

it('a change whose revision could not be asked for is waited for by the one that stands there', async () => {
  const before = kv.put(configKey('mesh'), '{}');
  tell('mesh', before, null);
  const { store } = operator;
  store.replace = async () => {
    kv.put(configKey('mesh'), 'defaults: {}');
    return { kind: 'applied', revision: null };
  };
  let code: number | null = null;
  const file = desk.file('a.yaml', 'defaults: {}\n');
  const options = { layer: 'mesh', file, base: null, message: '', waitMs: 1_000, canary: null } as const;
  void runApply(operator, options).then((ended) => {
    code = ended;
  });
  for (let n = 0; n < 8; n++) {
    await settled();
    clock.advance(500);
  }
  await settled();
  expect(code).toBe(3);
  expect(desk.said).toContain(`web/web-1 has not answered: it has ${before}`);
});

it('tests whose report cannot be written are not passed', async () => {
  const out = { write: (text: string) => void (desk.said += text) };
  expect(await runTests([], { junit: '/nowhere/x.xml', env: {}, wallMs: () => 0 }, out)).toBe(2);
  expect(desk.said).toContain('the report was not written: ENOENT');
});
