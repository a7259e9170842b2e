import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { deployText, seconds } from './deploy-files.ts';

const unit = deployText('systemd/remora.service');
const hasAnalyzer = spawnSync('systemd-analyze', ['--version']).status === 0;

describe('deploy/systemd/remora.service', () => {
  it('checks the file that it then runs', () => {
    expect(setting('ExecStartPre')).toBe('/usr/bin/remora check /etc/remora/remora.yaml');
    expect(setting('ExecStart')).toBe('/usr/bin/remora run -c /etc/remora/remora.yaml');
  });

  it('says how the program gets to where it runs it from', () => {
    for (const text of [unit, deployText('README.md')]) {
      expect(text).toMatch(/npm run build && npm pack.*npm install --global --prefix \/usr .*remora-\*\.tgz/s);
    }
    const { bin } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { bin: object };
    expect(Object.keys(bin)).toEqual(['remora']);
  });

  it('signals once, to the process that understands it, and waits longer than a shutdown may take', () => {
    expect(setting('KillMode')).toBe('mixed');
    expect(setting('KillSignal')).toBeNull(); // SIGTERM is the default
    expect(seconds(setting('TimeoutStopSec') ?? '')).toBeGreaterThan(30);
  });

  it.skipIf(!hasAnalyzer)('has nothing that systemd does not know', () => {
    const folder = mkdtempSync(join(tmpdir(), 'remora-unit-'));
    try {
      // Only the program is not there on a machine that builds it.
      const path = join(folder, 'remora.service');
      writeFileSync(path, unit.replaceAll('/usr/bin/remora', process.execPath));
      const { stderr, stdout } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`.split('\n').filter((line) => line.includes('remora.service'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

function setting(name: string): string | null {
  return new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? null;
}
