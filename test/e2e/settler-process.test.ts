import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemClock } from '../../src/base/clock-system.ts';
import { SettlerHere } from '../../src/config/settler-here.ts';
import { SettlerProcess, type SettlerProcessOptions } from '../../src/config/settler-process.ts';
import { FIRST_FILE } from '../config/first-file.ts';
import { material, settlerContract } from '../contract/settler.ts';
import { ManualClock } from '../support/manual-clock.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/config/settler-child.js', import.meta.url));

const made: SettlerProcess[] = [];
let folder: string | null = null;

afterEach(async () => {
  for (const settler of made.splice(0)) settler.close();
  if (folder !== null) await rm(folder, { recursive: true });
  folder = null;
});

function settler(more: Partial<SettlerProcessOptions> = {}, clock = new SystemClock() as ManualClock | SystemClock) {
  const notes: string[] = [];
  const one = new SettlerProcess(clock, {
    program: PROGRAM,
    here: async () => new SettlerHere(() => 0),
    onNoProcess: (error) => notes.push(error.message),
    ...more,
  });
  made.push(one);
  return { one, notes };
}

const HEAD = { kind: 'head', config: null, layers: [], shown: '{}', origins: '[]', fingerprint: 'ok' };
const ANSWERS = `const answer = (order) => process.send(order === 'more' ? { kind: 'end' } : ${JSON.stringify(HEAD)});`;

/** A program in the place of the one that settles. */
async function program(text: string): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'remora-settler-'));
  const path = join(folder, 'child.mjs');
  await writeFile(path, text);
  return path;
}

describe('SettlerProcess', () => {
  settlerContract(() => settler().one, FIRST_FILE);

  it('settles one after another in one process, which ends when nothing was settled for a while', async () => {
    const clock = new ManualClock();
    const { one } = settler({}, clock);
    await one.settle(material());
    const pid = one.pid!;
    await one.settle(material());
    expect(one.pid).toBe(pid);
    clock.advance(4_000);
    expect(one.pid).toBe(pid);
    clock.advance(2_000);
    expect(one.pid).toBeNull();
    expect(clock.armed).toBe(0);
    await one.settle(material());
    expect(one.pid).not.toBe(pid);
  });

  it('gives up on what takes too long, and settles the next', async () => {
    const text = `${ANSWERS} process.on('message', (order) => { for (; order.material?.newest.length > 0; ); answer(order); });`;
    const { one, notes } = settler({ program: await program(text), limitMs: 300 });
    await expect(one.settle(material({ mesh: '{}' }))).rejects.toThrow('takes more than 0.3 s to judge');
    expect((await one.settle(material())).fingerprint).toBe('ok');
    expect(notes).toEqual([]);
  });

  it('asks a second process when the first one dies, and believes what happens twice', async () => {
    const text = `process.on('message', () => process.exit(7));`;
    const { one } = settler({ program: await program(text) });
    await expect(one.settle(material())).rejects.toThrow('ends the process that judges it (exit code 7)');
    const once = `import { existsSync, writeFileSync } from 'node:fs';
      const mark = new URL('mark', import.meta.url);
      ${ANSWERS}
      process.on('message', (order) => {
        if (existsSync(mark)) return answer(order);
        writeFileSync(mark, '');
        process.kill(process.pid, 'SIGKILL');
      });`;
    await rm(folder!, { recursive: true });
    const second = await settler({ program: await program(once) }).one.settle(material());
    expect(second.fingerprint).toBe('ok');
  });

  it('asks a second process when the first one dies in the middle of its answer', async () => {
    const text = `import { existsSync, writeFileSync } from 'node:fs';
      const mark = new URL('mark', import.meta.url);
      ${ANSWERS}
      process.on('message', (order) => {
        if (existsSync(mark)) return answer(order);
        writeFileSync(mark, '');
        process.send(${JSON.stringify(HEAD)}, () => process.kill(process.pid, 'SIGKILL'));
      });`;
    const { one, notes } = settler({ program: await program(text) });
    for (let i = 0; i < 3; i++) {
      expect((await one.settle(material())).fingerprint).toBe('ok');
      expect(notes).toEqual([]);
      expect(one.pid).not.toBeNull();
      await rm(join(folder!, 'mark'));
      one.close();
    }
  });

  it('settles here where no other process can be had, and says so once', async () => {
    const { execPath } = process;
    process.execPath = '/nowhere/node';
    try {
      const { one, notes } = settler();
      expect((await one.settle(material())).config).not.toBeNull();
      expect((await one.settle(material())).config).not.toBeNull();
      expect(notes).toEqual([expect.stringContaining('ENOENT')]);
      // What was short may be there again.
      process.execPath = execPath;
      await one.settle(material());
      expect(one.pid).not.toBeNull();
    } finally {
      process.execPath = execPath;
    }
  });

  it('ends when it is closed', async () => {
    const { one } = settler();
    await one.settle(material());
    const { pid } = one;
    one.close();
    await expect.poll(() => isAlive(pid!)).toBe(false);
  });
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
