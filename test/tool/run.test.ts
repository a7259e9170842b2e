import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START = "process.stdout.write('built');\n";
const BUILD_TOOLS = [
  ...['typescript', '@typescript', '@types', 'undici-types'],
  ...['rolldown', '@rolldown', '@oxc-project'],
];

let parent: string;
/** A clone with a program of one line, on the dependencies of this one. */
let tree: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'remora-run-'));
  tree = join(parent, 'tree');
  for (const folder of ['src', 'test/tool', 'node_modules', 'bin'])
    await mkdir(join(tree, folder), { recursive: true });
  for (const file of [
    'package.json',
    'package-lock.json',
    'tsconfig.json',
    'test/tool/run.mjs',
    'test/tool/bundle.mjs',
  ]) {
    await copyFile(join(ROOT, file), join(tree, file));
  }
  for (const name of BUILD_TOOLS) {
    await symlink(join(ROOT, 'node_modules', name), join(tree, 'node_modules', name));
  }
  const lock = await readFile(join(ROOT, 'package-lock.json'));
  const stamp = createHash('sha256')
    .update(lock)
    .update(process.platform + process.arch)
    .digest('hex');
  await writeFile(join(tree, 'node_modules/.remora-stamp'), stamp);
  await writeFile(join(tree, 'src/main.ts'), START);
  await mkdir(join(tree, 'src/cli/demo'), { recursive: true });
  await writeFile(join(tree, 'src/cli/demo/orders-app.ts'), START);
  await mkdir(join(tree, 'src/config'), { recursive: true });
  await writeFile(join(tree, 'src/config/settler-child.ts'), START);
});

afterEach(() => rm(parent, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly lines: readonly string[];
}

function run(task: string, env: Record<string, string> = {}): Promise<Ended> {
  const { npm_execpath: _npm, PATH, ...rest } = process.env;
  const options = { env: { ...rest, PATH: `${join(tree, 'bin')}${delimiter}${PATH}`, ...env } };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(tree, 'test/tool/run.mjs'), task], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, stdout, lines: stderr.trimEnd().split('\n') });
    });
  });
}

/** In place of npm: a shell script. */
async function fakeNpm(script: string): Promise<void> {
  await rm(join(tree, 'node_modules/.remora-stamp'));
  await writeFile(join(tree, 'bin/npm'), `#!/bin/sh\n${script}\n`);
  await chmod(join(tree, 'bin/npm'), 0o755);
}

const builtAt = async (): Promise<number> => (await stat(join(tree, 'dist/main.js'))).mtimeMs;

it('builds once, and again only when a source has changed', async () => {
  expect(await run('remora')).toMatchObject({ code: 0, stdout: 'built' });
  const first = await builtAt();
  expect((await run('remora')).code).toBe(0);
  expect(await builtAt()).toBe(first);
  await writeFile(join(tree, 'src/main.ts'), START.replace('built', 'anew'));
  expect((await run('remora')).stdout).toBe('anew');
});

it('says what it built, what it installs and where, and nothing more when something else was asked for', async () => {
  const main = join(tree, 'dist/main.js');
  await fakeNpm('exit 0');
  const { packages } = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as { packages: object };
  expect((await run('build')).lines).toEqual([
    expect.stringContaining(
      `into ${join(tree, 'node_modules')}, once: up to ${Object.keys(packages).length - 1} packages`,
    ),
    `remora: built ${main}`,
  ]);
  expect((await run('build')).lines).toEqual([`remora: nothing has changed since it was built: ${main}`]);
  expect((await run('remora')).lines).toEqual(['']);
});

it('knows its build in a tree that was moved', async () => {
  await run('build');
  const first = await builtAt();
  await rename(tree, join(parent, 'moved'));
  tree = join(parent, 'moved');
  expect((await run('remora')).stdout).toBe('built');
  expect(await builtAt()).toBe(first);
});

it('keeps the build there was when the next one fails, and says so in its last line', async () => {
  await run('build');
  await writeFile(join(tree, 'src/main.ts'), 'const n: number = "text";\nexport { n };\n');
  const { code, lines } = await run('build');
  expect([code, lines.at(-1)]).toEqual([1, expect.stringMatching(/^remora: the build failed/)]);
  expect(await readFile(join(tree, 'dist/main.js'), 'utf8')).toContain('built');
  expect((await readdir(tree)).filter((name) => name.startsWith('dist'))).toEqual(['dist']);
});

it('lets two that start together make things ready one after the other', async () => {
  await fakeNpm('mkdir only-one || exit 1; sleep 0.3; rmdir only-one');
  const both = await Promise.all([run('remora'), run('remora')]);
  expect(both).toEqual([expect.objectContaining({ code: 0, stdout: 'built' }), expect.objectContaining({ code: 0 })]);
  const said = both.flatMap(({ lines }) => lines).sort();
  expect(said.filter((line) => line.includes('installing'))).toHaveLength(1);
});

it('takes the place of one that was killed while it made things ready', async () => {
  const lock = join(tree, '.cache/lock');
  await mkdir(lock, { recursive: true });
  // A process that has ended: its number is free, or belongs to somebody who is no run of this tree.
  const { pid } = await new Promise<{ pid: number }>((resolve) => {
    const child = execFile(process.execPath, ['-e', ''], () => resolve({ pid: child.pid! }));
  });
  await writeFile(join(lock, 'owner'), `${hostname()} ${pid}`);
  expect((await run('remora')).stdout).toBe('built');
  expect(await readdir(join(tree, '.cache'))).toEqual([]);
});

it('says in one last sentence what npm could not do and what would do instead', async () => {
  await fakeNpm('echo "npm error network" >&2; exit 7');
  const { code, lines } = await run('build');
  expect(code).toBe(1);
  expect(lines.slice(-2)).toEqual([
    'npm error network',
    `remora: npm could not install the locked dependencies (it ended with 7); Node >= 22.15 and "npm ci" by hand in ${tree} would do instead`,
  ]);
});

it('passes on to npm what the user has set, and nothing of how it was itself started', async () => {
  await fakeNpm(`env | grep -i '^npm_config_' | sort > "${'$'}{0%/bin/npm}/seen"`);
  const kept = {
    npm_config_cache: '/c',
    npm_config_cafile: '/ca',
    npm_config_https_proxy: 'http://p',
    npm_config_noproxy: 'x',
    npm_config_fetch_retries: '5',
    npm_config_prefer_offline: 'true',
    npm_config_registry: 'http://r',
    npm_config_userconfig: '/u',
  };
  const { code } = await run('build', {
    ...kept,
    npm_config_prefix: '/p',
    npm_config_loglevel: 'silent',
    npm_config_omit: 'dev',
    npm_config_local_prefix: '/l',
  });
  expect(code).toBe(0);
  const seen = (await readFile(join(tree, 'seen'), 'utf8')).trim().split('\n');
  expect(Object.fromEntries(seen.map((line) => line.split('=')))).toMatchObject(kept);
  expect(seen.join('\n')).not.toMatch(/prefix|loglevel|omit/);
});

it('says without a stack that it may not write', async () => {
  // A file where a folder has to be made: what a tree refuses, also to root.
  await writeFile(join(tree, '.cache'), '');
  const { code, lines } = await run('build');
  expect([code, lines]).toEqual([1, [expect.stringMatching(/^remora: .*\.cache/)]]);
});
