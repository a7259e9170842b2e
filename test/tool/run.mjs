// Runs one of the project's tasks on a machine that may have nothing but an old Node and npm.
//
// Three things are made ready first, each only when it is missing: a Node new enough to run remora (taken
// from npm, where the binary lies inside a package of its own), the locked dependencies, and the build.
// This file itself must run on old Nodes, so it uses nothing newer than `node:` imports.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const pkg = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const isWindows = process.platform === 'win32';

function say(text) {
  process.stderr.write(`remora: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}

function run(command, args, env, stdio = 'inherit') {
  const done = spawnSync(command, args, { cwd: root, env, stdio });
  if (done.error) fail(`${command}: ${done.error.message}`);
  if (done.status !== 0) {
    if (done.stderr) process.stderr.write(done.stderr);
    fail(`"${[command, ...args].join(' ')}" ended with ${done.status ?? done.signal}`);
  }
}

/** npm as this machine has it: the one that started us, else the one on PATH. Its own settings are not ours to pass on. */
function npm(args, env) {
  const cli = process.env.npm_execpath;
  const clean = Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^npm_config_/i.test(name) || /registry|proxy|cafile/i.test(name)),
  );
  if (cli && /npm-cli\.js$/.test(cli)) run(process.execPath, [cli, ...args], clean, ['ignore', 'ignore', 'pipe']);
  else run(isWindows ? 'npm.cmd' : 'npm', args, clean, ['ignore', 'ignore', 'pipe']);
}

function isNewEnough(version) {
  const [major, minor] = version.replace(/^v/, '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 15);
}

/** The path of a Node that satisfies `engines`. */
function readyNode() {
  if (isNewEnough(process.version)) return process.execPath;
  const os = isWindows ? 'win' : process.platform;
  const name = `node-${os}-${process.arch}`;
  const home = join(root, '.cache', `node-${pkg.remora.node}`);
  const binary = join(home, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node');
  if (!existsSync(binary)) {
    say(`Node ${process.version} is too old; taking Node ${pkg.remora.node} from npm, once`);
    mkdirSync(home, { recursive: true });
    npm(
      [
        'install',
        '--prefix',
        home,
        '--no-save',
        '--no-package-lock',
        '--no-audit',
        '--no-fund',
        '--ignore-scripts',
        `${name}@${pkg.remora.node}`,
      ],
      process.env,
    );
    if (!existsSync(binary))
      fail(`npm has no Node ${pkg.remora.node} for ${process.platform}-${process.arch}: install Node 24 yourself`);
  }
  return binary;
}

function readyModules(env) {
  const stamp = join(root, 'node_modules', '.remora-stamp');
  const wanted = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(process.platform + process.arch)
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  say('installing the locked dependencies, once');
  npm(['ci', '--no-audit', '--no-fund', '--ignore-scripts'], env);
  writeFileSync(stamp, wanted);
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? files(path) : [path];
  });
}

/** Builds `dist/` when a source is not the one it was built from. */
function readyBuild(node, env) {
  const hash = createHash('sha256');
  for (const path of [
    ...files(join(root, 'src')),
    join(root, 'tsconfig.json'),
    join(root, 'package-lock.json'),
  ].sort()) {
    hash
      .update(path)
      .update(String(statSync(path).size))
      .update(readFileSync(path));
  }
  const wanted = hash.digest('hex');
  const stamp = join(root, 'dist', '.remora-stamp');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  run(node, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.json'], env);
  writeFileSync(stamp, wanted);
}

const bin = (name, path) => join(root, 'node_modules', name, path);
const TASKS = {
  build: () => [],
  test: (args) => [[bin('vitest', 'vitest.mjs'), 'run', '--config', 'test/vitest.config.ts', ...args]],
  demo: (args) => [['dist/main.js', 'demo', ...args]],
  remora: (args) => [['dist/main.js', ...args]],
  bench: (args) => [['test/bench/main.mjs', ...args]],
  soak: (args) => [['test/soak/main.mjs', ...args]],
  check: () => [
    [bin('typescript', 'bin/tsc'), '-p', 'test/tsconfig.json'],
    [bin('@biomejs/biome', 'bin/biome'), 'check', '--config-path=test/biome.config.json', 'src', 'test'],
  ],
  format: () => [
    [bin('@biomejs/biome', 'bin/biome'), 'check', '--write', '--config-path=test/biome.config.json', 'src', 'test'],
  ],
};

const [name, ...args] = process.argv.slice(2);
const task = TASKS[name];
if (task === undefined) fail(`no task "${name}"; there are: ${Object.keys(TASKS).join(', ')}`);

const node = readyNode();
const env = { ...process.env, PATH: `${dirname(node)}${isWindows ? ';' : ':'}${process.env.PATH}` };
readyModules(env);
readyBuild(node, env);

// Steps run one after the other; a signal to us is a signal to the step that runs.
let status = 0;
for (const step of task(args)) {
  status = await new Promise((resolve) => {
    const child = spawn(node, step, { cwd: root, env, stdio: 'inherit' });
    const pass = (signal) => child.kill(signal);
    process.on('SIGINT', pass);
    process.on('SIGTERM', pass);
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code, signal) => {
      process.off('SIGINT', pass);
      process.off('SIGTERM', pass);
      resolve(code ?? (signal === 'SIGINT' ? 130 : 1));
    });
  });
  if (status !== 0) break;
}
process.exitCode = status;
