import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { heapReader, oldGenerationLimit } from '../../src/agent/heap-share.ts';

const MIB = 2 ** 20;
const MODULE = new URL('../../src/agent/heap-share.ts', import.meta.url).href;

/** Keeps all it makes, and says how full its heap is, until V8 ends it. */
const FILL = `
  const { writeSync } = await import('node:fs');
  const { heapReader } = await import(${JSON.stringify(MODULE)});
  const read = heapReader();
  globalThis.kept = null;
  for (;;) {
    for (let i = 0; i < 5_000; i++) kept = { next: kept, b: [i, i + 1] };
    writeSync(1, read().toFixed(3) + '\\n');
  }
`;

describe('the share of the heap that is used', () => {
  it('is of what V8 gives the old generation, as it was told or by default', () => {
    const of = (flags: string): number => oldGenerationLimit(flags, 4_288 * MIB, 1_000 * MIB) / MIB;
    expect(of('')).toBeCloseTo(4_096);
    expect(of('--max-old-space-size=64')).toBe(64);
    expect(of('--enable-source-maps --max_old_space_size=128')).toBe(128);
    expect(of('--max-old-space-size=64 --max-old-space-size=96')).toBe(96);
    expect(of('--max-old-space-size-percentage=50')).toBe(500);
  });

  it('is above nothing and below all', () => {
    const read = heapReader();
    expect(read()).toBeGreaterThan(0);
    expect(read()).toBeLessThan(1);
  });

  it.each([48, 96])('is near 1 when a process with %d MiB comes to its end', (size) => {
    const flags = [`--max-old-space-size=${size}`, '--no-warnings', '--input-type=module', '-e', FILL];
    const { stdout, signal } = spawnSync(process.execPath, flags, {
      cwd: tmpdir(),
      env: {},
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
    });
    const readings = stdout.trim().split('\n').map(Number);
    expect(signal).toBe('SIGABRT');
    expect(Math.max(...readings)).toBeGreaterThan(0.9);
    expect(Math.min(...readings)).toBeLessThan(0.5);
  });
});
