import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const SKELETON = {
  service: { name: 'web', port: 9999 },
  upstreams: { orders: { port: 9998 } },
  static: { orders: ['127.0.0.1:9997'] },
};

/**
 * A configuration made of those of the fragments that the built program accepts, one after the other, each with all that
 * came before it; and what it said of the others. So a bench or a soak can be ahead of the program, or be run on an older one.
 */
export function acceptedOf(fragments, main = MAIN) {
  const folder = mkdtempSync(join(tmpdir(), 'remora-accepted-'));
  const file = join(folder, 'remora.yaml');
  let config = {};
  const refused = [];
  for (const fragment of fragments) {
    const next = merged(config, fragment);
    writeFileSync(file, JSON.stringify(merged(SKELETON, next)));
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, 'check', file], { encoding: 'utf8' });
    if (status === 0) config = next;
    else refused.push(`${JSON.stringify(fragment)}: ${complaintOf(stdout || stderr)}`);
  }
  rmSync(folder, { recursive: true });
  return { config, refused };
}

/** The first of its sentences, without where in our file and what there is instead. */
function complaintOf(text) {
  return text
    .split('\n')[0]
    .replace(/^\S*remora\.yaml:\d+:\d+ /, '')
    .replace(/, expected one of .*/, '');
}

/** Objects are merged key by key; all else is replaced. */
export function merged(under, over) {
  if (!isPlain(under) || !isPlain(over)) return over;
  const keys = new Set([...Object.keys(under), ...Object.keys(over)]);
  return Object.fromEntries([...keys].map((key) => [key, key in over ? merged(under[key], over[key]) : under[key]]));
}

function isPlain(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
