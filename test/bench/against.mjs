import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { median } from '../support/proc.mjs';
import { measure } from './measure.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * The program as it was at a revision, built beside this one with the libraries of this one, and kept for the next time.
 * Answers the path of its `main.js`.
 */
export function buildOf(revision) {
  const commit = git('rev-parse', '--verify', `${revision}^{commit}`).trim();
  const folder = join(ROOT, '.cache', `against-${commit.slice(0, 12)}`);
  const main = join(folder, 'dist', 'main.js');
  if (existsSync(main)) return { commit, main };
  const fresh = `${folder}.new-${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  try {
    execFileSync('tar', ['-x', '-C', fresh], { input: git('archive', commit), stdio: ['pipe', 'ignore', 'inherit'] });
    symlinkSync(join(ROOT, 'node_modules'), join(fresh, 'node_modules'));
    const bundle = [join(fresh, 'test/tool/bundle.mjs'), join(fresh, 'dist')];
    execFileSync(process.execPath, bundle, { cwd: fresh, stdio: ['ignore', 'ignore', 'inherit'] });
    rmSync(folder, { recursive: true, force: true });
    renameSync(fresh, folder);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return { commit, main };
}

/**
 * One case on two builds: CPU per request of both in each round, one right after the other in alternating order, and the
 * median of the ratios of these pairs. What drifts on a machine changes both of a pair, and hardly their ratio.
 */
export async function compare(setup, measured, here, there) {
  const { rows, steal } = await measure(
    setup,
    measured,
    new Map([
      ['here', here],
      ['there', there],
    ]),
  );
  const [mine, theirs] = [rows.get('here').samples, rows.get('there').samples];
  const ratios = mine.map(({ cost }, i) => cost / theirs[i].cost).sort((a, b) => a - b);
  const at = (share) => ratios[Math.floor(share * (ratios.length - 1))];
  return {
    here: rows.get('here').cost,
    there: rows.get('there').cost,
    ratio: median(ratios),
    low: at(0.25),
    high: at(0.75),
    pairs: ratios.length,
    steal,
  };
}

function git(...args) {
  return execFileSync('git', args, {
    cwd: ROOT,
    maxBuffer: 256 * 2 ** 20,
    encoding: args[0] === 'archive' ? 'buffer' : 'utf8',
  });
}
