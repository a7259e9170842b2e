import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConsulAgent, consulTitle, findConsul } from '../support/consul.ts';
import { eventually } from '../support/eventually.ts';
import { Sidecar } from '../support/sidecar.ts';
import { App, Load } from './mesh.ts';

const consul = await findConsul();
const README = new URL('../../README.md', import.meta.url);
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const WALK = /<!-- walk -->\n```sh\n([\s\S]*?)```\n<!-- \/walk -->/;

describe.skipIf(consul.path === null)(consulTitle('the walk through the README', consul), { timeout: 120_000 }, () => {
  let agent: ConsulAgent;
  let app: App;
  let folder: string;
  const sidecars: Sidecar[] = [];
  const loads: Load[] = [];

  const sh = (command: string): Promise<{ readonly code: number; readonly text: string }> =>
    new Promise((resolve) => {
      const env = { PATH: `${folder}:${process.env['PATH']}`, CONSUL_HTTP_ADDR: agent.http.address };
      execFile('sh', ['-c', command], { cwd: folder, env, timeout: 60_000 }, (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, text: stdout + stderr });
      });
    });

  beforeAll(async () => {
    agent = await ConsulAgent.start(consul.path!);
    app = await App.start('a');
    folder = await mkdtemp(join(tmpdir(), 'remora-walk-'));
    await writeFile(join(folder, 'remora'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`, { mode: 0o755 });
    await agent.http.register('orders', 'orders-1', app.port);
    for (const id of ['web-1', 'web-2']) {
      const sidecar = await Sidecar.start({
        service: { name: 'web', id, port: 8080 },
        upstreams: { orders: { port: 0, protocol: 'http' } },
        consul: { address: agent.http.address },
      });
      sidecars.push(sidecar);
      loads.push(new Load(() => sidecar.port('orders')));
    }
    await eventually(async () => {
      const keys = await agent.http.get<string[]>('/kv/remora/status/?keys');
      return keys.length === 2;
    });
  }, 60_000);

  afterAll(async () => {
    for (const sidecar of sidecars) await sidecar.kill();
    await app?.stop();
    await agent?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('does in ten commands what it says, and no request is lost', async () => {
    const lines = WALK.exec(await readFile(README, 'utf8'))![1]!
      .trimEnd()
      .split('\n');
    expect(lines).toHaveLength(10);
    const said: string[] = [];
    for (const line of lines) {
      const { code, text } = await sh(line);
      expect(code, `${line}\n${text}`).toBe(0);
      said.push(text);
    }
    const [init, , plan, apply, , canary, status, history, rollback, show] = said;
    expect(init).toContain('remora/config/mesh written');
    expect(plan).toContain('concerns 2 sidecars that call orders: web/web-1, web/web-2');
    expect(plan).toMatch(/in sidecars of web\n {2}~ upstream orders\n[\s\S]* +timeouts.request +15s -> 5s/);
    expect(plan).toContain('Nothing was written.');
    expect(apply).toContain('2 of 2 sidecars applied it, 0 refused, 0 did not answer');
    expect(canary).toMatch(/1 of 2 sidecars go first: web\/web-\d/);
    expect(status).toMatch(/web\/?.*web-1/);
    expect(history).toMatch(/promoted, in force[\s\S]*or 2[\s\S]*5s -> 2s[\s\S]*applied[\s\S]*5 s are plenty/);
    expect(rollback).toContain('2 of 2 sidecars applied it');
    expect(show).toMatch(/^upstreams\.orders\.timeouts\.request +5s +service\/orders:2$/m);
    for (const load of loads) expect(await load.stop()).toEqual([]);
  });
});
