import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { IN_A_NAMESPACE, whyNoHole } from '../support/black-hole.ts';

const PROGRAM = fileURLToPath(new URL('black-hole.ts', import.meta.url));
const NODE = [process.execPath, '--experimental-transform-types', '--disable-warning=ExperimentalWarning'];
const why = whyNoHole();
if (why !== null) console.warn(`no packets are dropped here, a stopped process has to do: ${why}`);

async function run(...command: readonly string[]) {
  const [program, ...args] = command;
  const { stdout } = await promisify(execFile)(program!, args, { timeout: 25_000 });
  return JSON.parse(stdout) as Record<string, unknown>;
}

const KEPT = { failed: [], mostResent: 0, unsent: 0, postsTwice: [] };

describe.concurrent('no GET is lost, no POST executed twice, and attempts keep to the law', () => {
  it.skipIf(why !== null)('when all packets to one of three endpoints are dropped', async () => {
    const seen = await run(...IN_A_NAMESPACE, ...NODE, PROGRAM, 'packets');
    expect(seen).toMatchObject({ ...KEPT, reached: 0 });
    expect(seen['requests']).toBeGreaterThan(250);
    expect(seen['excess']).toBeLessThanOrEqual(0);
  });

  it('when one of three endpoints is stopped and its queue of connections full', async () => {
    const seen = await run(...NODE, PROGRAM, 'queue');
    expect(seen).toMatchObject({ ...KEPT, reached: 0 });
    expect(seen['requests']).toBeGreaterThan(250);
    expect(seen['excess']).toBeLessThanOrEqual(0);
  });
});
